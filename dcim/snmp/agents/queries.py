"""Reading polled agents and the names of credentials. What a credential holds is never read here.

Agents are the operator's: these functions are for staff.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, and_, func, literal, or_, select
from sqlalchemy.orm import Session

from dcim.columns import utc_now
from dcim.errors import NotFoundError
from dcim.inventory.models import Cabinet, Device, Installation, Rack, Room, Row
from dcim.paging import FIRST_PAGE, Page, Paging, Query, contains, fetch_page
from dcim.snmp.agents.drop_counts import day_of
from dcim.snmp.agents.models import PollDrop, SnmpAgent, SnmpCredential
from dcim.snmp.wire.drops import UNANSWERED

# What lists of agents can be narrowed to, and ordered by.
STATES = ("silent", "stalled", "never", "answering", "off")
SORTS = ("", "device", "polled", "answered", "took", "unanswered", "dropped")


@dataclass(frozen=True, slots=True)
class AgentRow:
    id: int
    device_id: int
    device_name: str
    credential_id: int
    credential_name: str
    address: str
    udp_port: int
    shard: int
    enabled: bool
    profile: str
    sys_name: str
    sys_descr: str
    sys_object_id: str
    last_poll_at: dt.datetime | None
    last_answer_at: dt.datetime | None
    last_error: str
    last_duration_ms: int | None
    silent_polls: int
    last_check_at: dt.datetime | None
    last_check_error: str
    # Of this UTC day: requests without an answer in time, and datagrams that weren't believed.
    unanswered_today: int
    dropped_today: int


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """A credential without its secrets: they can be written, never read."""

    id: int
    name: str
    version: str
    username: str | None
    auth_protocol: str | None
    priv_protocol: str | None
    context: str
    created_at: dt.datetime


def list_agents(
    session: Session,
    paging: Paging = FIRST_PAGE,
    *,
    device_id: int | None = None,
    agent_id: int | None = None,
    silent: bool | None = None,
    state: str = "",
    stalled_before: dt.datetime | None = None,
    wanted: str = "",
    sort: str = "device",
    descending: bool = False,
) -> Page[AgentRow]:
    """`silent`: whether the last poll went unanswered. `state` is one of STATES, `wanted` a part of
    the device's name, address or sysName, `sort` one of SORTS: "" has those in trouble first.
    What was polled last before `stalled_before` is polled by nobody.
    """
    today = (
        select(
            PollDrop.agent_id,
            func.sum(PollDrop.count).filter(PollDrop.reason == UNANSWERED).label("unanswered"),
            func.sum(PollDrop.count).filter(PollDrop.reason != UNANSWERED).label("dropped"),
        )
        .where(PollDrop.day == day_of(utc_now()), PollDrop.agent_id.is_not(None))
        .group_by(PollDrop.agent_id)
        .subquery()
    )
    unanswered = func.coalesce(today.c.unanswered, 0).cast(BigInteger)
    dropped = func.coalesce(today.c.dropped, 0).cast(BigInteger)
    statement: Query = (
        select(
            SnmpAgent.id,
            SnmpAgent.device_id,
            Device.name.label("device_name"),
            SnmpAgent.credential_id,
            SnmpCredential.name.label("credential_name"),
            SnmpAgent.address,
            SnmpAgent.udp_port,
            SnmpAgent.shard,
            SnmpAgent.enabled,
            SnmpAgent.profile,
            SnmpAgent.sys_name,
            SnmpAgent.sys_descr,
            SnmpAgent.sys_object_id,
            SnmpAgent.last_poll_at,
            SnmpAgent.last_answer_at,
            SnmpAgent.last_error,
            SnmpAgent.last_duration_ms,
            SnmpAgent.silent_polls,
            SnmpAgent.last_check_at,
            SnmpAgent.last_check_error,
            unanswered.label("unanswered_today"),
            dropped.label("dropped_today"),
        )
        .join(Device, Device.id == SnmpAgent.device_id)
        .join(SnmpCredential, SnmpCredential.id == SnmpAgent.credential_id)
        .outerjoin(today, today.c.agent_id == SnmpAgent.id)
    )
    orders: dict[str, list[Any]] = {
        "": [
            SnmpAgent.enabled.desc(),
            func.coalesce(and_(*_conditions("answering", stalled_before)), literal(False)),
            SnmpAgent.silent_polls.desc(),
            dropped.desc(),
        ],
        "device": [],
        "polled": [SnmpAgent.last_poll_at],
        "answered": [SnmpAgent.last_answer_at],
        "took": [SnmpAgent.last_duration_ms],
        "unanswered": [unanswered],
        "dropped": [dropped],
    }
    chosen = orders[sort]
    if descending and sort:
        chosen = [each.desc().nulls_last() for each in chosen or [Device.name]]
    statement = statement.order_by(*chosen, Device.name)
    if device_id is not None:
        statement = statement.where(SnmpAgent.device_id == device_id)
    if agent_id is not None:
        statement = statement.where(SnmpAgent.id == agent_id)
    if silent is not None:
        condition: Any = SnmpAgent.silent_polls > 0 if silent else SnmpAgent.silent_polls == 0
        statement = statement.where(condition)
    if state:
        statement = statement.where(*_conditions(state, stalled_before))
    if wanted:
        pattern = contains(wanted)
        statement = statement.where(
            or_(
                *(
                    column.ilike(pattern, escape="\\")
                    for column in (Device.name, SnmpAgent.address, SnmpAgent.sys_name)
                )
            )
        )
    return fetch_page(session, AgentRow, statement, paging)


def _conditions(state: str, stalled_before: dt.datetime | None) -> list[Any]:
    """Each agent is in one state: as `health.judge_agent`, for which refused ones are silent."""
    oldest = stalled_before or dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    asked = [SnmpAgent.enabled, SnmpAgent.last_poll_at >= oldest]
    conditions: dict[str, list[Any]] = {
        "off": [SnmpAgent.enabled.is_(False)],
        "never": [SnmpAgent.enabled, SnmpAgent.last_poll_at.is_(None)],
        "stalled": [SnmpAgent.enabled, SnmpAgent.last_poll_at < oldest],
        "silent": [*asked, SnmpAgent.silent_polls > 0],
        "answering": [*asked, SnmpAgent.silent_polls == 0],
    }
    return conditions[state]


def count_states(session: Session, stalled_before: dt.datetime | None) -> dict[str, int]:
    """How many agents there are in each of STATES (see `list_agents`). One statement."""
    counted = session.execute(
        select(
            *(
                func.count().filter(and_(*_conditions(state, stalled_before))).label(state)
                for state in STATES
            )
        ).select_from(SnmpAgent)
    ).one()
    return dict(counted._mapping)


@dataclass(frozen=True, slots=True)
class SiteAgents:
    """How many agents of a site are in which of STATES, and the newest answer of any."""

    states: dict[str, int]
    newest: dt.datetime | None

    @property
    def asked(self) -> int:
        return sum(count for state, count in self.states.items() if state != "off")

    @property
    def mute(self) -> int:
        """Those that should answer and don't."""
        return self.asked - self.states["answering"]


