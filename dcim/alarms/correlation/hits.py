"""Who is hit by roots and what follows from them, and how."""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.alarms.correlation.dependencies import Dependencies, Graph
from dcim.alarms.correlation.folding import Correlation
from dcim.alarms.correlation.subjects import DOWN, SILENT, WEAKENED, Raised, Subject
from dcim.columns import is_among
from dcim.customers.models import Customer
from dcim.errors import ForbiddenError
from dcim.inventory.models import Device
from dcim.power.models import PowerNode
from dcim.sla.affected import AffectedCustomer, Loss, find_affected_by
from dcim.sla.losses import Chain, find_losses, load_chain

# From the worst. "machines": what was sold keeps its feeds or ports, a machine of the customer's
# own doesn't; "unknown": what it has there is silent, and nothing shows it dead.
HOWS = ("down", "machines", "no_redundancy", "unknown")


@dataclass(frozen=True, slots=True)
class Hit:
    """`customer` with the items that lose something, the worst first, by cabinet or port; none
    where only `devices` do: its own machines that stand or are reached no more, by name."""

    customer: AffectedCustomer
    how: str
    devices: tuple[str, ...] = ()


@dataclass(slots=True)
class _Struck:
    """Ids. `nodes`, `ports` and `devices` are dead, or cut off by what is; `feeds` are dead in a
    rack that is known to live on its other one; `quiet` devices are silent, and no more is known.
    """

    nodes: set[int] = field(default_factory=set)
    ports: set[int] = field(default_factory=set)
    devices: set[int] = field(default_factory=set)
    feeds: set[int] = field(default_factory=set)
    quiet: set[int] = field(default_factory=set)

    def joined(self, other: "_Struck") -> "_Struck":
        """With what else is dead."""
        return _Struck(
            self.nodes | other.nodes, self.ports | other.ports, self.devices | other.devices
        )


