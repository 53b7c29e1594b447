"""Traps: what devices said by themselves, what nobody knows of it, and what wasn't taken."""

import datetime as dt
from dataclasses import dataclass
from typing import cast

from flask import current_app, flash, render_template, url_for
from werkzeug.wrappers import Response

from dcim.accounts.roles import Right
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.paging import count_pages
from dcim.snmp.agents.drop_counts import DropCount
from dcim.snmp.agents.received import list_drops
from dcim.snmp.health.words import Words
from dcim.snmp.mibs.known import known_catalogue, known_names
from dcim.snmp.mibs.names import MibNameError, MibNames, Shown
from dcim.snmp.polling.room import site_profiles
from dcim.snmp.traps.engines import find_engine, forget_engine
from dcim.snmp.traps.entries import read_varbind
from dcim.snmp.traps.kinds import CLASS_WORDS, SEVERITY_WORDS
from dcim.snmp.traps.mappings import read_mappings
from dcim.snmp.traps.meanings import Meaning, find_meaning, gather_meanings
from dcim.snmp.traps.models import TrapDrop
from dcim.snmp.traps.queries import (
    UNKNOWN,
    TrapFilter,
    VarbindRow,
    count_unknown,
    find_trap,
    list_traps,
    list_unknown,
)
from dcim.snmp.wire.ber import format_oid, parse_oid
from dcim.web.noc.blueprint import noc
from dcim.web.noc.trap_words import TRAP_DROPS
from dcim.web.staff.answers import go_on
from dcim.web.staff.arguments import read_int, read_listing, read_text
from dcim.web.staff.polling import say_words

# Days that the list goes back.
PERIODS = {"1": 1, "7": 7, "30": 30, "all": None}
LOOKS = {"critical": "down", "warning": "warning", "info": "maintenance", "clear": "ok"}


_ROOTS = "SNMPv2-SMI::"


@dataclass(frozen=True, slots=True)
class Told:
    """What a trap is called and what it means, in the reader's language; else empty."""

    name: str
    meaning: str


class Interpreter:
    """Names and meanings for one request."""

    def __init__(self) -> None:
        site = site_profiles(cast(Settings, current_app.config["JIFANG"]))
        self.names = known_names(site).names
        profiles = known_catalogue(site).profiles.values()
        self._layers = (read_mappings(db_session()), gather_meanings(profiles))

    def tell(self, oid: str) -> Told:
        arcs = parse_oid(oid)
        found: Meaning | None = find_meaning(arcs, self._layers)
        name = self.names.name_of(arcs)
        meaning = pick_text(found.text or found.text_en, found.text_en) if found else ""
        # What has no name of its own is called by the root that it hangs on.
        return Told("" if name == oid or name.startswith(_ROOTS) else name, meaning)


@noc.get("/traps")
def traps() -> str:
    session, now = db_session(), utc_now()
    listing, told = read_listing(), Interpreter()
    period = read_text("period")
    period = period if period in PERIODS else "7"
    days = PERIODS[period]
    words = read_text("oid", 200)
    oid, problem = _read_oid(words, told.names)
    wanted = TrapFilter(
        device_id=read_int("device"),
        who=read_text("who"),
        oid=oid,
        alarm_class=_known(read_text("class"), {**CLASS_WORDS, UNKNOWN: ""}),
        severity=_known(read_text("severity"), SEVERITY_WORDS),
        since=None if days is None else now - dt.timedelta(days=days),
    )
    found = list_traps(session, wanted, listing.paging)
    return render_template(
        "noc/traps.html",
        found=found,
        listing=listing,
        pages=count_pages(found.total, found.size),
        wanted=wanted,
        words=words,
        problem=problem,
        period=period,
        periods={"1": _("24 hours"), "7": _("7 days"), "30": _("30 days"), "all": _("all")},
        unknown=count_unknown(session),
        drops=_say_drops(list_drops(session, TrapDrop, now)),
        told={one.oid: told.tell(one.oid) for one in found.items},
        is_filtered=bool(
            wanted.device_id or wanted.who or words or wanted.alarm_class or wanted.severity
        ),
        **_common(),
    )


@noc.get("/traps/unknown")
def unknown_traps() -> str:
    listing, told = read_listing(), Interpreter()
    found = list_unknown(db_session(), listing.paging)
    return render_template(
        "noc/traps_unknown.html",
        found=found,
        listing=listing,
        pages=count_pages(found.total, found.size),
        told={one.oid: told.tell(one.oid) for one in found.items},
        crumbs=[(_("Traps"), url_for("noc.traps")), (_("Unknown traps"), "")],
        **_common(),
    )


@noc.get("/traps/<int:trap_id>")
def trap(trap_id: int) -> str:
    session, told = db_session(), Interpreter()
    found = find_trap(session, trap_id)
    engine = find_engine(session, found.trap.source) if found.trap.version == "3" else None
    return render_template(
        "noc/trap.html",
        found=found,
        one=found.trap,
        told=told.tell(found.trap.oid),
        enterprise=told.names.name_of(parse_oid(found.enterprise)) if found.enterprise else "",
        varbinds=[(each.oid, _show(each, told.names)) for each in found.varbinds],
        engine=engine,
        crumbs=[(_("Traps"), url_for("noc.traps")), (str(found.trap.id), "")],
        **_common(),
    )


@noc.post("/traps/<int:trap_id>/forget-engine")
def forget_trap_engine(trap_id: int) -> Response:
    """The device was replaced: the engine that signs rightly next is the one that is believed."""
    session = db_session()
    found = find_trap(session, trap_id)
    forget_engine(session, current_scope(), found.trap.source)
    flash(_("The engine is forgotten; the next one that signs rightly is the device's."), "success")
    return go_on(url_for("noc.trap", trap_id=trap_id))


def _show(kept: VarbindRow, names: MibNames) -> Shown:
    bind = read_varbind((kept.oid, kept.tag, kept.text))
    return names.show(bind.oid, bind.value)


def _read_oid(words: str, names: MibNames) -> tuple[str, str]:
    """The OID that was asked for by number or name, and what is wrong with it."""
    if not words:
        return "", ""
    try:
        return format_oid(names.oid_of(words)), ""
    except MibNameError:
        # Nothing has this OID: what isn't known isn't shown as if everything fitted.
        return "-", _("%(words)s is neither an OID nor the name of one.", words=words)


def _known(word: str, known: dict[str, str]) -> str:
    return word if word in known else ""


def _say_drops(drops: list[DropCount]) -> list[tuple[DropCount, Words]]:
    return [(each, say_words(TRAP_DROPS, each.reason)) for each in drops]


def _common() -> dict[str, object]:
    settings = cast(Settings, current_app.config["JIFANG"])
    return {
        "classes": {name: _(text) for name, text in CLASS_WORDS.items()},
        "severities": {name: _(text) for name, text in SEVERITY_WORDS.items()},
        "looks": LOOKS,
        "listens": settings.trap_listen,
        "may_map": has_right(Right.KEEP_INCIDENTS),
    }
