"""What can have an alarm: ports, power nodes, sensors, agents and contracts' items, with what rules
judge them by."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from dcim.alarms.port_parts import MemberPort, Named, Parts, read_light, read_members
from dcim.alarms.rules.quantities import (
    AGENT,
    ITEM,
    LIGHT,
    MEMBERS,
    NODE,
    PORT,
    QUANTITIES,
    SENSOR,
)
from dcim.columns import utc_now
from dcim.customers.models import Contract, ContractItem, ContractTerms, Customer
from dcim.inventory.models import Cabinet, Device, Installation, Rack, Room, Row
from dcim.metering.models import Series
from dcim.network.models import BandwidthService, Port, ServiceMembership
from dcim.power.chain import load_tree
from dcim.power.metering import group_meters, is_at_place
from dcim.power.models import PowerNode
from dcim.sla.evidence import HOLDS_MS
from dcim.sla.whereabouts import locate_items
from dcim.snmp.agents.models import SnmpAgent

DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Subject:
    """`id` is the port's, power node's, climate series', agent's or contract item's.
    `subject_class` is a port's role or a node's kind. `series` by family, of one with several parts
    each part's; `facts` what quantities are shares of, `parts` those of each part by the same names
    as its series, `names` what the parts are called. `rhythms`: which series come otherwise than
    each `step_s`: (seconds between samples, ms that one holds).

    `polled_ms`: when its device was last asked, `answered_ms` when that last answered (UTC epoch
    ms); None where nobody asks. `known_as`: what a port is called, by its device last.
    """

    kind: str
    id: int
    label: str
    site_id: int | None
    subject_class: str = ""
    device_id: int | None = None
    customer_id: int | None = None
    room_id: int | None = None
    series: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    step_s: int = 60
    facts: Mapping[str, float] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rhythms: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    polled_ms: int | None = None
    answered_ms: int | None = None
    known_as: tuple[str, ...] = ()

    def step_of(self, key: str) -> int:
        """Seconds from one sample to the next, of its series by that name."""
        return self.rhythms[key][0] if key in self.rhythms else self.step_s

    def holds_of(self, key: str) -> int:
        """So many ms a sample of it holds (`sla.ports` and boards say the same)."""
        return self.rhythms[key][1] if key in self.rhythms else max(HOLDS_MS, self.step_s * 1500)


@dataclass(frozen=True, slots=True)
class _Place:
    site_id: int | None
    polled_ms: int | None


def load_subjects(session: Session, quantities: Collection[str]) -> dict[str, list[Subject]]:
    """All that can have an alarm by these, by kind; two statements a kind at most, and one for
    each quantity of ports' parts."""
    places = _read_places(session)
    wanted = [QUANTITIES[name] for name in quantities]
    found = {
        kind: _LOADERS[kind](session, places) for kind in sorted({one.subject for one in wanted})
    }
    keys = {one.key for one in wanted} & {LIGHT, MEMBERS}
    if keys:
        found[PORT] = _add_parts(session, found[PORT], keys)
    return found


def _add_parts(session: Session, ports: Sequence[Subject], keys: Collection[str]) -> list[Subject]:
    known: dict[str, dict[Named, Parts]] = {}
    if LIGHT in keys:
        known[LIGHT] = read_light(session)
    if MEMBERS in keys:
        known[MEMBERS] = read_members(
            session,
            {
                (one.device_id or 0, name): MemberPort(
                    series_id=one.series["state"][0],
                    speed_bps=int(one.facts["speed_bps"]),
                    step_s=one.step_s,
                    holds_ms=one.holds_of("state"),
                )
                for one in ports
                if "state" in one.series
                for name in one.known_as
            },
        )
    return [_with_parts(one, known) for one in ports]


def _with_parts(port: Subject, known: Mapping[str, Mapping[Named, Parts]]) -> Subject:
    own = {
        key: parts
        for key, by_port in known.items()
        for name in port.known_as
        if (parts := by_port.get((port.device_id or 0, name))) is not None
    }
    if not own:
        return port
    return replace(
        port,
        series={**port.series, **{key: parts.series for key, parts in own.items()}},
        parts={key: parts.facts for key, parts in own.items()},
        names={key: parts.names for key, parts in own.items()},
        rhythms={key: (parts.step_s, parts.holds_ms) for key, parts in own.items()},
    )


