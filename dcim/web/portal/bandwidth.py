"""Own bandwidth services: now, the month so far, over time, and the raw samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from flask import Response, render_template, url_for

from dcim.columns import utc_now
from dcim.errors import NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.i18n import format_bits, pick_text
from dcim.i18n import gettext as _
from dcim.metering.batch import Columns
from dcim.metering.families import TRAFFIC
from dcim.metering.store import empty
from dcim.network.queries import PortFilter, ServiceRow, find_port, list_ports, list_services
from dcim.paging import EVERYTHING
from dcim.sla.samples import SamplesRow, read_samples
from dcim.sla.usage_to_date import UsageToDate, bill_to_date
from dcim.web.charts import chart_traffic
from dcim.web.portal.blueprint import portal
from dcim.web.portal.home import own_id
from dcim.web.refreshing import STALE_S
from dcim.web.staff.arguments import read_int
from dcim.web.traffic_csv import answer_csv
from dcim.web.windows import read_window, to_ms, window_links


@portal.get("/bandwidth")
def bandwidth() -> str:
    session, scope, now = db_session(), current_scope(), utc_now()
    services = list_services(session, scope, EVERYTHING, customer_id=own_id(scope)).items
    ports = list_ports(session, scope, PortFilter(), EVERYTHING).items
    usages = bill_to_date(session, scope, [service.id for service in services], now)
    wanted = read_int("port")
    chosen = next((port for port in ports if port.id == wanted), None)
    if wanted is not None and chosen is None:
        raise NotFoundError("No such port.")
    chosen = chosen or next(iter(ports), None)
    window = read_window(now)
    columns = empty(TRAFFIC)
    if chosen is not None and chosen.series_id is not None:
        columns = to_columns(
            read_samples(session, scope, chosen.series_id, window.start, window.end)
        )
    usage = usages.get(chosen.service_id or 0) if chosen is not None else None
    commit = chosen.commit_bps if chosen is not None else None
    instants = [port.measured_at for port in ports if port.measured_at is not None]
    links = window_links(window, "portal.bandwidth", **({"port": chosen.id} if chosen else {}))
    return render_template(
        "portal/bandwidth.html",
        services=services,
        ports_of={
            service.id: [port for port in ports if port.service_id == service.id]
            for service in services
        },
        usages=usages,
        estimated=list_estimates(services, usages),
        chosen=chosen,
        usage=usage,
        sums=sum_traffic(columns),
        chart=chart_traffic(columns, window, to_ms(now), lines=limit_lines(usage, commit)),
        summary=describe_chart(usage, commit),
        windows=links,
        window=window,
        csv_url=url_for("portal.bandwidth_csv", port_id=chosen.id, window=window.name)
        if chosen
        else "",
        newest=max(instants, default=None),
        stale_after=STALE_S,
    )


@dataclass(frozen=True, slots=True)
class Estimated:
    title: str
    usage: UsageToDate


def list_estimates(
    services: Sequence[ServiceRow], usages: Mapping[int, UsageToDate]
) -> list[Estimated]:
    """A pool once, at its first service; services that bill no usage are left out."""
    found: dict[object, Estimated] = {}
    for service in services:
        usage = usages.get(service.id)
        if usage is not None and (usage.bill is not None or usage.problem):
            label = pick_text(service.item_label, service.item_label_en)
            found.setdefault(usage.pool or service.id, Estimated(label, usage))
    return list(found.values())


@portal.get("/bandwidth/<int:port_id>/samples.csv")
def bandwidth_csv(port_id: int) -> Response:
    """Only what was measured while the port was theirs."""
    session, scope, now = db_session(), current_scope(), utc_now()
    found = find_port(session, scope, port_id)
    if found.series_id is None:
        raise NotFoundError("This port isn't measured.")
    window = read_window(now)
    samples = read_samples(session, scope, found.series_id, window.start, window.end)
    return answer_csv([samples], f"{found.service_code or found.name}-{window.name}")


def to_columns(samples: SamplesRow) -> Columns:
    def array(values: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array(values, dtype=np.int64)

    return Columns(
        array(samples.ts),
        array(samples.span_ms),
        array(samples.flags),
        {name: array(values) for name, values in samples.columns.items()},
    )


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


def sum_traffic(columns: Columns) -> dict[str, int]:
    """Octets and errors of what was measured, by column."""
    return {
        name: int(values[values > 0].sum()) if len(columns) else 0
        for name, values in columns.values.items()
    }
