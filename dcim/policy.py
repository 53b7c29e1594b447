"""The policy of every route: who may call it. Nothing is open by omission."""

from dcim.accounts.roles import Right
from dcim.api.policy import API_POLICY
from dcim.http.policy import PUBLIC, SIGNED_IN, Access, needs
from dcim.web.noc.policy import NOC_POLICY
from dcim.web.portal.policy import PORTAL_POLICY
from dcim.web.public.policy import PUBLIC_POLICY
from dcim.web.staff.policy import STAFF_POLICY

POLICY: dict[str, Access] = {
    "static": PUBLIC,
    "shell.home": SIGNED_IN,
    "shell.healthz": PUBLIC,
    "shell.readyz": PUBLIC,
    "shell.metrics": PUBLIC,
    # Where a label's code leads: each decides by the caller's scope.
    "links.cabinet": needs(Right.SEE_SPACE, Right.OWN_THINGS),
    "links.rack": needs(Right.SEE_SPACE, Right.OWN_THINGS),
    "links.device": needs(Right.SEE_SPACE, Right.OWN_THINGS),
}

# Flask-Security guards its own views: they are about oneself or about signing in.
SECURITY_ENDPOINTS = (
    "security.login",
    "security.logout",
    "security.verify",
    "security.change_password",
    "security.two_factor_setup",
    "security.two_factor_setup_validate",
    "security.two_factor_token_validation",
    "security.two_factor_rescue",
    "security.tf_select",
    "security.static",
)
POLICY |= dict.fromkeys(SECURITY_ENDPOINTS, PUBLIC)

POLICY |= API_POLICY

POLICY |= STAFF_POLICY
POLICY |= NOC_POLICY
POLICY |= PORTAL_POLICY
POLICY |= PUBLIC_POLICY
