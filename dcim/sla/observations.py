"""Everything a contract's month is judged by, as docs/statement.md wants it (`jifang.inputs/1`)."""

import datetime as dt
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, Customer
from dcim.metering.batch import Columns
from dcim.metering.store import PostgresSampleStore, SampleStore
from dcim.sla.circumstances import Known, describe_incidents, describe_maintenance
from dcim.sla.evidence import fill_states
from dcim.sla.further_facts import further_facts
from dcim.sla.hand_meters import describe_meters
from dcim.sla.meters import Expected, Meter, Meters
from dcim.sla.probes import ProbeMeter, find_probe_meters, read_probed
from dcim.sla.rules.facts import Period
from dcim.sla.rules.intervals import Interval, Intervals, clip, subtract
from dcim.sla.rules.periods import day_start, month_days
from dcim.sla.rules.terms import Terms
from dcim.sla.rulings import (
    describe_decisions,
    describe_rulings,
    name_results,
    select_moved_into,
)
from dcim.sla.subjects import (
    ItemSubjects,
    Lane,
    both,
    climate_name,
    feed_name,
    find_subjects,
    room_label,
    rooms_of,
)
from dcim.sla.terms_in_force import Agreed, find_agreed
from dcim.sla.ticket_facts import describe_reports, name_observed
from dcim.sla.usage import (
    SampleSink,
    bandwidth_rows,
    bandwidth_step,
    clip_deltas,
    power_bins,
    power_step,
)
from dcim.sla.usage_orders import describe_order

RULES_VERSION = "1"
# States reach beyond the period: an event keeps its full length where the terms ask for it.
AROUND_MS = 86_400_000


def gather_inputs(
    session: Session,
    scope: Scope,
    contract: Contract,
    period: str,
    *,
    document: Mapping[str, Any],
    operator: Mapping[str, Any],
    store: SampleStore | None = None,
    meters: Meters | None = None,
    terms: str | None = None,
    usage: bool = True,
    samples: SampleSink | None = None,
) -> dict[str, Any]:
    """The inputs of a statement for a month like "2026-10", in the terms' zone.

    `terms` are a document to judge by instead of what is agreed, to try it. Without `usage` the
    bins of bandwidth and power, meters read by hand and the coverage of series are left out, which
    credits don't need: most of the work, and no statement can be made of the rest.

    Give one `meters` (see `open_meters`) to all contracts of a month, so that each panel and UPS
    is read once; it is left aside when it reaches over another stretch. `samples` is given what
    the bins are made of.
    Raises InvalidError when the contract has no terms for the month.
    """
    agreed = find_agreed(session, scope, contract, period) if terms is None else Agreed(terms)
    read = agreed.load()
    days = month_days(period)
    whole = Period(
        day_start(days[0], read.timezone),
        day_start(days[-1] + dt.timedelta(days=1), read.timezone),
    )
    if meters is None or (meters.start, meters.end) != _reach(whole, meters.end):
        meters = open_meters(session, whole, store)
    meters.session = session
    customer = session.get_one(Customer, contract.customer_id)
    subjects = find_subjects(
        session, scope, contract, meters.tree, days[0], days[-1] + dt.timedelta(days=1)
    )
    subjects = [each for each in subjects if _service(each, contract, read, whole) is not None]
    probes = find_probe_meters(session, scope, [each.item.id for each in subjects])
    work = _Gathering(meters, contract, read, whole, subjects, probes, usage=usage, samples=samples)
    work.run()
    known = Known(
        places={entry["name"]: entry["place"] for entry in work.resources},
        aliases={
            port.name: lane.name for each in subjects for lane in each.lanes for port in lane.ports
        },
        series=frozenset(work.series),
        until=meters.end,
        spans={
            port.name: list(port.spans)
            for each in subjects
            for lane in each.lanes
            for port in lane.ports
        },
    )
    incidents = describe_incidents(
        session, scope, contract, whole, known, select_moved_into(contract, whole)
    )
    climate = {
        room: [meter.name for meter in found if meter.family == "climate"]
        for room, found in meters.by_room.items()
    }
    observed = name_observed(subjects, work.resources, climate)
    by_hand: dict[str, Any] = {}
    if usage:
        by_hand = _meters_read_by_hand(session, scope, contract, read, whole, subjects, meters)
    return {
        "schema": "jifang.inputs/1",
        "rules_version": RULES_VERSION,
        "document": dict(document),
        "operator": dict(operator),
        "customer": {"code": customer.code, "name": both(customer.name, customer.name_en)},
        "contract": {
            "number": contract.number,
            "start": contract.starts_on.isoformat(),
            "end": _iso(contract.ends_on),
        },
        **agreed.as_inputs(),
        "period": period,
        "items": [
            _describe_item(each)
            | describe_order(each, read, _service(each, contract, read, whole) or (0, 0))
            for each in subjects
        ],
        "resources": work.resources,
        "incidents": incidents,
        "maintenance": describe_maintenance(session, scope, contract, whole, subjects, meters),
        "tickets": describe_reports(session, scope, contract, read, whole, observed),
        "decisions": describe_decisions(
            session, contract, period, name_results(read, (each.item for each in subjects))
        ),
        "bandwidth": work.bandwidth,
        "power": work.power,
        "series": sorted(work.series.values(), key=lambda entry: str(entry["series"])),
        **further_facts(session, scope, contract, read, whole),
        **describe_rulings(session, contract, incidents, known),
        **by_hand,
    }


