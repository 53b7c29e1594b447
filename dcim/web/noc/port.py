"""One port: its load over any stretch, what each month billed, what happened, who used it."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Response, make_response, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import SessionFactory, transaction
from dcim.errors import InvalidError, NotFoundError
from dcim.http.database import current_scope, db_session, session_factory
from dcim.http.minute_memory import remember_briefly
from dcim.http.problems import say
from dcim.i18n import format_bits, pick_text
from dcim.i18n import gettext as _
from dcim.metering.bindings import read_bindings
from dcim.metering.families import DISCARDS
from dcim.metering.port_line import Cut, PortLine, read_line
from dcim.metering.store import PostgresSampleStore
from dcim.network.cables import Trace, trace_port
from dcim.sla.evidence import HOLDS_MS
from dcim.sla.lags import read_port_lag
from dcim.sla.port_history import PortEvent, list_port_events, list_port_uses
from dcim.sla.port_neighbours import read_port_links
from dcim.sla.port_optics import read_optic_samples, read_port_optics
from dcim.sla.ports import PortNow, find_port_now, find_since
from dcim.sla.samples import MAX_SPAN_MS, SamplesRow, read_port_samples
from dcim.sla.usage_months import PortMonth, list_port_months
from dcim.sla.usage_to_date import UsageToDate, bill_to_date
from dcim.web.charts import GAP_MS, Window
from dcim.web.local_times import local_zone, to_local
from dcim.web.network_names import NEIGHBOUR_DOUBTS
from dcim.web.noc.blueprint import noc
from dcim.web.noc.lag_words import LAG_LOOKS
from dcim.web.noc.links import VERDICT_LOOKS, VERDICTS
from dcim.web.noc.port_optics import (
    LOOKS,
    chart_optics,
    describe_optics,
    name_optics_window,
    read_optics_name,
)
from dcim.web.noc.port_optics import NAMES as OPTICS_NAMES
from dcim.web.noc.port_optics import VERDICTS as LIGHT_VERDICTS
from dcim.web.noc.port_windows import (
    HOUR_MS,
    NAMES,
    move_back,
    name_window,
    read_port_window,
)
from dcim.web.port_charts import Limit, chart_discards, chart_port
from dcim.web.refreshing import STALE_S
from dcim.web.traffic_csv import answer_csv
from dcim.web.windows import to_ms

HISTORY = dt.timedelta(days=31)
# With more months than this in the chart their lines go without names.
NAMED_MONTHS = 3


@dataclass(frozen=True, slots=True)
class View:
    """How the chart is drawn, by the URL."""

    mirrored: bool
    compared: bool
    optics: str


@noc.get("/ports/<int:port_id>")
def port(port_id: int) -> BaseResponse:
    session, scope, now = db_session(), current_scope(), utc_now()
    found = find_port_now(session, scope, port_id, now)
    problem, status = "", 200
    try:
        window = read_port_window(now)
    except InvalidError as error:
        problem, status = str(say(error)), 422
        window = name_window("", now, local_zone())
    view = View(
        request.args.get("way") == "mirror", request.args.get("compare") == "1", read_optics_name()
    )
    # What is worked out from samples is the same for everybody until there is a newer one.
    about = (found.id, found.service_id, found.newest_at, now.replace(second=0, microsecond=0))
    usage = None
    if found.service_id is not None:
        (usage,) = remember_briefly(
            (*about, "usage"), lambda: (_find_usage(session, scope, found, now),)
        )
    (since,) = remember_briefly(
        (*about, "since", found.state), lambda: (_find_since(session, found, now),)
    )
    months = list_port_months(session, scope, found.id, now)
    label = f"{found.device_name} {found.name}"
    until = dt.datetime.fromtimestamp(window.start / 1000, dt.UTC)
    events = list_port_events(session, scope, found.id, label, min(until, now - HISTORY))
    cuts = find_cuts(months, usage)
    line = remember_briefly(
        (*about, window, tuple(cuts)), lambda: _read(session, found.id, window, now, cuts)
    )
    before = None
    if view.compared:
        earlier = move_back(window, local_zone())
        before = remember_briefly((*about, earlier), lambda: _read(session, found.id, earlier, now))
    chart = chart_port(
        line,
        window,
        limits=find_limits(months, usage, found.commit_bps, window),
        spans=mark_events(events, window, now),
        before=before,
        mirrored=view.mirrored,
        cut_way=_cut_way(line, cuts),
    )
    # Read every five minutes, so a minute more is nothing.
    optics = remember_briefly(
        ("module", found.id, now.replace(second=0, microsecond=0)),
        lambda: read_port_optics(session, scope, found.id, now),
    )
    light: dict[str, Any] = {}
    if optics.module is not None:
        module, stretch = optics.module, name_optics_window(view.optics, now)
        lanes = remember_briefly(
            ("optics", module.series, module.read_at, stretch),
            lambda: list(read_optic_samples(session, scope, module, stretch.start, stretch.end)),
        )
        light = {
            "chart": chart_optics(module, lanes, stretch),
            "summary": describe_optics(module),
            "windows": _optics_links(window, view, port_id),
            "csv_url": url_for("noc.port_optics_csv", port_id=port_id, optics=view.optics),
        }
    return make_response(
        render_template(
            "noc/port.html",
            port=found,
            optics=optics,
            light=light,
            light_verdicts=LIGHT_VERDICTS,
            light_looks=LOOKS,
            since=since,
            usage=usage,
            months=months,
            most_billed=max((one.billed_bps or 0 for one in months), default=0),
            line=line,
            events=[one for one in events if one.ended_at is None or one.ended_at > now - HISTORY],
            uses=list_port_uses(session, scope, found.id),
            trace=_find_trace(session, scope, found),
            linked=read_port_links(session, scope, found.id, now),
            bundle=read_port_lag(session, scope, found, now),
            lag_looks=LAG_LOOKS,
            verdicts=VERDICTS,
            verdict_looks=VERDICT_LOOKS,
            doubts=NEIGHBOUR_DOUBTS,
            chart=chart,
            summary=describe_chart(line),
            drops=chart_discards(line, chart) if is_dropping(line) else None,
            drop_summary=describe_drops(line),
            windows=_window_links(window, view, port_id),
            ways=_view_links(window, view, port_id),
            window=window,
            compare_url=_url(window, replace(view, compared=not view.compared), port_id),
            view=view,
            problem=problem,
            since_text=request.args.get("from", "")[:20] or _local_text(window.start),
            until_text=request.args.get("to", "")[:20] or _local_text(min(window.end, to_ms(now))),
            csv_url=_url(window, View(False, False, OPTICS_NAMES[0]), port_id, "noc.port_csv"),
            png_name=f"{found.device_name}-{found.name}-{window.name}",
            stale_after=STALE_S,
            now=now,
            crumbs=[(_("Ports"), url_for("noc.home")), (found.device_name, ""), (found.name, "")],
        ),
        status,
    )


@noc.get("/ports/<int:port_id>/samples.csv")
def port_csv(port_id: int) -> Response:
    """All of a window, however long: a month at a time, while it goes out."""
    session, scope, now = db_session(), current_scope(), utc_now()
    found = find_port_now(session, scope, port_id, now)
    if not any(one.family == "traffic" for one in read_bindings(session, port_ids=[found.id])):
        raise NotFoundError("This port isn't measured.")
    window = read_port_window(now)
    samples = _stream(session_factory(), scope, found.id, window)
    return answer_csv(samples, f"{found.device_name}-{found.name}-{window.name}", DISCARDS.columns)


def _stream(
    sessions: SessionFactory, scope: Scope, port_id: int, window: Window
) -> Iterator[SamplesRow]:
    """In transactions of its own, as the request's is over when the answer goes out; none of them
    is open while a piece does: a reader who stops reading would hold the tables of samples."""
    for low in range(window.start, window.end, MAX_SPAN_MS):
        high = min(low + MAX_SPAN_MS, window.end)
        with transaction(sessions, scope) as session:
            rows = read_port_samples(session, scope, port_id, low, high)
        yield from rows


def _find_usage(
    session: Session, scope: Scope, found: PortNow, now: dt.datetime
) -> UsageToDate | None:
    if found.service_id is None:
        return None
    return bill_to_date(session, scope, [found.service_id], now).get(found.service_id)


def _find_since(session: Session, found: PortNow, now: dt.datetime) -> dt.datetime | None:
    if found.state_id is None:
        return None
    begin = to_ms(now - HISTORY)
    ((_id, states),) = PostgresSampleStore().read(
        session, "state", [found.state_id], begin, to_ms(now) + 1
    )
    return find_since(states, found.state, HOLDS_MS, begin)


def _find_trace(session: Session, scope: Scope, found: PortNow) -> Trace | None:
    """What hangs on the port; none where nothing is plugged in."""
    trace = trace_port(session, scope, found.id)
    return trace if len(trace.hops) > 1 else None


def _read(
    session: Session,
    port_id: int,
    window: Window,
    now: dt.datetime,
    cuts: Sequence[Cut] = (),
) -> PortLine:
    # Of a month or less every gap is told, of more those that are wide enough to be seen.
    longest = GAP_MS if window.step_ms <= HOUR_MS else window.step_ms // 8
    return read_line(
        session,
        read_bindings(session, port_ids=[port_id]),
        window.start,
        window.end,
        window.step_ms,
        until=to_ms(now),
        longest_gap_ms=longest,
        cuts=cuts,
    )


def find_cuts(months: Iterable[PortMonth], usage: UsageToDate | None) -> list[Cut]:
    """What the percentile discards, of months in which the port was billed alone."""
    cuts = [
        Cut(
            to_ms(one.starts_at),
            to_ms(one.ends_at),
            one.interval_s * 1000,
            one.min_cover,
            one.line,
            one.point_bps,
        )
        for one in months
        if one.ports == 1 and one.line and one.point_bps is not None and not one.is_running
    ]
    if usage is not None and usage.ports == 1 and usage.bill is not None and usage.bill.billed:
        decision = usage.bill.charged.decision
        if decision is not None:
            cuts.append(
                Cut(
                    usage.start, usage.end, usage.interval_s * 1000, usage.min_cover,
                    decision.line, decision.point.value,
                )
            )  # fmt: skip
    return sorted(cuts, key=lambda cut: cut.start)


def _cut_way(line: PortLine, cuts: Sequence[Cut]) -> str:
    """Whose peaks are shaded: the direction that decides, of both together the busier one."""
    lines = {cut.line for cut in cuts}
    if lines in ({"in"}, {"out"}):
        return lines.pop()
    return "" if not lines else "in" if line.sums["in_octets"] > line.sums["out_octets"] else "out"


def find_limits(
    months: Sequence[PortMonth],
    usage: UsageToDate | None,
    commit_bps: int | None,
    window: Window,
) -> list[Limit]:
    """The percentile and the commit of each month over that month."""
    shown = [
        one
        for one in months
        if one.ports == 1
        and not one.is_running
        and to_ms(one.starts_at) < window.end
        and to_ms(one.ends_at) > window.start
    ]
    limits = []
    for one in shown:
        name = f"p{one.percentile} {one.period}" if len(shown) <= NAMED_MONTHS else ""
        span = (to_ms(one.starts_at), to_ms(one.ends_at))
        way = "in" if one.line == "in" else "out"
        if one.point_bps is not None:
            limits.append(Limit(name, one.point_bps, "p95", *span, way))
        if one.commit_bps and one.commit_bps != commit_bps:
            limits.append(Limit("", one.commit_bps, "commit", *span, way="both"))
    runs = usage is not None and usage.ports == 1 and usage.start < window.end
    if usage is not None and runs and usage.bill is not None and usage.bill.billed:
        decision = usage.bill.charged.decision
        way = "in" if decision is not None and decision.line == "in" else "out"
        rate = usage.bill.billed.value
        limits.append(Limit(f"p{usage.percentile}", rate, "p95", usage.start, None, way))
    if commit_bps:
        limits.append(Limit(_("commit"), commit_bps, "commit", way="both"))
    return limits


def describe_chart(line: PortLine) -> str:
    """The finding in words."""
    tops = [rates.high[rates.high == rates.high] for rates in (line.inward, line.outward)]
    if not any(len(top) for top in tops):
        return str(_("Nothing was measured"))
    inward, outward = (
        format_bits(round(float(top.max()))) if len(top) else _("unknown") for top in tops
    )
    return str(_("Largest sample in %(inward)s, out %(outward)s", inward=inward, outward=outward))


def is_dropping(line: PortLine) -> bool:
    return any(line.sums[name] for name in DISCARDS.columns)


def describe_drops(line: PortLine) -> str:
    """The finding in words."""
    if not line.told_discards:
        return str(_("Not known: the device doesn't count them, or they were not kept then"))
    if not is_dropping(line):
        return str(_("None dropped"))
    inward, outward = (
        f"{line.sums[name]:,}" if name in line.told_discards else "?" for name in DISCARDS.columns
    )
    return str(_("%(inward)s dropped in, %(outward)s out", inward=inward, outward=outward))


def mark_events(
    events: Iterable[PortEvent], window: Window, now: dt.datetime
) -> list[dict[str, Any]]:
    marks = []
    for event in events:
        low = max(to_ms(event.started_at), window.start)
        high = min(to_ms(event.ended_at or now), window.end)
        if low < high:
            marks.append(
                {
                    "from": low / 1000,
                    "to": high / 1000,
                    "role": event.kind,
                    "label": pick_text(event.what, event.what_en),
                }
            )
    return marks


def _window_links(window: Window, view: View, port_id: int) -> list[tuple[str, str, bool]]:
    words = {
        "1h": _("1 hour"),
        "24h": _("24 hours"),
        "7d": _("7 days"),
        "30d": _("30 days"),
        "month": _("This month"),
        "last-month": _("Last month"),
        "12m": _("12 months"),
        "36m": _("36 months"),
    }
    return [
        (
            words[name],
            url_for("noc.port", port_id=port_id, window=name, **_values(view)),
            name == window.name,
        )
        for name in NAMES
    ]


def _optics_links(window: Window, view: View, port_id: int) -> list[tuple[str, str, bool]]:
    words = {"24h": _("24 hours"), "30d": _("30 days")}
    return [
        (
            words[name],
            f"{_url(window, replace(view, optics=name), port_id)}#optics",
            name == view.optics,
        )
        for name in OPTICS_NAMES
    ]


def _view_links(window: Window, view: View, port_id: int) -> list[tuple[str, str, bool]]:
    return [
        (_("Overlaid"), _url(window, replace(view, mirrored=False), port_id), not view.mirrored),
        (_("Mirrored"), _url(window, replace(view, mirrored=True), port_id), view.mirrored),
    ]


def _url(window: Window, view: View, port_id: int, endpoint: str = "noc.port") -> str:
    stretch: dict[str, Any] = {"window": window.name}
    if window.name == "custom":
        stretch = {name: request.args.get(name, "")[:20] for name in ("from", "to")}
    return url_for(endpoint, port_id=port_id, **stretch, **_values(view))


def _values(view: View) -> dict[str, Any]:
    found: dict[str, Any] = {"way": "mirror"} if view.mirrored else {}
    if view.compared:
        found["compare"] = "1"
    return found | ({} if view.optics == OPTICS_NAMES[0] else {"optics": view.optics})


def _local_text(ms: int) -> str:
    local = to_local(dt.datetime.fromtimestamp(ms / 1000, dt.UTC))
    return f"{local:%Y-%m-%dT%H:%M}"
