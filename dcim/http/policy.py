"""Who may call which route. Default is nobody; a route that isn't listed stops the start."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Flask, current_app, g, redirect, request, session, url_for
from flask_login import current_user
from werkzeug.exceptions import Forbidden, NotFound, Unauthorized
from werkzeug.wrappers import Response

from dcim.accounts.people import scope_of
from dcim.accounts.roles import Right, collect_rights
from dcim.http.database import enter_scope


@dataclass(frozen=True, slots=True)
class Access:
    """`public`, or signed in, or signed in with at least one of these rights.

    `readings`: open to tokens that are for readings alone, which open nothing else.
    """

    rights: frozenset[Right] = frozenset()
    public: bool = False
    readings: bool = False


PUBLIC = Access(public=True)
SIGNED_IN = Access()


def needs(*rights: Right, readings: bool = False) -> Access:
    return Access(rights=frozenset(rights), readings=readings)


class UndeclaredRouteError(RuntimeError):
    """A route without a policy, or a policy without its route."""


def init_policy(app: Flask, policy: Mapping[str, Access]) -> None:
    """Guard every route of `app`. Call it last, when all routes are registered.

    Raises UndeclaredRouteError when a route has no entry in `policy`, or an entry no route.
    """
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    if missing := sorted(endpoints - policy.keys()):
        raise UndeclaredRouteError(
            f"routes without a policy: {', '.join(missing)}; add them to dcim/policy.py"
        )
    if stale := sorted(policy.keys() - endpoints):
        raise UndeclaredRouteError(f"policies without a route: {', '.join(stale)}")
    app.extensions["jifang_policy"] = dict(policy)
    app.before_request(guard)


def guard() -> Response | None:
    """Let the request pass, or answer 401/403/a way to sign in. Sets the request's scope."""
    if request.endpoint is None:
        # No such URL: the 404 (or 405) follows, the same for everybody.
        return None
    access: Access = current_app.extensions["jifang_policy"][request.endpoint]
    if access.public:
        return None
    if not current_user.is_authenticated:
        return _ask_to_sign_in()
    rights = collect_rights([role.name for role in current_user.roles])
    g.rights = rights
    enter_scope(scope_of(current_user))
    token = g.get("token")
    if token is not None and token.purpose == "readings" and not access.readings:
        raise Forbidden("This token is for readings alone.")
    if access.rights and not rights & access.rights:
        # A customer must not learn which staff pages exist.
        raise NotFound if current_user.customer_id is not None else Forbidden
    if current_user.must_change_password and not g.get("token"):
        return redirect(url_for("security.change_password"), code=303)
    return None


def has_right(*rights: Right) -> bool:
    """For templates and views: whether the signed-in person has one of these rights."""
    return bool(g.get("rights", frozenset()) & frozenset(rights))


def _ask_to_sign_in() -> Response:
    if request.path.startswith("/api/") or request.headers.get("HX-Request"):
        raise Unauthorized
    session["wanted"] = request.full_path.rstrip("?")
    return redirect(url_for("security.login"), code=303)
