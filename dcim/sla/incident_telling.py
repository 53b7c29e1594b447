"""Telling customers' people of incidents: what is new since they were last told, and only that."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.columns import is_among
from dcim.customers.models import ContractItem
from dcim.db import find_sender
from dcim.notices.telling import tell_people
from dcim.sla.findings import JOIN_MS
from dcim.sla.incident_mail import IncidentNews, write_incident
from dcim.sla.models import Incident, ToldIncident
from dcim.sla.queries import KIND_WORDS
from dcim.sla.subjects import both

# Until then what was measured may go on as the same incident: it isn't told as over before.
SETTLED = dt.timedelta(milliseconds=JOIN_MS)
# A measured incident that nobody was told of and that was over by then is no news.
NEWS_FOR = dt.timedelta(hours=1)
# Late readings move a measured edge by a poll or so; that is no change to be told.
MOVED = dt.timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class _State:
    """What an incident is to one customer now."""

    event: str
    items: list[int]
    started_at: dt.datetime
    ended_at: dt.datetime | None


def tell_incidents(session: Session, incidents: Sequence[Incident], now: dt.datetime) -> None:
    """Queue what is new about these to the people of whom they concern; called again with nothing
    new, nothing is queued. Needs staff's reach, and that nobody else keeps these rows meanwhile.

    One statement where nothing is new.
    """
    if find_sender(session) is None or not incidents:
        return
    known = _load_told(session, incidents)
    items: Mapping[int, ContractItem] | None = None
    for incident in incidents:
        states = dict(_read_states(incident, now))
        hit = {*states, *(customer for one, customer in known if one == incident.id)}
        for customer_id in sorted(hit):
            row = known.get((incident.id, customer_id))
            state = states.get(customer_id)
            news = _find_news(incident, row, state, now)
            if news is None:
                continue
            row = _remember(session, incident, customer_id, row, state)
            if items is None:
                items = _load_items(session, incidents)
            _tell(session, incident, customer_id, row, news, items)


def _read_states(incident: Incident, now: dt.datetime) -> Iterable[tuple[int, _State]]:
    ended = incident.ended_at
    if ended is not None and not incident.manual and now - ended < SETTLED:
        ended = None
    for customer_id in {impact.customer_id for impact in incident.impacts}:
        own = [one for one in incident.impacts if one.customer_id == customer_id]
        if any(one.severity == "down" for one in own):
            event = "incident.interruption"
        elif incident.kind == "power_feed":
            event = "incident.redundancy"
        else:
            event = "incident.information"
        items = sorted(one.contract_item_id for one in own if one.contract_item_id is not None)
        yield customer_id, _State(event, items, incident.started_at, ended)


def _find_news(
    incident: Incident, row: ToldIncident | None, state: _State | None, now: dt.datetime
) -> str | None:
    """One of `incident_mail.NEWS`, or None for nothing that wasn't told."""
    if state is None:
        return "withdrawn" if row is not None and row.items else None
    if row is None:
        return _find_first(incident, state, now)
    if row.event != state.event or set(state.items) != set(row.items):
        return "changed"
    if row.ended_at is None and state.ended_at is not None:
        return "over"
    return "changed" if _has_moved(incident, row, state) else None


def _find_first(incident: Incident, state: _State, now: dt.datetime) -> str | None:
    """What was over before anybody was told is told once it has settled, while it is news."""
    ended = incident.ended_at
    if ended is None:
        return "opened"
    if state.ended_at is None or (not incident.manual and now - ended >= NEWS_FOR):
        return None
    return "over"


def _has_moved(incident: Incident, row: ToldIncident, state: _State) -> bool:
    least = dt.timedelta(seconds=1) if incident.manual else MOVED
    if state.ended_at is None:
        goes_on = row.ended_at is not None and incident.ended_at is None
        return goes_on or (incident.manual and row.started_at != state.started_at)
    if row.ended_at is None:
        return False
    return max(abs(row.ended_at - state.ended_at), abs(row.started_at - state.started_at)) >= least


def _remember(
    session: Session,
    incident: Incident,
    customer_id: int,
    row: ToldIncident | None,
    state: _State | None,
) -> ToldIncident:
    if row is None:
        row = ToldIncident(incident_id=incident.id, customer_id=customer_id, times=0)
        session.add(row)
    row.times += 1
    if state is None:
        row.items = []
    else:
        row.event, row.items = state.event, state.items
        row.started_at, row.ended_at = state.started_at, state.ended_at
    session.flush()
    return row


def _tell(
    session: Session,
    incident: Incident,
    customer_id: int,
    row: ToldIncident,
    news: str,
    items: Mapping[int, ContractItem],
) -> None:
    what, what_en = KIND_WORDS[incident.kind]
    own = [items[one] for one in row.items if items[one].customer_id == customer_id]
    told = IncidentNews(
        incident.id, news, {"zh": what, "en": what_en}, row.event,
        [(both(one.label, one.label_en), one.code) for one in own],
        row.started_at, row.ended_at,
    )  # fmt: skip
    tell_people(
        session,
        [customer_id],
        row.event,
        f"incident/{incident.id}/{row.times}",
        lambda reader: write_incident(told, reader.language, reader.timezone),
    )


def _load_told(
    session: Session, incidents: Sequence[Incident]
) -> dict[tuple[int, int], ToldIncident]:
    rows = session.scalars(
        select(ToldIncident).where(
            is_among(ToldIncident.incident_id, [one.id for one in incidents])
        )
    )
    return {(row.incident_id, row.customer_id): row for row in rows}


def _load_items(session: Session, incidents: Sequence[Incident]) -> dict[int, ContractItem]:
    wanted = {
        impact.contract_item_id
        for incident in incidents
        for impact in incident.impacts
        if impact.contract_item_id is not None
    }
    rows = session.scalars(select(ContractItem).where(is_among(ContractItem.id, wanted)))
    return {row.id: row for row in rows}