def _meters_read_by_hand(
    session: Session,
    scope: Scope,
    contract: Contract,
    terms: Terms,
    period: Period,
    subjects: Sequence[ItemSubjects],
    meters: Meters,
) -> dict[str, Any]:
    """Where usage of power is charged and there are any."""
    kinds = {kind for one in terms.usage if one.method != "percentile" for kind in one.applies_to}
    services = {
        each.item.id: service
        for each in subjects
        if each.item.kind in kinds
        and (service := _service(each, contract, terms, period)) is not None
    }
    found = describe_meters(session, scope, subjects, services, meters.tree) if services else []
    return {"meters": found} if found else {}


def open_meters(
    session: Session,
    period: Period,
    store: SampleStore | None = None,
    expected: Expected | None = None,
) -> Meters:
    """Reads for a period and a day around it, as far as time has got."""
    reach = _reach(period, time.time_ns() // 1_000_000)
    return Meters(session, store or PostgresSampleStore(), *reach, expected=expected)


def _reach(period: Period, now_ms: int) -> Interval:
    return period.start - AROUND_MS, max(period.end, min(period.end + AROUND_MS, now_ms))


def _iso(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()


def _service(
    each: ItemSubjects, contract: Contract, terms: Terms, period: Period
) -> Interval | None:
    """When the item is in service within the period, UTC ms; None when never."""
    item = each.item
    first = max(item.starts_on, contract.starts_on)
    ends = [day for day in (item.ends_on, contract.ends_on) if day is not None]
    low = max(period.start, day_start(first, terms.timezone))
    high = min([period.end, *(day_start(day, terms.timezone) for day in ends)])
    return (low, high) if low < high else None


def _describe_item(each: ItemSubjects) -> dict[str, Any]:
    item = each.item
    entry: dict[str, Any] = {
        "id": item.code,
        "kind": item.kind,
        "label": both(item.label, item.label_en),
        "name": each.name,
        "place": each.place,
        "mrc": f"{each.agreed.monthly_fee:.2f}",
        "start": item.starts_on.isoformat(),
        "end": _iso(item.ends_on),
    }
    if each.service is not None:
        entry["commit_bps"] = each.service.commit_bps
    if each.racks:
        entry["conditions"] = {"dual_fed": each.dual_fed}
    return entry


class _Gathering:
    """Collects resources, bins and coverage; a series counts once, whoever asks for it."""

    def __init__(
        self,
        meters: Meters,
        contract: Contract,
        terms: Terms,
        period: Period,
        subjects: Sequence[ItemSubjects],
        probes: Mapping[int, Sequence[ProbeMeter]],
        *,
        usage: bool,
        samples: SampleSink | None,
    ) -> None:
        self.meters, self.terms, self.period = meters, terms, period
        self.contract, self.subjects, self.probes = contract, subjects, probes
        self.usage, self.samples = usage, samples
        self.resources: list[dict[str, Any]] = []
        self.bandwidth: list[dict[str, Any]] = []
        self.power: list[dict[str, Any]] = []
        self.series: dict[str, dict[str, Any]] = {}

    def run(self) -> None:
        for each in self.subjects:
            service = _service(each, self.contract, self.terms, self.period)
            if service is None:
                continue
            for rack in each.racks:
                for pdu in rack.pdus:
                    self._add_feed(each, rack.place, pdu.id)
                    if rack.whole and self.usage:
                        self._add_power(each, pdu.id, service)
            for lane in each.lanes:
                self._add_lane(each, lane)
            if each.service is not None and self.usage:
                self._add_bandwidth(each, service)
            for probe in self.probes.get(each.item.id, ()):
                self._add_probe(each, probe)
        for room, codes in rooms_of(self.subjects).values():
            for meter in self.meters.by_room.get(room.id, []):
                if meter.family == "climate":
                    label = {
                        language: f"{words} {meter.name}"
                        for language, words in room_label(room).items()
                    }
                    self._add_climate(meter, codes, f"{room.site.code} / {room.code}", label)

    def _share(self, name: str, code: str) -> bool:
        """Whether the resource is there already; then the item joins it."""
        for entry in self.resources:
            if entry["name"] == name:
                if code not in entry["items"]:
                    entry["items"].append(code)
                return True
        return False

    def _add_feed(self, each: ItemSubjects, place: str, pdu_id: int) -> None:
        pdu = self.meters.tree.nodes[pdu_id]
        name = feed_name(pdu)
        if self._share(name, each.item.code):
            return
        states = self.meters.feed(pdu).states
        self.resources.append(
            {
                "name": name,
                "kind": "power_feed",
                "items": [each.item.code],
                "label": both(f"{pdu.code} {pdu.feed} 路", f"{pdu.code}, feed {pdu.feed}"),
                "place": place,
                "feed": pdu.feed,
                "states": [list(state) for state in states],
            }
        )
        for node in self.meters.tree.path(pdu_id):
            for meter in self.meters.by_node.get(node.id, []):
                self._cover(meter, both(f"{node.code} 电表", f"Meter of {node.code}"))
            if node.has_own_source:
                break

    def _add_power(self, each: ItemSubjects, pdu_id: int, service: Interval) -> None:
        pdu = self.meters.tree.nodes[pdu_id]
        meters = [m for m in self.meters.by_node.get(pdu_id, []) if m.family == "power"]
        if not meters:
            return
        columns = self.meters.columns(meters[0], *service)
        if self.samples is not None:
            self.samples.add_power(pdu.code, meters[0].name, columns)
        self.power.append(
            {
                "id": pdu.code,
                "item": each.item.code,
                "label": both(f"{pdu.code} {pdu.feed} 路", f"{pdu.code}, feed {pdu.feed}"),
                "feed": pdu.feed,
                "rated_w": pdu.rated_w,
                "derated_w": pdu.derated_w,
                "contract_w": each.agreed.contracted_w,
                "bins": power_bins(
                    columns,
                    *service,
                    power_step(self.terms.usage, each.item.kind, service[0]),
                ),
            }
        )

    def _add_lane(self, each: ItemSubjects, lane: Lane) -> None:
        states: list[list[Any]] = []
        for port in lane.ports:
            spans = clip(port.spans, self.meters.start, self.meters.end)
            found = self.meters.of_port(port.port_id, "state")
            for bound in found:
                held = self.meters.held(bound.meter)
                mine = bound.within(spans)
                for low, high in mine:
                    states += [list(state) for state in fill_states(held, low, high)]
                label = both(f"{port.label} 状态", f"State of {port.label}")
                self._cover(bound.meter, label, mine)
            if found:
                measured = [(bound.start, bound.end) for bound in found]
                states += [[low, high, "unknown"] for low, high in subtract(spans, measured)]
        self.resources.append(
            {
                "name": lane.name,
                "kind": "port",
                "items": [each.item.code],
                "label": both(lane.label),
                "place": lane.place,
                "states": sorted(states),
            }
        )

    def _add_bandwidth(self, each: ItemSubjects, service: Interval) -> None:
        interval = bandwidth_step(self.terms.usage, each.item.kind)
        # One port's month at a time: a service may have hundreds.
        members = self._read_members(each, service, interval)
        self.bandwidth.append(
            {
                "item": each.item.code,
                "label": both(each.item.label, each.item.label_en),
                "bins": bandwidth_rows(members, service[0], service[1], interval),
            }
        )

    def _read_members(
        self, each: ItemSubjects, service: Interval, interval: int
    ) -> Iterator[tuple[Columns, Intervals]]:
        for port in each.ports:
            spans = clip(port.spans, *service)
            for bound in self.meters.of_port(port.port_id, "traffic"):
                if not (mine := bound.within(spans)):
                    continue
                label = both(f"{port.label} 流量", f"Traffic of {port.label}")
                self._cover(bound.meter, label, mine)
                low, high = service[0] - interval, service[1] + 2 * interval
                columns = self.meters.columns(bound.meter, low, high)
                if self.samples is not None:
                    deltas = clip_deltas(columns, mine)
                    self.samples.add_traffic(each.item.code, bound.meter.name, mine, deltas)
                yield columns, mine

    def _add_climate(
        self, meter: Meter, codes: Sequence[str], place: str, label: Mapping[str, str]
    ) -> None:
        values = self.meters.temperatures(meter)
        self.resources.append(
            {
                "name": climate_name(meter.name),
                "kind": "temperature",
                "items": list(codes),
                "label": dict(label),
                "place": place,
                "values": [list(value) for value in values],
            }
        )
        self._cover(meter, label)

    def _add_probe(self, each: ItemSubjects, probe: ProbeMeter) -> None:
        """Four resources of one series: three of values, one of states."""
        columns = self.meters.columns(probe.meter)
        found = read_probed(columns, self.meters.start, self.meters.end)
        for kind, zh, en, shown in (
            ("loss", "丢包", "Loss", {"values": found.loss}),
            ("latency", "时延", "Latency", {"values": found.latency}),
            ("jitter", "抖动", "Jitter", {"values": found.jitter}),
            ("reachability", "可达性", "Reachability", {"states": found.reachability}),
        ):
            self.resources.append(
                {
                    "name": f"{kind}/{probe.code}",
                    "kind": kind,
                    "items": [each.item.code],
                    "label": both(f"{probe.code} {zh}", f"{en}, {probe.code}"),
                    "place": probe.address,
                    **{name: [list(row) for row in rows] for name, rows in shown.items()},
                }
            )
        self._cover(probe.meter, both(f"{probe.code} 探测", f"Echoes to {probe.code}"))

    def _cover(
        self, meter: Meter, label: Mapping[str, str], spans: Sequence[Interval] | None = None
    ) -> None:
        if meter.name in self.series or not self.usage:
            return
        wanted = [(self.period.start, self.period.end)]
        if spans is not None:
            wanted = clip(spans, self.period.start, self.period.end)
        expected = received = 0
        for low, high in wanted:
            steps = (high - low) // (meter.step_s * 1000)
            expected += steps
            received += min(self.meters.received(meter, low, high), steps)
        self.series[meter.name] = {
            "series": meter.name,
            "label": dict(label),
            "expected": expected,
            "received": received,
        }
