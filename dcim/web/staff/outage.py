"""What happens if these nodes of the power chain fail: simulated, as a page and as CSV."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flask import Response, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from dcim.columns import utc_now
from dcim.errors import InvalidError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.inventory.models import Site
from dcim.inventory.space.summaries import RackSummary
from dcim.power.models import PowerNode
from dcim.power.outage import Strain
from dcim.sla.outages import LOADS, CabinetHit, CustomerHit, DeviceHit, OutageReading, read_outage
from dcim.web.local_times import local_zone
from dcim.web.staff.arguments import read_text
from dcim.web.staff.blueprint import staff
from dcim.web.staff.cabinets import month_start
from dcim.web.staff.names import LOAD_BASES, NODE_KINDS, OUTCOMES
from dcim.web.traffic_csv import safe_name

# Text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP CSV
# injection): it is shown as it is and never computed.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
SHOWN_CARRIERS = 1
SUGGESTED = 500


@dataclass(frozen=True, slots=True)
class RowOfRacks:
    """A row that something is hit in: its racks as they stand, each with its loss if it has one."""

    code: str
    racks: list[tuple[RackSummary, CabinetHit | None]]

    @property
    def hits(self) -> list[CabinetHit]:
        return [hit for _, hit in self.racks if hit is not None]


@staff.get("/power/outage")
def outage() -> str | BaseResponse:
    added = read_text("add", 64)
    off = _read_off()
    if added:
        off = _add(off, added)
        return redirect(url_for("staff.outage", off=off, load=read_text("load") or None), 303)
    reading = _read(off) if off else None
    return render_template(
        "staff/outage.html",
        view=reading,
        off=off,
        load=reading.load if reading else LOADS[0],
        rows=_rows(reading) if reading else [],
        devices=_group(reading.devices) if reading else {},
        carriers=_carriers(reading) if reading else [],
        battery_off=sorted({*off, *reading.outage.on_battery}) if reading else [],
        codes=_codes(reading) if reading else {},
        tripped=[
            reading.tree.nodes[each].code for group in reading.outage.tripped for each in group
        ]
        if reading
        else [],
        kinds=NODE_KINDS,
        outcomes=OUTCOMES,
        load_bases=LOAD_BASES,
        suggestions=_suggest(),
        crumbs=[
            (_("Power"), url_for("staff.power")),
            (_("Outage simulation"), url_for("staff.outage") if reading else ""),
            *([(_names(reading), "")] if reading else []),
        ],
    )


@staff.get("/power/outage.csv")
def outage_csv() -> Response:
    reading = _read(_read_off())
    name = safe_name(f"outage-{'-'.join(node.code for node in reading.off)}")
    return Response(
        "\ufeff" + "".join(_lines(reading)),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def defuse(value: object) -> str:
    """As a cell: numbers stay numbers, text can't become a formula."""
    text = "" if value is None else str(value)
    if isinstance(value, str) and text.lstrip(" ").startswith(FORMULA_STARTS):
        return "'" + text
    return text


def _read(off: Sequence[int]) -> OutageReading:
    now = utc_now()
    zone = local_zone()
    wanted = read_text("load") or LOADS[0]
    return read_outage(
        db_session(),
        current_scope(),
        off,
        load=wanted if wanted in LOADS else LOADS[0],
        now=now,
        month_start=month_start(now, zone),
    )


def _read_off() -> list[int]:
    given = request.args.getlist("off")
    return sorted({int(text) for text in given if text.isascii() and text.isdigit()
                   and len(text) < 19})  # fmt: skip


def _add(off: list[int], code: str) -> list[int]:
    """By code, of the same site where something is chosen already."""
    found = db_session().scalars(
        select(PowerNode.id)
        .where(PowerNode.code == code)
        .order_by(PowerNode.site_id.in_(_sites_of(off)).desc(), PowerNode.id)
        .limit(1)
    )
    node_id = next(iter(found), None)
    if node_id is None:
        raise InvalidError("No power node has the code %(code)s.", {"add": ["unknown"]}, code=code)
    return sorted({*off, node_id})


def _sites_of(off: list[int]) -> list[int]:
    return list(
        db_session().scalars(select(PowerNode.site_id).where(PowerNode.id.in_(off)).distinct())
    )


def _suggest() -> list[tuple[str, str]]:
    """Nodes that much hangs on come first."""
    order = {kind: place for place, kind in enumerate(NODE_KINDS)}
    rows = db_session().execute(
        select(PowerNode.code, PowerNode.kind, Site.code)
        .join(Site, Site.id == PowerNode.site_id)
        .where(PowerNode.kind.notin_(("pdu", "bank", "breaker")))
        .order_by(PowerNode.code)
        .limit(SUGGESTED)
    )
    found = sorted(rows, key=lambda row: (order.get(row[1], 99), row[0]))
    return [(code, f"{NODE_KINDS[kind]} · {site}") for code, kind, site in found]


