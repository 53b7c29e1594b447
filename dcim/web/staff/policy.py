"""Who may call which staff page."""

from dcim.accounts.roles import Right
from dcim.http.policy import Access, needs

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
    "staff.devices": SPACE,
    "staff.device": SPACE,
    "staff.add_device": needs(Right.CHANGE_DEVICES),
    "staff.power": needs(Right.SEE_POWER),
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
    "staff.audit": needs(Right.SEE_AUDIT),
    "staff.search": needs(Right.SEE_SPACE, Right.SEE_CUSTOMERS),
}