def _read_places(session: Session) -> dict[int, _Place]:
    """By device: the site it stands at, and when it was last asked."""
    rows = session.execute(
        select(Device.id, Room.site_id, _ms(SnmpAgent.last_poll_at))
        .outerjoin(Installation, Installation.device_id == Device.id)
        .outerjoin(Rack, Rack.id == Installation.rack_id)
        .outerjoin(Cabinet, Cabinet.id == Rack.cabinet_id)
        .outerjoin(Row, Row.id == Cabinet.row_id)
        .outerjoin(Room, Room.id == Row.room_id)
        .outerjoin(SnmpAgent, and_(SnmpAgent.device_id == Device.id, SnmpAgent.enabled))
        .where(Device.id.in_(select(Series.device_id)) | Device.id.in_(select(SnmpAgent.device_id)))
    )
    return {
        device_id: _Place(site_id, None if polled is None else int(polled))
        for device_id, site_id, polled in rows
    }


_NOWHERE = _Place(None, None)


def _ms(column: Any) -> Any:
    return func.round(func.extract("epoch", column) * 1000).label("ms")


def _load_ports(session: Session, places: Mapping[int, _Place]) -> list[Subject]:
    now = utc_now()
    traffic, state, discards = aliased(Series), aliased(Series), aliased(Series)
    membership = and_(
        ServiceMembership.port_id == Port.id,
        ServiceMembership.starts_at <= now,
        or_(ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > now),
    )
    rows = session.execute(
        select(
            Port.id,
            Port.name,
            Port.role,
            Port.speed_bps,
            Port.device_id,
            Device.name,
            ServiceMembership.customer_id,
            BandwidthService.commit_bps,
            traffic.id,
            state.id,
            discards.id,
            func.coalesce(traffic.step_s, state.step_s),
            traffic.slot,
            state.slot,
        )
        .join(Device, Device.id == Port.device_id)
        .outerjoin(ServiceMembership, membership)
        .outerjoin(BandwidthService, BandwidthService.id == ServiceMembership.service_id)
        .outerjoin(traffic, and_(traffic.port_id == Port.id, traffic.family == "traffic"))
        .outerjoin(state, and_(state.port_id == Port.id, state.family == "state"))
        .outerjoin(discards, and_(discards.port_id == Port.id, discards.family == "discards"))
        .where(Port.enabled, or_(traffic.id.is_not(None), state.id.is_not(None)))
        .order_by(Port.id)
    )
    found = {}
    for (
        port_id, name, role, speed, device_id, device, customer_id, commit, traffic_id, state_id,
        discards_id, step_s, *slots,
    ) in rows:  # fmt: skip
        series = {"traffic": traffic_id, "state": state_id, "discards": discards_id}
        place = places.get(device_id, _NOWHERE)
        found[port_id] = Subject(
            PORT,
            port_id,
            f"{device} {name}"[:255],
            place.site_id,
            role,
            device_id,
            customer_id,
            series={family: (one,) for family, one in series.items() if one is not None},
            step_s=step_s,
            facts={"speed_bps": speed, "commit_bps": commit or 0},
            polled_ms=place.polled_ms,
            known_as=tuple(dict.fromkeys((name, *(slot for slot in slots if slot is not None)))),
        )
    return list(found.values())


def _load_nodes(session: Session, places: Mapping[int, _Place]) -> list[Subject]:
    rows = session.execute(
        select(
            PowerNode.id, Series.device_id, Series.slot, Series.id, is_at_place(),
            PowerNode.site_id, Series.step_s,
        )
        .join(Series, and_(Series.power_node_id == PowerNode.id, Series.family == "power"))
        .order_by(PowerNode.id, Series.id)
    ).all()  # fmt: skip
    if not rows:
        return []
    tree = load_tree(session)
    meters = group_meters(row[:5] for row in rows)
    found = {}
    for node_id, device_id, _, series_id, _, site_id, step_s in rows:
        phases = meters[node_id]
        if series_id != phases[0]:
            continue
        node = tree.nodes[node_id]
        found[node_id] = Subject(
            NODE,
            node_id,
            node.code,
            site_id,
            node.kind,
            device_id,
            series={"power": tuple(phases)},
            step_s=step_s,
            facts={
                "phase_v": node.phase_v,
                "phases": node.phases,
                "power_factor_pct": node.power_factor_pct,
                "derated_a": node.rated_a * node.derate_pct / 100,
            },
            polled_ms=places.get(device_id or 0, _NOWHERE).polled_ms,
        )
    return list(found.values())


