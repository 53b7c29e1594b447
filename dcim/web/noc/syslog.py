"""Syslog: what devices wrote, what nobody knows of it, and what wasn't taken."""

import datetime as dt
from collections.abc import Iterator
from typing import cast

from flask import current_app, render_template, send_file, url_for
from werkzeug.wrappers import Response

from dcim.accounts.roles import Right
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.http.database import db_session
from dcim.http.policy import has_right
from dcim.i18n import format_local, pick_text
from dcim.i18n import gettext as _
from dcim.paging import Paging, count_pages
from dcim.records.sheets import Cell, write_csv
from dcim.snmp.agents.received import list_drops
from dcim.snmp.traps.kinds import CLASS_WORDS, SEVERITY_WORDS
from dcim.syslog.mappings import read_mappings
from dcim.syslog.models import SyslogDrop
from dcim.syslog.queries import (
    MOST,
    MOST_UNKNOWN,
    UNKNOWN,
    SyslogFilter,
    SyslogRow,
    find_message,
    list_messages,
    list_unknown,
)
from dcim.syslog.rules import find_meaning, shipped_rules
from dcim.web.noc.blueprint import noc
from dcim.web.noc.syslog_words import FACILITIES, LEVELS, SYSLOG_DROPS
from dcim.web.noc.traps import LOOKS
from dcim.web.staff.arguments import read_int, read_listing, read_text
from dcim.web.staff.polling import say_words

# Hours that the list goes back.
PERIODS = {"1h": 1, "24h": 24, "7d": 168, "30d": 720, "all": None}
USUAL = "24h"
# A clock that is off by less is one whose message was on its way, seconds.
_OFF_S = 60


class Interpreter:
    """What messages mean, in the reader's language, for one request."""

    def __init__(self) -> None:
        self._layers = (read_mappings(db_session()), shipped_rules())

    def tell(self, one: SyslogRow) -> str:
        """Empty where nothing says it."""
        found = find_meaning(one.event, one.text, self._layers) if one.rule else None
        return pick_text(found.text or found.text_en, found.text_en) if found else ""


@noc.get("/syslog")
def syslog() -> str:
    session, now = db_session(), utc_now()
    listing, told = read_listing(), Interpreter()
    period, wanted = _read_filter(now)
    found = list_messages(session, wanted, listing.paging)
    return render_template(
        "noc/syslog.html",
        found=found,
        listing=listing,
        pages=count_pages(found.total, found.size),
        most=MOST,
        wanted=wanted,
        period=period,
        periods={
            "1h": _("1 hour"), "24h": _("24 hours"), "7d": _("7 days"), "30d": _("30 days"),
            "all": _("all"),
        },
        drops=[
            (each, say_words(SYSLOG_DROPS, each.reason))
            for each in list_drops(session, SyslogDrop, now)
        ],
        told={one.id: told.tell(one) for one in found.items},
        is_filtered=wanted != SyslogFilter(since=wanted.since),
        csv_url=f"{url_for('noc.syslog_csv')}{listing.base.rstrip('?&')}",
        **_common(),
    )  # fmt: skip


@noc.get("/syslog/messages.csv")
def syslog_csv() -> Response:
    """What the list shows, all pages of it."""
    now = utc_now()
    _period, wanted = _read_filter(now)
    found = list_messages(db_session(), wanted, Paging(1, MOST))
    sheet: Response = send_file(
        write_csv(_make_rows(found.items)),
        mimetype="text/csv; charset=utf-8",
        as_attachment=True,
        download_name=f"syslog-{format_local(now, 'yyyyMMdd-HHmm')}.csv",
        max_age=0,
    )
    return sheet


@noc.get("/syslog/unknown")
def unknown_syslog() -> str:
    listing = read_listing()
    found = list_unknown(db_session(), utc_now(), listing.paging)
    return render_template(
        "noc/syslog_unknown.html",
        most=MOST_UNKNOWN,
        found=found,
        listing=listing,
        pages=count_pages(found.total, found.size),
        crumbs=[(_("Syslog"), url_for("noc.syslog")), (_("Unknown messages"), "")],
        **_common(),
    )


@noc.get("/syslog/<int:syslog_message_id>")
def syslog_message(syslog_message_id: int) -> str:
    found = find_message(db_session(), syslog_message_id)
    one = found.message
    off_s = int((one.device_at - one.received_at).total_seconds()) if one.device_at else 0
    return render_template(
        "noc/syslog_message.html",
        found=found,
        one=one,
        meaning=Interpreter().tell(one),
        off_s=off_s if abs(off_s) >= _OFF_S else 0,
        crumbs=[(_("Syslog"), url_for("noc.syslog")), (str(one.id), "")],
        **_common(),
    )


def _read_filter(now: dt.datetime) -> tuple[str, SyslogFilter]:
    """The period's name, and what is asked for; what isn't known is as if it weren't asked."""
    period = read_text("period")
    period = period if period in PERIODS else USUAL
    hours, level = PERIODS[period], read_text("level")
    return period, SyslogFilter(
        device_id=read_int("device"),
        who=read_text("who"),
        event=read_text("event", 200),
        text=read_text("text", 200),
        level=int(level) if level in map(str, LEVELS) else None,
        alarm_class=_known(read_text("class"), {**CLASS_WORDS, UNKNOWN: ""}),
        severity=_known(read_text("severity"), SEVERITY_WORDS),
        since=None if hours is None else now - dt.timedelta(hours=hours),
    )


def _known(word: str, known: dict[str, str]) -> str:
    return word if word in known else ""


def _make_rows(items: list[SyslogRow]) -> Iterator[list[Cell]]:
    yield [
        _("Received"), _("Last"), _("How often"), _("Device"), _("Address"), _("Calls itself"),
        _("Device's time"), _("Facility"), _("Level"), _("Program"), _("Message"), _("Class"),
        _("Severity"), _("Text"),
    ]  # fmt: skip
    classes = {name: _(text) for name, text in CLASS_WORDS.items()}
    severities = {name: _(text) for name, text in SEVERITY_WORDS.items()}
    levels = {number: _(text) for number, text in LEVELS.items()}
    for one in items:
        yield [
            format_local(one.received_at, "yyyy-MM-dd HH:mm:ss"),
            format_local(one.last_at, "yyyy-MM-dd HH:mm:ss"),
            one.count,
            one.device_name,
            one.source,
            one.host,
            one.device_time,
            "" if one.facility is None else FACILITIES[one.facility],
            levels[one.level],
            one.app,
            one.event,
            classes.get(one.alarm_class, one.alarm_class),
            severities.get(one.severity, one.severity),
            one.text,
        ]


def _common() -> dict[str, object]:
    settings = cast(Settings, current_app.config["JIFANG"])
    return {
        "classes": {name: _(text) for name, text in CLASS_WORDS.items()},
        "severities": {name: _(text) for name, text in SEVERITY_WORDS.items()},
        "levels": {number: _(text) for number, text in LEVELS.items()},
        "facilities": FACILITIES,
        "looks": LOOKS,
        "listens": settings.syslog_in_listen,
        "keep_days": settings.syslog_in_keep_days,
        "may_map": has_right(Right.KEEP_INCIDENTS),
    }
