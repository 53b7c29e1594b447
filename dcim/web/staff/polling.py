"""The page of how polling one device goes, and trying its agent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from flask import current_app, render_template, url_for

from dcim.columns import utc_now
from dcim.config import Settings
from dcim.http.database import current_scope, db_session, session_factory
from dcim.i18n import format_local
from dcim.i18n import gettext as _
from dcim.snmp.agents.queries import list_agents
from dcim.snmp.health.connection import ConnectionCheck, check_connection
from dcim.snmp.health.report import AgentHealth, CoverageRow, GapRow, common_gaps, find_health
from dcim.snmp.health.words import CAUSES, DROPS, GAPS, Words, words_of
from dcim.web.staff.blueprint import staff

# How each state of an agent looks; which words it has is the template's.
LOOKS = {
    "off": "maintenance",
    "never": "unknown",
    "stalled": "warning",
    "silent": "unknown",
    "refused": "warning",
    "answering": "ok",
}
# Gaps of one thing that are written out; the strip shows all.
_SHOWN = 4
# A gap of a minute in a day would be too thin to be seen.
_THINNEST = 0.35


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of a strip, in percent of its width."""

    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """A thing's row: `own` are the gaps that not all have, the longest first, `more` how many of
    them aren't written out.
    """

    row: CoverageRow
    strip: list[Stretch]
    own: list[GapRow]
    more: int


@dataclass(frozen=True, slots=True)
class Board:
    """Ports or gauges: gaps that all of them have, then those with gaps of their own, then what
    misses nothing else.
    """

    common: list[GapRow]
    worse: list[Line]
    rest: list[Line]
    due: int
    got: int


@staff.get("/devices/<int:device_id>/polling")
def device_polling(device_id: int) -> str:
    return _render(device_id)


@staff.post("/devices/<int:device_id>/polling")
def try_agent(device_id: int) -> str:
    """Ask the saved agent now, for some seconds at most, and show what it said."""
    session, scope = db_session(), current_scope()
    agents = list_agents(session, device_id=device_id).items
    # Not held while the network is waited for.
    session.commit()
    check = None
    if agents:
        check = check_connection(_settings(), session_factory(), scope, agents[0].id)
    return _render(device_id, check)


def _render(device_id: int, check: ConnectionCheck | None = None) -> str:
    now = utc_now()
    health = find_health(db_session(), _settings(), now, device_id=device_id)
    agent = health.agent
    return render_template(
        "staff/device_polling.html",
        health=health,
        agent=agent,
        check=check,
        look=LOOKS[health.state],
        ports=make_board(health, health.ports),
        gauges=make_board(health, health.gauges),
        cause=say_words(CAUSES, health.cause) if health.cause else None,
        check_cause=say_words(CAUSES, check.cause) if check and check.cause else None,
        drops=[(each, say_words(DROPS, each.reason)) for each in health.drops],
        gap_words={reason: say_words(GAPS, reason) for reason in _reasons(health)},
        now=now,
        crumbs=[
            (_("SNMP agents"), url_for("staff.agents")),
            (agent.device_name, url_for("staff.device", device_id=device_id)),
            (_("Polling"), ""),
        ],
    )


def _settings() -> Settings:
    return cast(Settings, current_app.config["JIFANG"])


def say_words(table: Mapping[str, Words], reason: str) -> Words:
    """In the reader's language."""
    words = words_of(table, reason)
    return Words(_(words.name), _(words.meaning) if words.meaning else "")


def _reasons(health: AgentHealth) -> list[str]:
    """Those that are told of, by what they miss in all."""
    polls: dict[str, int] = {}
    for row in (*health.ports, *health.gauges):
        for gap in row.gaps:
            polls[gap.reason] = polls.get(gap.reason, 0) + gap.polls
    return sorted(polls, key=lambda reason: -polls[reason])


def make_board(health: AgentHealth, rows: Iterable[CoverageRow]) -> Board:
    rows = list(rows)
    common = common_gaps(rows)
    lines = []
    for row in rows:
        own = sorted(
            (gap for gap in row.gaps if gap not in common),
            key=lambda gap: (-gap.polls, gap.begin_at),
        )
        strip = [_stretch(health, gap) for gap in row.gaps]
        lines.append(Line(row, strip, own[:_SHOWN], max(0, len(own) - _SHOWN)))
    return Board(
        common,
        [line for line in lines if line.own],
        [line for line in lines if not line.own],
        sum(row.due for row in rows),
        sum(row.got for row in rows),
    )


def _stretch(health: AgentHealth, gap: GapRow) -> Stretch:
    whole = (health.end_at - health.begin_at).total_seconds()
    x = max(0.0, (gap.begin_at - health.begin_at).total_seconds() / whole * 100)
    width = max(_THINNEST, (gap.end_at - gap.begin_at).total_seconds() / whole * 100)
    x = min(x, 100 - _THINNEST)
    title = say_words(GAPS, gap.reason).name
    return Stretch(x, min(width, 100 - x), f"{title} {_times(gap)}")


def _times(gap: GapRow) -> str:
    return f"{format_local(gap.begin_at, 'HH:mm')}–{format_local(gap.end_at, 'HH:mm')}"
