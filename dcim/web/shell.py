"""What every face shares: the way home, language and theme, health and metrics."""

import shutil
from collections.abc import Mapping
from typing import Any

from flask import (
    Blueprint,
    Response,
    current_app,
    g,
    jsonify,
    redirect,
    request,
    session,
    url_for,
)
from flask_login import current_user
from markupsafe import Markup
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as BaseResponse

from dcim import schema
from dcim.accounts.roles import Right
from dcim.catalogues import LOCALES
from dcim.errors import SettingsError
from dcim.http.database import db_session
from dcim.http.policy import has_right
from dcim.i18n import choose_language, choose_zone
from dcim.i18n import gettext as _
from dcim.web.navigation import PORTAL_LABELS, SECTION_LABELS, Entry, gather
from dcim.web.remembered import remember

shell = Blueprint("shell", __name__)

CHANGE_RIGHTS = [right for right in Right if right.value.startswith("change_")]

# Below this the instance is not ready: PostgreSQL stops when its disk is full.
MIN_FREE_BYTES = 100 * 1024 * 1024


@shell.get("/")
def home() -> BaseResponse:
    """Send each person to their own face."""
    if wanted := session.pop("wanted", None):
        return redirect(wanted, code=303)
    return redirect(url_for(home_endpoint()), code=303)


def home_endpoint() -> str:
    if current_user.customer_id is not None:
        return "portal.home"
    names = {role.name for role in current_user.roles}
    return "noc.overview" if names == {"noc"} else "staff.home"


@shell.get("/healthz")
def healthz() -> Response:
    """Alive: the process answers. Touches nothing else."""
    return Response("ok\n", mimetype="text/plain")


