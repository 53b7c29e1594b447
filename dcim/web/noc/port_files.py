"""The port board as a file: the ports that it shows, on all its pages."""

import datetime as dt
from dataclasses import dataclass

from flask import Response

from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.sla.port_board import current_ports
from dcim.sla.ports import PortNow
from dcim.sla.usage_months import MonthNow
from dcim.web.board_csv import answer_rows
from dcim.web.noc.blueprint import noc
from dcim.web.noc.ports import SORTS, choose_ports, point_of, read_wish
from dcim.web.staff.arguments import read_int, read_listing


@dataclass(frozen=True, slots=True)
class PortBoardRow:
    """Rates in bit/s, errors and discards of the newest interval, the month's figures those of
    `month_as_of`; none where not known."""

    id: int
    site: str | None
    device: str
    port: str
    alias: str
    role: str
    lag: str | None
    customer: str | None
    customer_name: str | None
    customer_name_en: str | None
    service: str | None
    carrier: str | None
    state: str
    measured_at: dt.datetime | None
    speed_bps: int
    in_bps: int | None
    out_bps: int | None
    share_of_speed: float | None
    commit_bps: int | None
    share_of_commit: float | None
    month_as_of: dt.datetime | None
    p95_bps: int | None
    forecast_bps: int | None
    errors: int | None
    discards: int | None


@noc.get("/ports.csv")
def ports_csv() -> Response:
    now = utc_now()
    board = current_ports(db_session(), current_scope(), now, read_int("site"))
    ports = choose_ports(board, read_wish(read_listing(tuple(SORTS))))
    rows = (_describe(port, board.months.get(port.service_id or 0)) for port in ports)
    return answer_rows(PortBoardRow, rows, "ports", now)


def _describe(port: PortNow, month: MonthNow | None) -> PortBoardRow:
    return PortBoardRow(
        id=port.id,
        site=port.site_code,
        device=port.device_name,
        port=port.name,
        alias=port.alias,
        role=port.role,
        lag=port.lag_name,
        customer=port.customer_code,
        customer_name=port.customer_name,
        customer_name_en=port.customer_name_en,
        service=port.service_code,
        carrier=port.carrier,
        state=port.state,
        measured_at=port.newest_at,
        speed_bps=port.speed_bps,
        in_bps=port.in_bps,
        out_bps=port.out_bps,
        share_of_speed=port.share,
        commit_bps=port.commit_bps,
        share_of_commit=port.commit_share,
        month_as_of=month.as_of if month else None,
        p95_bps=point_of(month),
        forecast_bps=month.forecast_bps if month else None,
        errors=port.errors,
        discards=port.discards,
    )