def _names(reading: OutageReading) -> str:
    return " + ".join(node.code for node in reading.off[:4]) + (
        " + …" if len(reading.off) > 4 else ""
    )


def _codes(reading: OutageReading) -> dict[str, list[str]]:
    nodes, result = reading.tree.nodes, reading.outage
    groups = {
        "on_battery": result.on_battery,
        "switched": result.switched,
        "unrecorded": result.unrecorded,
    }
    return {name: [nodes[each].code for each in ids] for name, ids in groups.items()}


def _rows(reading: OutageReading) -> list[RowOfRacks]:
    hits = {hit.rack.id: hit for hit in reading.cabinets}
    touched = {hit.rack.row_id for hit in reading.cabinets}
    rows: dict[int, RowOfRacks] = {}
    for rack in reading.racks.values():
        if rack.row_id in touched:
            row = rows.setdefault(rack.row_id, RowOfRacks(rack.row_code, []))
            row.racks.append((rack, hits.get(rack.id)))
    return list(rows.values())


def _group(devices: Sequence[DeviceHit]) -> dict[int, list[DeviceHit]]:
    found: dict[int, list[DeviceHit]] = {}
    for device in devices:
        if device.outcome == "down":
            found.setdefault(device.rack_id, []).append(device)
    return found


def _carriers(reading: OutageReading) -> list[tuple[str, list[Strain]]]:
    """The panels and UPSs that take over, phase by phase, the fullest first."""
    return [
        (node.code, reading.outage.stages.strains_of(node.id))
        for node in reading.carriers[:SHOWN_CARRIERS]
    ]


def _lines(reading: OutageReading) -> Iterator[str]:
    """Three tables one after another: customers, cabinets, devices."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)

    def write(*cells: object) -> None:
        writer.writerow([defuse(cell) for cell in cells])

    write(_("If %(names)s fails", names=" + ".join(node.code for node in reading.off)))
    write(_("Simulation, nothing is switched"), reading.until.isoformat(timespec="seconds"))
    write()
    write(_("Outcome"), _("Customer"), _("Name"), _("Spaces"), _("Devices off"), _("Devices"),
          _("Fullest surviving feed"), "A", _("Limit A"), "%", _("What to know"))  # fmt: skip
    for customer in reading.customers:
        write(
            str(OUTCOMES[customer.outcome]), customer.code, customer.name,
            " ".join(customer.racks), customer.off, customer.devices, customer.fullest_rack,
            *_strain_cells(customer.fullest), "; ".join(notes(customer)),
        )  # fmt: skip
    write()
    write(_("Outcome"), _("Rack"), _("Cabinet"), _("Customers"), _("Feeds before"),
          _("Feeds after"), _("Load from"), "A", _("Limit A"), "%", _("Devices off"),
          _("Overloads"))  # fmt: skip
    for hit in reading.cabinets:
        write(
            str(OUTCOMES[hit.loss.outcome]), hit.rack.code, hit.rack.cabinet_code,
            " ".join(hit.customers), hit.loss.before, hit.loss.after,
            str(LOAD_BASES[hit.loss.basis]), *_strain_cells(hit.loss.fullest), hit.off,
            hit.cause.code if hit.cause else "",
        )  # fmt: skip
    write()
    write(_("Outcome"), _("Device"), _("Rack"), _("Outlet"))
    for device in reading.devices:
        if device.outcome != "no_redundancy":
            write(
                _("Down") if device.outcome == "down" else _("Down next"), device.name,
                reading.racks[device.rack_id].code, "; ".join(device.cords),
            )  # fmt: skip
    yield buffer.getvalue()


def _strain_cells(strain: Strain | None) -> tuple[str, str, str]:
    if strain is None:
        return "", "", ""
    share = f"{strain.share * 100:.0f}" if strain.limit else ""
    return f"{strain.after / 1000:.1f}", f"{strain.limit / 1000:.1f}", share


@staff.app_template_global("outage_notes")
def notes(customer: CustomerHit) -> list[str]:
    """What to know about a customer that is hit, in words."""
    found = []
    if customer.down:
        found.append(_("no surviving feed: %(racks)s", racks=" ".join(customer.down)))
    if customer.cause is not None:
        found.append(_("overloads %(node)s", node=customer.cause.code))
    if customer.next:
        found.append(_("%(count)s devices go next", count=customer.next))
    if customer.one_cord:
        found.append(_("%(count)s with one cord", count=customer.one_cord))
    if customer.assumed:
        found.append(_("%(count)s without recorded cords, assumed", count=customer.assumed))
    return found
