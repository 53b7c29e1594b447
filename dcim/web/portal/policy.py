"""Who may call which portal page: a customer's own people, for their own things."""

from dcim.accounts.roles import Right
from dcim.http.policy import Access, needs

OWN = needs(Right.OWN_THINGS)
STATEMENTS = needs(Right.OWN_STATEMENTS)

PORTAL_POLICY: dict[str, Access] = {
    "portal.home": OWN,
    "portal.month": OWN,
    "portal.cabinets": OWN,
    "portal.bandwidth": OWN,
    "portal.bandwidth_csv": OWN,
    "portal.contracts": OWN,
    "portal.statements": STATEMENTS,
    "portal.statement_pdf": STATEMENTS,
    "portal.statement_json": STATEMENTS,
}
