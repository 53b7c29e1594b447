"""Who may call which staff page."""

from dcim.accounts.roles import Right
from dcim.http.policy import Access, needs

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
    "staff.row": SPACE,
    "staff.cabinet_face": SPACE,
    "staff.print_cabinets": SPACE,
    "staff.labels": SPACE,
    "staff.label_sheet": SPACE,
    "staff.try_place": PLACING,
    "staff.place_device": PLACING,
    "staff.move_cabinet": PLACING,
    "staff.arrange_room": PLACING,
    "staff.walks": SPACE,
    "staff.walk_summary": SPACE,
    "staff.walk_cabinet": PLACING,
    "staff.walk_line": PLACING,
    "staff.walk_extra": PLACING,
    "staff.walk_drop": PLACING,
    "staff.walk_certify": PLACING,
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
