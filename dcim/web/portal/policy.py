"""Who may call which portal page: a customer's own people, for their own things."""

from dcim.accounts.roles import Right
from dcim.http.policy import PUBLIC, Access, needs

OWN = needs(Right.OWN_THINGS)
PEOPLE = needs(Right.OWN_PEOPLE)
STATEMENTS = needs(Right.OWN_STATEMENTS)

PORTAL_POLICY: dict[str, Access] = {
    "portal.home": OWN,
    "portal.month": OWN,
    "portal.cabinets": OWN,
    "portal.power": OWN,
    "portal.power_csv": OWN,
    "portal.meters": OWN,
    "portal.meter_photo": OWN,
    "portal.bandwidth": OWN,
    "portal.bandwidth_csv": OWN,
    "portal.passes": OWN,
    "portal.add_pass": OWN,
    "portal.equipment_pass": OWN,
    "portal.withdraw_pass": OWN,
    "portal.tickets": OWN,
    "portal.open_own_ticket": OWN,
    "portal.ticket": OWN,
    "portal.close_ticket": OWN,
    "portal.reopen_ticket": OWN,
    "portal.cross_connects": OWN,
    "portal.request_order": OWN,
    "portal.cross_connect": OWN,
    "portal.cancel_order": OWN,
    "portal.stored_file": OWN,
    "portal.addresses": OWN,
    "portal.maintenance_windows": OWN,
    "portal.maintenance": OWN,
    "portal.decide_maintenance": needs(Right.OWN_APPROVALS),
    "portal.calendar": OWN,
    "portal.renew_calendar": OWN,
    "portal.revoke_calendar": OWN,
    # By a secret of its own: calendar programs can't sign in.
    "portal.calendar_feed": PUBLIC,
    "portal.contracts": OWN,
    "portal.contacts": OWN,
    "portal.add_contact": PEOPLE,
    "portal.edit_contact": PEOPLE,
    "portal.end_contact": PEOPLE,
    "portal.people": PEOPLE,
    "portal.invite": PEOPLE,
    "portal.change_person": PEOPLE,
    "portal.disable_person": PEOPLE,
    "portal.enable_person": PEOPLE,
    "portal.renew_person_password": PEOPLE,
    "portal.tokens": OWN,
    "portal.add_token": OWN,
    "portal.revoke_own_token": OWN,
    "portal.incidents": OWN,
    "portal.incident": OWN,
    "portal.contest": STATEMENTS,
    "portal.statements": STATEMENTS,
    "portal.claim_credit": STATEMENTS,
    "portal.statement_pdf": STATEMENTS,
    "portal.statement_json": STATEMENTS,
}