def count_states_by_site(
    session: Session, stalled_before: dt.datetime | None
) -> dict[int | None, SiteAgents]:
    """By the site where their devices stand, none where that isn't recorded. One statement."""
    rows = session.execute(
        select(
            Room.site_id,
            func.max(SnmpAgent.last_answer_at),
            *(func.count().filter(and_(*_conditions(state, stalled_before))) for state in STATES),
        )
        .select_from(SnmpAgent)
        .outerjoin(Installation, Installation.device_id == SnmpAgent.device_id)
        .outerjoin(Rack, Rack.id == Installation.rack_id)
        .outerjoin(Cabinet, Cabinet.id == Rack.cabinet_id)
        .outerjoin(Row, Row.id == Cabinet.row_id)
        .outerjoin(Room, Room.id == Row.room_id)
        .group_by(Room.site_id)
    )
    return {
        site_id: SiteAgents(dict(zip(STATES, counts, strict=True)), newest)
        for site_id, newest, *counts in rows
    }


def find_agent(session: Session, agent_id: int) -> AgentRow:
    found = list_agents(session, agent_id=agent_id).items
    if not found:
        raise NotFoundError("No such agent.")
    return found[0]


def list_credentials(
    session: Session, paging: Paging = FIRST_PAGE, *, credential_id: int | None = None
) -> Page[CredentialRow]:
    statement: Query = select(
        SnmpCredential.id,
        SnmpCredential.name,
        SnmpCredential.version,
        SnmpCredential.username,
        SnmpCredential.auth_protocol,
        SnmpCredential.priv_protocol,
        SnmpCredential.context,
        SnmpCredential.created_at,
    ).order_by(SnmpCredential.name)
    if credential_id is not None:
        statement = statement.where(SnmpCredential.id == credential_id)
    return fetch_page(session, CredentialRow, statement, paging)


def find_credential(session: Session, credential_id: int) -> CredentialRow:
    found = list_credentials(session, credential_id=credential_id).items
    if not found:
        raise NotFoundError("No such credential.")
    return found[0]
