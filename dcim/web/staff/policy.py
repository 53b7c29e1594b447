"""Who may call which staff page."""

from dcim.accounts.roles import Right
from dcim.http.policy import Access, needs
from dcim.kinds import KINDS
from dcim.web.staff.imports import list_import_policy
from dcim.web.staff.records.registering import record_policy

SPACE = needs(Right.SEE_SPACE)
PLACING = needs(Right.CHANGE_SPACE)

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
    "staff.devices": SPACE,
    "staff.device": SPACE,
    "staff.add_device": needs(Right.CHANGE_DEVICES),
    "staff.power": needs(Right.SEE_POWER),
    "staff.customers": needs(Right.SEE_CUSTOMERS),
    "staff.customer": needs(Right.SEE_CUSTOMERS),
    "staff.statements": needs(Right.SEE_STATEMENTS),
    "staff.statement_pdf": needs(Right.SEE_STATEMENTS),
    "staff.issue": needs(Right.ISSUE_STATEMENTS),
    "staff.issuing": needs(Right.ISSUE_STATEMENTS),
    "staff.agents": needs(Right.SEE_NETWORK),
    "staff.add_agent": needs(Right.CHANGE_DEVICES),
    "staff.audit": needs(Right.SEE_AUDIT),
    "staff.search": needs(Right.SEE_SPACE, Right.SEE_CUSTOMERS),
}

# Every kind's list, pages and forms, by the rights that the kind names.
STAFF_POLICY |= record_policy()
STAFF_POLICY |= list_import_policy(KINDS)