def find_hit(
    session: Session,
    scope: Scope,
    roots: Collection[int],
    raised: Iterable[Raised],
    dependencies: Dependencies,
    correlation: Correlation,
    *,
    now: dt.datetime,
) -> list[Hit]:
    """Whom these roots hit now, the hardest hit first. For staff.

    Found by the power and network model, so a cabinet counts that raised no alarm of its own. How
    hard is judged with all that is dead: who has lost A to one root and B to another is down by
    either. For an unknown hit the losses are what it would lose. At most 23 statements.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff see whom an alarm hits.")
    return _Finding(session, scope, Graph(dependencies), list(raised), correlation, now).find(
        set(roots)
    )


Affected = dict[int, AffectedCustomer]


@dataclass(slots=True)
class _Finding:
    session: Session
    scope: Scope
    graph: Graph
    raised: list[Raised]
    correlation: Correlation
    now: dt.datetime

    def find(self, roots: set[int]) -> list[Hit]:
        own = self._strike(roots)
        silenced = self._measured_by(own.quiet)
        chain = load_chain(self.session, own.nodes | own.feeds | silenced.nodes)
        found = self._affected(chain, own)
        rest = self._strike(set(self.correlation.roots) - roots)
        # What doesn't feed anything there makes nothing worse.
        rest = _Struck(rest.nodes & chain.nodes.keys(), rest.ports, rest.devices)
        if rest.nodes or rest.ports or rest.devices:
            both = self._affected(chain, own.joined(rest))
            found = _leave_out(both, found, self._affected(chain, rest))
        hits = {key: Hit(one, _judge(one)) for key, one in found.items()}
        for key, one in self._affected(chain, _Struck(nodes=own.feeds)).items():
            hits.setdefault(key, Hit(one, "no_redundancy"))
        self._add_machines(hits, own.devices, "machines")
        for key, one in self._affected(chain, silenced).items():
            hits.setdefault(key, Hit(one, "unknown"))
        self._add_machines(hits, own.quiet, "unknown")
        return sorted(hits.values(), key=lambda hit: (HOWS.index(hit.how), hit.customer.code))

    def _strike(self, roots: Collection[int]) -> _Struck:
        """What is dead, weak or silent by these roots, as far as alarms say so."""
        silent = {alarm.key for alarm in self.raised if alarm.trouble == SILENT}
        struck = _Struck()
        for alarm in self.raised:
            fold = self.correlation.folds[alarm.key]
            if fold.root not in roots:
                continue
            if alarm.trouble == DOWN:
                self._add_dead(struck, alarm.subject)
            elif alarm.trouble in WEAKENED and fold.is_root and alarm.subject.kind == "rack":
                struck.feeds.update(self.graph.feeds_of(alarm.subject.id)[:1])
            elif alarm.trouble == SILENT:
                device_id = self.graph.given.device_meant(alarm.subject)
                if device_id is not None:
                    # Behind what is dead it isn't reached; behind mere silence nobody knows.
                    (struck.quiet if fold.root in silent else struck.devices).add(device_id)
        return struck

    def _add_dead(self, struck: _Struck, subject: Subject) -> None:
        if subject.kind == "power_node":
            struck.nodes.add(subject.id)
        elif subject.kind == "rack":
            struck.nodes.update(self.graph.feeds_of(subject.id))
        elif subject.kind == "device":
            struck.devices.add(subject.id)
        elif subject.kind == "port":
            struck.ports.add(subject.id)
        elif subject.kind == "service":
            struck.ports.update(self.graph.given.services.get(subject.id, ()))

    def _affected(self, chain: Chain, struck: _Struck) -> Affected:
        if not (struck.nodes or struck.ports or struck.devices):
            return {}
        found = find_affected_by(
            self.session, self.scope, find_losses(chain, struck.nodes), struck.ports,
            struck.devices, self.now,
        )  # fmt: skip
        return {one.id: one for one in found}

    def _measured_by(self, devices: Collection[int]) -> _Struck:
        """What was told of by these devices: their nodes of the chain, and their ports."""
        if not devices:
            return _Struck()
        nodes = self.session.scalars(
            select(PowerNode.id).where(is_among(PowerNode.meter_device_id, devices))
        )
        return _Struck(nodes=set(nodes), devices=set(devices))

    def _add_machines(self, hits: dict[int, Hit], devices: Collection[int], how: str) -> None:
        """Customers' own machines among the devices."""
        if not devices:
            return
        rows = self.session.execute(
            select(Device.name, Customer)
            .join(Customer, Customer.id == Device.customer_id)
            .where(is_among(Device.id, devices), self.scope.filter(Device.customer_id))
            .order_by(Device.name)
        )
        for name, customer in rows:
            known = hits.get(customer.id)
            if known is None:
                owner = AffectedCustomer(
                    customer.id, customer.code, customer.name, customer.name_en,
                    customer.language, customer.timezone,
                )  # fmt: skip
                known = Hit(owner, how)
            worst = min(known.how, how, key=HOWS.index)
            hits[customer.id] = Hit(known.customer, worst, (*known.devices, name))


def _judge(customer: AffectedCustomer) -> str:
    losses = [loss for item in customer.items for loss in item.losses]
    return min((how_of(loss) for loss in losses), key=HOWS.index)


def how_of(loss: Loss) -> str:
    """One of HOWS."""
    if loss.kind == "down" or (loss.kind == "port" and not loss.kept):
        return "down"
    return "machines" if loss.kind == "devices" or loss.machines else "no_redundancy"


def _leave_out(both: Affected, own: Affected, rest: Affected) -> Affected:
    """Of what both together do, the places hit by the own roots alone, and what the rest alone
    wouldn't do to them."""
    places = {
        (item.id, loss.where) for one in own.values() for item in one.items for loss in item.losses
    }
    without = {
        (item.id, loss) for one in rest.values() for item in one.items for loss in item.losses
    }
    kept: Affected = {}
    for customer in both.values():
        items = []
        for item in customer.items:
            losses = [
                loss
                for loss in item.losses
                if (item.id, loss.where) in places or (item.id, loss) not in without
            ]
            if losses:
                items.append(replace(item, losses=losses))
        if items:
            kept[customer.id] = replace(customer, items=items)
            kept[customer.id].sort()
    return kept
