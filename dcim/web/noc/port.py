"""One port: its load over time, what the month bills so far, what happened, who used it."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from flask import Response, render_template, request, url_for

from dcim.columns import utc_now
from dcim.errors import NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.i18n import format_bits, pick_text
from dcim.i18n import gettext as _
from dcim.metering.batch import Columns
from dcim.metering.families import TRAFFIC
from dcim.metering.store import PostgresSampleStore, empty
from dcim.sla.evidence import HOLDS_MS
from dcim.sla.port_history import PortEvent, list_port_events, list_port_uses
from dcim.sla.ports import find_port_now, find_since
from dcim.sla.samples import read_samples
from dcim.sla.usage_to_date import UsageToDate, bill_to_date
from dcim.web.charts import Window, chart_traffic, choose_window
from dcim.web.local_times import local_zone
from dcim.web.noc.blueprint import noc
from dcim.web.refreshing import STALE_S
from dcim.web.traffic_csv import answer_csv

WINDOWS = ("24h", "7d", "month")
HISTORY = dt.timedelta(days=31)


@noc.get("/ports/<int:port_id>")
def port(port_id: int) -> str:
    session, scope, now = db_session(), current_scope(), utc_now()
    found = find_port_now(session, scope, port_id, now)
    window = read_window(now)
    store = PostgresSampleStore()
    columns = empty(TRAFFIC)
    if found.traffic_id is not None:
        ((_id, columns),) = store.read(
            session, "traffic", [found.traffic_id], window.start, window.end
        )
    since = None
    if found.state_id is not None:
        begin = to_ms(now - HISTORY)
        ((_id, states),) = store.read(session, "state", [found.state_id], begin, to_ms(now) + 1)
        since = find_since(states, found.state, HOLDS_MS, begin)
    usage = None
    if found.service_id is not None:
        usage = bill_to_date(session, scope, [found.service_id], now).get(found.service_id)
    label = f"{found.device_name} {found.name}"
    events = list_port_events(session, scope, found.id, label, now - HISTORY)
    lines = limit_lines(usage, found.commit_bps)
    return render_template(
        "noc/port.html",
        port=found,
        since=since,
        usage=usage,
        sums=sum_traffic(columns),
        events=events,
        uses=list_port_uses(session, scope, found.id),
        chart=chart_traffic(
            columns, window, to_ms(now), lines=lines, spans=mark_events(events, window, now)
        ),
        summary=describe_chart(usage, found.commit_bps),
        windows=window_links(window, "noc.port", port_id=port_id),
        window=window,
        csv_url=url_for("noc.port_csv", port_id=port_id, window=window.name),
        stale_after=STALE_S,
        now=now,
        crumbs=[(_("Ports"), url_for("noc.home")), (found.device_name, ""), (found.name, "")],
    )


@noc.get("/ports/<int:port_id>/samples.csv")
def port_csv(port_id: int) -> Response:
    session, scope, now = db_session(), current_scope(), utc_now()
    found = find_port_now(session, scope, port_id, now)
    if found.traffic_id is None:
        raise NotFoundError("This port isn't measured.")
    window = read_window(now)
    samples = read_samples(session, scope, found.traffic_id, window.start, window.end)
    return answer_csv(samples, f"{found.device_name}-{found.name}-{window.name}")


def read_window(now: dt.datetime) -> Window:
    zone = local_zone()
    local = now.astimezone(zone)
    month = dt.datetime(local.year, local.month, 1, tzinfo=zone)
    return choose_window(request.args.get("window", ""), to_ms(now), to_ms(month))


def window_links(
    window: Window, endpoint: str, names: Sequence[str] = WINDOWS, /, **values: Any
) -> list[tuple[str, str, bool]]:
    words = {
        "24h": _("24 hours"),
        "7d": _("7 days"),
        "30d": _("30 days"),
        "month": _("This month"),
    }
    return [
        (words[name], url_for(endpoint, window=name, **values), name == window.name)
        for name in names
    ]


def limit_lines(usage: UsageToDate | None, commit_bps: int | None) -> list[tuple[str, int, str]]:
    lines = []
    if usage is not None and usage.bill is not None and usage.bill.billed is not None:
        lines.append((f"p{usage.percentile}", usage.bill.billed.value, "p95"))
    if commit_bps:
        lines.append((_("commit"), commit_bps, "commit"))
    return lines


def describe_chart(usage: UsageToDate | None, commit_bps: int | None) -> str:
    """The finding in words."""
    if usage is None or usage.bill is None or usage.bill.billed is None:
        return str(_("Traffic in and out"))
    billed = usage.bill.billed.value
    if not commit_bps:
        return str(
            _("p%(p)s this month so far: %(rate)s", p=usage.percentile, rate=format_bits(billed))
        )
    return str(
        _(
            "p%(p)s this month so far: %(rate)s, commit %(commit)s",
            p=usage.percentile,
            rate=format_bits(billed),
            commit=format_bits(commit_bps),
        )
    )


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


def sum_traffic(columns: Columns) -> dict[str, int]:
    """Octets and errors of what was measured, by column."""
    return {
        name: int(values[values > 0].sum()) if len(columns) else 0
        for name, values in columns.values.items()
    }


def to_ms(instant: dt.datetime) -> int:
    return round(instant.timestamp() * 1000)