@shell.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Ready: database reachable, schema right, disk not full. 503 with the reason otherwise."""
    problems: list[str] = []
    try:
        db_session().execute(text("SELECT 1"))
        schema.check_revision(db_session().connection())
    except SettingsError as error:
        problems.append(error.problem)
    except SQLAlchemyError:
        problems.append("the database can't be reached")
    if shutil.disk_usage(current_app.config["JIFANG"].data).free < MIN_FREE_BYTES:
        problems.append("the disk is nearly full")
    return jsonify(ready=not problems, problems=problems), 503 if problems else 200


@shell.get("/metrics")
def metrics() -> Response:
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def collect_nav() -> list[Entry]:
    """The faces and pages this person may open, those of one section together."""
    if current_user.customer_id is not None:
        return gather(
            [
                (_("Home"), "portal.home", True),
                (_("Cabinets and power"), "portal.cabinets", True),
                (_("Power over time"), "portal.power", True),
                (_("Statements"), "portal.statements", has_right(Right.OWN_STATEMENTS)),
                (_("Meters"), "portal.meters", True),
                (_("Bandwidth"), "portal.bandwidth", True),
                (_("Cross-connects"), "portal.cross_connects", True),
                (_("Addresses"), "portal.addresses", True),
                (_("Tickets"), "portal.tickets", True),
                (_("Incidents"), "portal.incidents", has_right(Right.OWN_THINGS)),
                (_("Maintenance"), "portal.maintenance_windows", True),
                (_("Calendar"), "portal.calendar", True),
                (_("Passes"), "portal.passes", has_right(Right.OWN_THINGS)),
                (_("Contracts"), "portal.contracts", True),
                (_("Contacts"), "portal.contacts", True),
                (_("People"), "portal.people", has_right(Right.OWN_PEOPLE)),
                (_("Notifications"), "portal.notices", True),
            ],
            _say(PORTAL_LABELS),
            with_kinds=False,
        )
    money = has_right(Right.SEE_NETWORK, Right.SEE_STATEMENTS)
    pages = [
        (_("Overview"), "staff.home", has_right(Right.SEE_SPACE)),
        (_("Find space"), "staff.capacity", has_right(Right.SEE_SPACE)),
        (_("Audits by age"), "staff.walks", has_right(Right.SEE_SPACE)),
        (_("Devices"), "staff.list_device", has_right(Right.SEE_SPACE)),
        (_("Passes"), "staff.passes", has_right(Right.SEE_SPACE)),
        (_("Device types from files"), "staff.type_files", has_right(Right.CHANGE_DEVICES)),
        (_("Power"), "staff.power", has_right(Right.SEE_POWER)),
        (_("Power budgets"), "staff.power_budgets", has_right(Right.SEE_POWER)),
        (_("Power board"), "noc.plant", has_right(Right.SEE_POWER)),
        (_("Environment"), "noc.environment", has_right(Right.SEE_POWER)),
        ("PUE", "noc.pue", has_right(Right.SEE_POWER)),
        (_("Meter reading"), "staff.meter_rooms", has_right(Right.SEE_POWER)),
        (_("Readings to confirm"), "staff.waiting_readings", has_right(Right.CONFIRM_READINGS)),
        (_("Sites at a glance"), "noc.overview", has_right(Right.SEE_NETWORK)),
        (_("Ports"), "noc.home", has_right(Right.SEE_NETWORK)),
        (_("Uplinks and sums"), "noc.aggregates", has_right(Right.SEE_NETWORK)),
        (_("Alarms"), "noc.alarms", has_right(Right.SEE_NETWORK)),
        (_("On call"), "noc.on_call", has_right(Right.SEE_NETWORK)),
        (_("Shift handover"), "noc.handovers", has_right(Right.SEE_CUSTOMERS)),
        (_("Events"), "noc.events", has_right(Right.SEE_NETWORK)),
        (_("Map of links"), "noc.links", has_right(Right.SEE_NETWORK)),
        (_("Traps"), "noc.traps", has_right(Right.SEE_NETWORK)),
        (_("Syslog"), "noc.syslog", has_right(Right.SEE_NETWORK)),
        (
            _("Incidents"),
            "staff.incidents",
            has_right(Right.SEE_NETWORK, Right.SEE_STATEMENTS),
        ),
        (_("Maintenance"), "staff.maintenance_windows", has_right(Right.SEE_NETWORK)),
        (_("Cross-connects"), "staff.list_cross_connect", has_right(Right.SEE_NETWORK)),
        (_("Address space"), "staff.prefixes", has_right(Right.SEE_NETWORK)),
        (_("Who had an address"), "staff.address_lookup", has_right(Right.SEE_NETWORK)),
        (_("Customers"), "staff.list_customer", has_right(Right.SEE_CUSTOMERS)),
        (_("Tickets"), "staff.tickets", has_right(Right.SEE_CUSTOMERS)),
        (_("Renewals due"), "staff.renewals", has_right(Right.SEE_CUSTOMERS)),
        (_("Statements"), "staff.statements", has_right(Right.SEE_STATEMENTS)),
        (_("Waiting for approval"), "staff.held_months", has_right(Right.SEE_STATEMENTS)),
        (_("Summary of months"), "staff.statement_summary", has_right(Right.SEE_STATEMENTS)),
        (_("Delivery"), "staff.deliveries", has_right(Right.SEE_STATEMENTS)),
        (_("Credits at risk"), "noc.credit_risks", money),
        (_("To review"), "staff.reviews", money),
        (_("Claims of credits"), "staff.credit_claims", has_right(Right.SEE_STATEMENTS)),
        (_("Report to the regulator"), "staff.regulator", has_right(Right.SEE_AUDIT)),
        (_("SNMP agents"), "staff.agents", has_right(Right.SEE_NETWORK)),
        (_("Discovery"), "staff.discovery", has_right(Right.SEE_NETWORK)),
        (_("Audit log"), "staff.audit", has_right(Right.SEE_AUDIT)),
        (_("Imports"), "staff.imports", has_right(*CHANGE_RIGHTS)),
    ]
    return gather(pages, _say(SECTION_LABELS))


def _say(labels: Mapping[str, object]) -> dict[str, str]:
    return {name: str(label) for name, label in labels.items()}


def remember_nav() -> Markup:
    """The navigation as markup, made once for everybody with these rights on this page."""

    def make() -> Markup:
        template = current_app.jinja_env.get_template("components/nav.html")
        return Markup(template.render(nav=collect_nav()))  # noqa: S704  rendered

    customer = current_user.customer_id is not None
    place = (request.root_path, request.endpoint, g.get("section"))
    return remember(("nav", customer, *place), make)


def remember_language() -> None:
    """`?lang=zh|en` on any page is a choice that lasts for the session."""
    if (chosen := request.args.get("lang")) in LOCALES:
        session["language"] = chosen


def describe_page() -> dict[str, Any]:
    """What base.html needs on every page."""
    signed_in = current_user.is_authenticated and "rights" in g
    language = choose_language()
    other = "en" if language == "zh" else "zh"
    arguments = {**request.args.to_dict(flat=False), **(request.view_args or {}), "lang": other}
    page: dict[str, Any] = {
        "lang": {"zh": "zh-CN", "en": "en"}[language],
        "languages": [
            (
                {"zh": "zh-CN", "en": "en"}[other],
                {"zh": "中文", "en": "English"}[other],
                url_for(request.endpoint, **arguments) if request.endpoint else f"?lang={other}",
            )
        ],
        "zone": choose_zone(),
        "face": "public",
        "has_right": has_right,
        "Right": Right,
    }
    if signed_in:
        page["face"] = find_face()
        page["nav_html"] = remember_nav()
        if page["face"] != "portal" and "staff.search" in current_app.view_functions:
            page["search_url"] = url_for("staff.search")
        page["user"] = {"name": current_user.name, "detail": current_user.email}
        page["user_menu"] = [
            (_("Change password"), url_for("security.change_password")),
            (_("Two-factor sign-in"), url_for("security.two_factor_setup")),
        ]
        if page["face"] == "portal":
            page["user_menu"] += [
                (_("Notifications, language, time zone"), url_for("portal.notices")),
                (_("API tokens"), url_for("portal.tokens")),
            ]
        page["logout_url"] = url_for("security.logout")
    return page


def find_face() -> str:
    if current_user.customer_id is not None:
        return "portal"
    return "noc" if (request.endpoint or "").startswith("noc.") else "staff"
