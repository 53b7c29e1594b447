"""The staff face's blueprint; `dcim.web.staff.routes` brings its pages."""

from typing import Any

from flask import Blueprint, g, request

from dcim.http.database import db_session
from dcim.i18n import choose_language
from dcim.inventory.numbering import name_units
from dcim.records.titles import read_in_english
from dcim.web.network_names import EVERY_NAME
from dcim.web.staff.names import STATES, UNIT_STATES, role_name
from dcim.web.staff.records.addresses import find_record_link

staff = Blueprint("staff", __name__, url_prefix="/staff")

# Which entry of the navigation a page belongs to that has none of its own.
SECTIONS = {
    "staff.room": "staff.home",
    "staff.cabinet": "staff.home",
    "staff.install": "staff.home",
    "staff.hold": "staff.home",
    "staff.allocate": "staff.home",
    "staff.outage": "staff.power",
    "staff.power_node": "staff.power",
    "staff.power_budgets": "staff.power",
    "staff.plug": "staff.power",
    "staff.meter_sheet": "staff.meter_rooms",
    "staff.meter": "staff.meter_rooms",
    "staff.correct_reading": "staff.meter_rooms",
    "staff.change_meter_form": "staff.meter_rooms",
    "staff.row": "staff.home",
    "staff.split": "staff.home",
    "staff.labels": "staff.home",
    "staff.walks": "staff.home",
    "staff.walk_summary": "staff.home",
    "staff.walk_cabinet": "staff.home",
    "staff.device": "staff.list_device",
    "staff.move": "staff.list_device",
    "staff.add_device": "staff.list_device",
    "staff.customer": "staff.list_customer",
    "staff.renewals": "staff.list_customer",
    "staff.incident": "staff.incidents",
    "staff.statement_copies": "staff.statements",
    "staff.make_statement_copy": "staff.statements",
    "staff.contract": "staff.list_customer",
    "staff.sign": "staff.list_customer",
    "staff.renew": "staff.list_customer",
    "staff.finish_contract": "staff.list_customer",
    "staff.finish_item": "staff.list_customer",
    "staff.terms": "staff.list_customer",
    "staff.try_terms": "staff.list_customer",
    "staff.replay_terms": "staff.list_customer",
    "staff.amend": "staff.list_customer",
    "staff.add_order": "staff.list_customer",
    "staff.order": "staff.list_customer",
    "staff.regulator": "staff.list_customer",
    "staff.ticket": "staff.tickets",
    "staff.add_ticket": "staff.tickets",
    "staff.advance_ticket_by": "staff.tickets",
    "staff.correct_ticket": "staff.tickets",
    "staff.statement": "staff.statements",
    "staff.correct_statement": "staff.statements",
    "staff.decide_revision_proposal": "staff.statements",
    "staff.withdraw_revision_proposal": "staff.statements",
    "staff.hold_found": "staff.capacity",
    "staff.keep_search": "staff.capacity",
    "staff.capacity_csv": "staff.capacity",
    "staff.add_agent": "staff.agents",
    "staff.device_state": "staff.list_device",
    "staff.rent": "staff.list_device",
    "staff.end_rent": "staff.list_device",
    "staff.type_files": "staff.list_device",
    "staff.import_type_files": "staff.list_device",
    "staff.add_pass": "staff.passes",
    "staff.equipment_pass": "staff.passes",
    "staff.print_pass": "staff.passes",
    "staff.cross_connect": "staff.list_cross_connect",
    "staff.add_cross_connect": "staff.list_cross_connect",
    "staff.advance_order": "staff.list_cross_connect",
    "staff.attach_order_file": "staff.list_cross_connect",
    "staff.prefixes": "staff.list_cross_connect",
    "staff.prefix": "staff.list_cross_connect",
    "staff.address_lookup": "staff.list_cross_connect",
    "staff.port_trace": "staff.list_cross_connect",
    "staff.bandwidth_service": "staff.list_cross_connect",
    "staff.work_order": "staff.list_cross_connect",
    "staff.passes": "staff.list_device",
}


@staff.before_request
def prepare_page() -> None:
    g.section = SECTIONS.get(request.endpoint or "")
    if choose_language() == "en":
        read_in_english(db_session())


@staff.context_processor
def name_things() -> dict[str, Any]:
    """For every staff template."""
    return {
        "role_name": role_name,
        "unit_text": name_units,
        "states": STATES,
        "unit_states": UNIT_STATES,
        **EVERY_NAME,
        "record_link": find_record_link(),
    }
