"""The staff face's blueprint; `dcim.web.staff.routes` brings its pages."""

from typing import Any

from flask import Blueprint, g, request

from dcim.web.staff.names import STATES, role_name, unit_text

staff = Blueprint("staff", __name__, url_prefix="/staff")

# Which entry of the navigation a page belongs to that has none of its own.
SECTIONS = {
    "staff.room": "staff.home",
    "staff.cabinet": "staff.home",
    "staff.install": "staff.home",
    "staff.hold": "staff.home",
    "staff.allocate": "staff.home",
    "staff.device": "staff.devices",
    "staff.move": "staff.devices",
    "staff.add_device": "staff.devices",
    "staff.customer": "staff.customers",
    "staff.add_agent": "staff.agents",
    "staff.device_state": "staff.devices",
    "staff.rent": "staff.devices",
    "staff.end_rent": "staff.devices",
    "staff.type_files": "staff.devices",
    "staff.import_type_files": "staff.devices",
    "staff.passes": "staff.devices",
    "staff.add_pass": "staff.devices",
    "staff.equipment_pass": "staff.devices",
    "staff.print_pass": "staff.devices",
}


@staff.before_request
def name_section() -> None:
    g.section = SECTIONS.get(request.endpoint or "")


@staff.context_processor
def name_things() -> dict[str, Any]:
    """For every staff template."""
    return {"role_name": role_name, "unit_text": unit_text, "states": STATES}