def _load_sensors(session: Session, places: Mapping[int, _Place]) -> list[Subject]:
    rows = session.execute(
        select(
            Series.id, Series.slot, Series.device_id, Series.step_s, Device.name, Room.id,
            Room.code, Room.site_id,
        )
        .join(Room, Room.id == Series.room_id)
        .join(Device, Device.id == Series.device_id)
        .where(Series.family == "climate")
        .order_by(Series.id)
    )  # fmt: skip
    return [
        Subject(
            SENSOR,
            series_id,
            f"{room} {device}/{slot}"[:255],
            site_id,
            "",
            device_id,
            room_id=room_id,
            series={"climate": (series_id,)},
            step_s=step_s,
            polled_ms=places.get(device_id or 0, _NOWHERE).polled_ms,
        )
        for series_id, slot, device_id, step_s, device, room_id, room, site_id in rows
    ]


def _load_agents(session: Session, places: Mapping[int, _Place]) -> list[Subject]:
    """`series`: one series of each family that its device has, by which history tells when it
    answered."""
    one_each: dict[int, dict[str, tuple[int, ...]]] = {}
    for device_id, family, series_id in session.execute(
        select(Series.device_id, Series.family, func.min(Series.id))
        .where(Series.device_id.is_not(None))
        .group_by(Series.device_id, Series.family)
    ):
        one_each.setdefault(device_id or 0, {})[family] = (series_id,)
    rows = session.execute(
        select(
            SnmpAgent.id, SnmpAgent.device_id, SnmpAgent.address, Device.name,
            _ms(SnmpAgent.last_poll_at), _ms(SnmpAgent.last_answer_at),
        )
        .join(Device, Device.id == SnmpAgent.device_id)
        .where(SnmpAgent.enabled)
        .order_by(SnmpAgent.id)
    )  # fmt: skip
    return [
        Subject(
            AGENT,
            agent_id,
            f"{device} ({address})"[:255],
            places.get(device_id, _NOWHERE).site_id,
            "",
            device_id,
            series=one_each.get(device_id, {}),
            polled_ms=None if polled is None else int(polled),
            answered_ms=None if answered is None else int(answered),
        )
        for agent_id, device_id, address, device, polled, answered in rows
    ]


def _load_items(session: Session, places: Mapping[int, _Place]) -> list[Subject]:
    """Of contracts that are in force and have terms; at a site where all they have is at one."""
    today = utc_now().date()
    in_force = [
        and_(one.starts_on <= today + DAY, or_(one.ends_on.is_(None), one.ends_on > today - DAY))
        for one in (Contract, ContractItem)
    ]
    rows = session.execute(
        select(ContractItem.id, ContractItem.code, Customer.id, Customer.code)
        .join(Contract, Contract.id == ContractItem.contract_id)
        .join(Customer, Customer.id == ContractItem.customer_id)
        .where(
            Contract.state != "draft",
            *in_force,
            exists().where(ContractTerms.contract_id == Contract.id),
        )
        .order_by(ContractItem.id)
    ).all()
    sites = locate_items(session, [item_id for item_id, *_rest in rows])
    found = []
    for item_id, code, customer_id, customer in rows:
        at = sites.get(item_id, frozenset())
        site_id = next(iter(at)) if len(at) == 1 else None
        label = f"{code} ({customer})"[:255]
        found.append(Subject(ITEM, item_id, label, site_id, customer_id=customer_id))
    return found


_LOADERS: Mapping[str, Callable[[Session, Mapping[int, _Place]], list[Subject]]] = MappingProxyType(
    {
        PORT: _load_ports,
        NODE: _load_nodes,
        SENSOR: _load_sensors,
        AGENT: _load_agents,
        ITEM: _load_items,
    }
)
