"""Who may call which staff page."""

from dcim.accounts.roles import Right
from dcim.http.policy import Access, needs
from dcim.kinds import KINDS
from dcim.web.staff.imports import list_import_policy
from dcim.web.staff.records.registering import record_policy

SPACE = needs(Right.SEE_SPACE)
PLACING = needs(Right.CHANGE_SPACE)
CONTRACTS = needs(Right.CHANGE_CONTRACTS)

STAFF_POLICY: dict[str, Access] = {
    # Finance has no space to see: home sends it on to the statements.
    "staff.home": needs(Right.SEE_SPACE, Right.SEE_STATEMENTS),
    "staff.room": SPACE,
    "staff.cabinet": SPACE,
    "staff.install": PLACING,
    "staff.hold": PLACING,
    "staff.allocate": PLACING,
    "staff.release": PLACING,
    "staff.move": PLACING,
    "staff.remove": PLACING,
    "staff.capacity": SPACE,
    "staff.hold_found": PLACING,
    "staff.devices": SPACE,
    "staff.device": SPACE,
    "staff.add_device": needs(Right.CHANGE_DEVICES),
    "staff.power": needs(Right.SEE_POWER),
    "staff.power_node": needs(Right.SEE_POWER),
    "staff.power_budgets": needs(Right.SEE_POWER),
    "staff.plug": needs(Right.CHANGE_POWER),
    "staff.unplug": needs(Right.CHANGE_POWER),
    "staff.outage": needs(Right.SEE_POWER),
    "staff.outage_csv": needs(Right.SEE_POWER),
    "staff.customers": needs(Right.SEE_CUSTOMERS),
    "staff.customer": needs(Right.SEE_CUSTOMERS),
    "staff.renewals": needs(Right.SEE_CUSTOMERS),
    "staff.contract": needs(Right.SEE_CUSTOMERS),
    "staff.sign": CONTRACTS,
    "staff.renew": CONTRACTS,
    "staff.finish_contract": CONTRACTS,
    "staff.finish_item": CONTRACTS,
    "staff.terms": CONTRACTS,
    "staff.amend": CONTRACTS,
    "staff.add_order": CONTRACTS,
    "staff.order": needs(Right.SEE_CUSTOMERS),
    "staff.approve": CONTRACTS,
    "staff.finish": CONTRACTS,
    "staff.give_up": CONTRACTS,
    # Whoever works in the room, on the network or on contracts ticks what was done.
    "staff.order_step": needs(
        Right.CHANGE_CONTRACTS,
        Right.CHANGE_SPACE,
        Right.CHANGE_DEVICES,
        Right.CHANGE_POWER,
        Right.CHANGE_NETWORK,
    ),
    "staff.regulator": needs(Right.SEE_AUDIT),
    "staff.regulator_export": needs(Right.SEE_AUDIT),
    "staff.statements": needs(Right.SEE_STATEMENTS),
    "staff.statement_pdf": needs(Right.SEE_STATEMENTS),
    "staff.issue": needs(Right.ISSUE_STATEMENTS),
    "staff.issuing": needs(Right.ISSUE_STATEMENTS),
    "staff.agents": needs(Right.SEE_NETWORK),
    "staff.add_agent": needs(Right.CHANGE_DEVICES),
    "staff.cross_connects": needs(Right.SEE_NETWORK),
    "staff.cross_connect": needs(Right.SEE_NETWORK),
    "staff.add_cross_connect": needs(Right.CHANGE_NETWORK),
    "staff.choose_cross_connect_ends": needs(Right.CHANGE_NETWORK),
    "staff.advance_order": needs(Right.CHANGE_NETWORK),
    "staff.attach_order_file": needs(Right.CHANGE_NETWORK),
    "staff.stored_file": needs(Right.SEE_NETWORK),
    "staff.work_order": needs(Right.SEE_NETWORK),
    "staff.port_options": needs(Right.SEE_NETWORK),
    "staff.port_trace": needs(Right.SEE_NETWORK),
    "staff.disconnect": needs(Right.CHANGE_NETWORK),
    "staff.prefixes": needs(Right.SEE_NETWORK),
    "staff.prefix": needs(Right.SEE_NETWORK),
    "staff.release_address": needs(Right.CHANGE_NETWORK),
    "staff.address_lookup": needs(Right.SEE_NETWORK),
    "staff.bandwidth_service": needs(Right.SEE_NETWORK),
    "staff.release_membership": needs(Right.CHANGE_NETWORK),
    "staff.audit": needs(Right.SEE_AUDIT),
    "staff.device_state": needs(Right.CHANGE_DEVICES),
    "staff.rent": needs(Right.CHANGE_DEVICES),
    "staff.end_rent": needs(Right.CHANGE_DEVICES),
    "staff.type_files": needs(Right.CHANGE_DEVICES),
    "staff.import_type_files": needs(Right.CHANGE_DEVICES),
    "staff.load_type_catalogue": needs(Right.CHANGE_DEVICES),
    "staff.passes": SPACE,
    "staff.add_pass": needs(Right.CHANGE_DEVICES),
    "staff.equipment_pass": SPACE,
    "staff.print_pass": SPACE,
    "staff.decide_pass": needs(Right.CHANGE_DEVICES),
    "staff.gate": needs(Right.CHANGE_DEVICES),
    "staff.search": needs(Right.SEE_SPACE, Right.SEE_CUSTOMERS),
}
STAFF_POLICY |= list_import_policy(KINDS)

# Every kind's list, pages and forms, by the rights that the kind names.
STAFF_POLICY |= record_policy()
