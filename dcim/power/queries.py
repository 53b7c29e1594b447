"""Reading the power chain with its latest readings, through a scope."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import is_among
from dcim.errors import NotFoundError
from dcim.inventory.models import Cabinet, Rack
from dcim.inventory.space.reach import in_reach, select_whole_racks
from dcim.metering.families import DOWN, UP
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore, SampleStore
from dcim.paging import FIRST_PAGE, Page, Paging, fetch_page, narrow
from dcim.power.metering import Shown, add_phases, group_meters, is_at_place
from dcim.power.models import PowerNode

STATE_NAMES = {UP: "alive", DOWN: "dead"}


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One node of a feed. mv, ma, mw: the latest reading, none where not reported or not shown.

    A customer sees the feeds of its racks; readings only of racks that are wholly its own, since
    a shared rack's PDU measures the neighbours too.
    """

    id: int
    site_id: int
    parent_id: int | None
    kind: str
    code: str
    feed: str
    rated_a: int
    volts: int
    phases: int
    derate_pct: int
    rack_id: int | None
    rack_code: str | None
    cabinet_id: int | None
    cabinet_code: str | None
    meter_device_id: int | None
    state: str
    state_at: dt.datetime | None
    measured_at: dt.datetime | None
    mv: int | None
    ma: int | None
    mw: int | None
    # The power series, for charts; none where not measured or not shown.
    series_id: int | None


@dataclass(frozen=True, slots=True)
class NodeFilter:
    node_id: int | None = None
    site_id: int | None = None
    parent_id: int | None = None
    rack_id: int | None = None
    feed: str | None = None
    kind: str | None = None


def list_power_nodes(
    session: Session,
    scope: Scope,
    wanted: NodeFilter = NodeFilter(),
    paging: Paging = FIRST_PAGE,
    *,
    store: SampleStore | None = None,
) -> Page[NodeRow]:
    """Nodes with state and reading; at most six statements however many there are."""
    statement = (
        select(
            PowerNode.id,
            PowerNode.site_id,
            PowerNode.parent_id,
            PowerNode.kind,
            PowerNode.code,
            PowerNode.feed,
            PowerNode.rated_a,
            PowerNode.volts,
            PowerNode.phases,
            PowerNode.derate_pct,
            PowerNode.rack_id,
            Rack.code.label("rack_code"),
            Cabinet.id.label("cabinet_id"),
            Cabinet.code.label("cabinet_code"),
            PowerNode.meter_device_id,
        )
        .outerjoin(Rack, Rack.id == PowerNode.rack_id)
        .outerjoin(Cabinet, Cabinet.id == Rack.cabinet_id)
        .where(in_reach(scope, PowerNode.rack_id))
        .order_by(PowerNode.site_id, PowerNode.code, PowerNode.id)
    )
    statement = narrow(
        statement,
        (PowerNode.id, wanted.node_id),
        (PowerNode.site_id, wanted.site_id),
        # The chain above the rack is the operator's to know.
        (PowerNode.parent_id, wanted.parent_id if scope.is_staff else None),
        (PowerNode.rack_id, wanted.rack_id),
        (PowerNode.feed, wanted.feed),
        (PowerNode.kind, wanted.kind),
    )
    found = fetch_page(session, _unmeasured, statement, paging)
    return found.replace(_add_readings(session, scope, found.items, store or PostgresSampleStore()))


def find_power_node(session: Session, scope: Scope, node_id: int) -> NodeRow:
    """Raises NotFoundError for an absent node and for one out of reach alike."""
    found = list_power_nodes(session, scope, NodeFilter(node_id=node_id)).items
    if not found:
        raise NotFoundError("No such power node.")
    return found[0]


def _unmeasured(**fields: Any) -> NodeRow:
    return NodeRow(
        state="unknown",
        state_at=None,
        measured_at=None,
        mv=None,
        ma=None,
        mw=None,
        series_id=None,
        **fields,
    )


def _add_readings(
    session: Session, scope: Scope, rows: list[NodeRow], store: SampleStore
) -> list[NodeRow]:
    series = session.execute(
        select(
            Series.power_node_id, Series.device_id, Series.slot, Series.id,
            is_at_place().label("at_place"), Series.family,
        )
        .join(PowerNode, PowerNode.id == Series.power_node_id)
        .where(
            is_among(Series.power_node_id, [row.id for row in rows]),
            Series.family.in_(("power", "state")),
        )
    ).all()  # fmt: skip
    meters = group_meters(row[:5] for row in series if row.family == "power")
    states = {row.power_node_id: row.id for row in series if row.family == "state"}
    latest = store.latest(session, "power", [one for several in meters.values() for one in several])
    latest_states = store.latest(session, "state", list(states.values()))
    whole = None if scope.is_staff else set(session.scalars(select_whole_racks(scope)))
    done = []
    for row in rows:
        phases = meters.get(row.id, [])
        state = latest_states.get(states.get(row.id, 0))
        if state is not None:
            row = replace(  # noqa: PLW2901
                row,
                state=STATE_NAMES.get(int(state.values["state"]), "unknown"),
                state_at=dt.datetime.fromtimestamp(state.ts / 1000, dt.UTC),
            )
        if whole is None or row.rack_id in whole:
            shown = add_phases(latest[one] for one in phases if one in latest)
            first = phases[0] if phases else None
            row = _add_power(replace(row, series_id=first), shown)  # noqa: PLW2901
        if not scope.is_staff:
            row = replace(row, parent_id=None, meter_device_id=None)  # noqa: PLW2901
        done.append(row)
    return done


def _add_power(row: NodeRow, shown: Shown | None) -> NodeRow:
    if shown is None:
        return row
    return replace(row, measured_at=shown.measured_at, mv=shown.mv, ma=shown.ma, mw=shown.mw)
