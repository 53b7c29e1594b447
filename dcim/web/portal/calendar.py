"""A person's calendar of maintenance and incidents: the feed, and its secret address."""

import hashlib
from urllib.parse import urlsplit

from flask import Response, current_app, flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from dcim.accounts.calendar_feeds import find_reader, read_feed, renew_feed, revoke_feed
from dcim.accounts.people import scope_of
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.errors import NotFoundError
from dcim.http.database import current_scope, db_session, enter_scope
from dcim.i18n import gettext as _
from dcim.sla.ical import write_calendar
from dcim.sla.own_calendar import Addresses, read_calendar
from dcim.web.portal.blueprint import portal
from dcim.web.staff.answers import go_on


@portal.get("/calendar")
def calendar() -> str:
    return _show()


@portal.route("/calendar/renew", methods=["GET", "POST"])
def renew_calendar() -> str | BaseResponse:
    """Answered with the page itself: the address is shown this once and kept nowhere. Opened
    again, as by a change of language, it renews nothing."""
    if request.method != "POST":
        return go_on(url_for("portal.calendar"))
    secret = renew_feed(db_session(), current_scope(), current_user)
    settings: Settings = current_app.config["JIFANG"]
    return _show(settings.base_url + url_for("portal.calendar_feed", secret=secret))


@portal.post("/calendar/revoke")
def revoke_calendar() -> BaseResponse:
    revoke_feed(db_session(), current_scope(), current_user)
    flash(_("The address opens nothing any more."), "success")
    return go_on(url_for("portal.calendar"))


@portal.get("/calendar/<secret>.ics")
def calendar_feed(secret: str) -> Response:
    """For a calendar program, which can't sign in: whoever has the address reads this, and this
    alone. A secret that is none, was renewed or revoked is an address where nothing is."""
    session = db_session()
    reader = find_reader(session, secret)
    if reader is None:
        raise NotFoundError("No such calendar.")
    scope = scope_of(reader)
    enter_scope(scope)
    settings: Settings = current_app.config["JIFANG"]
    addresses = Addresses(settings.base_url, urlsplit(settings.base_url).hostname or "jifang")
    found = read_calendar(session, scope, reader.language, addresses, utc_now())
    content = write_calendar(found)
    answer = Response(content, mimetype="text/calendar")
    answer.headers["Content-Disposition"] = 'inline; filename="jifang.ics"'
    answer.set_etag(hashlib.sha256(content).hexdigest())
    answer.make_conditional(request)
    return answer


def _show(address: str = "") -> str:
    return render_template(
        "portal/calendar.html",
        feed=read_feed(db_session(), current_user.id),
        address=address,
        webcal="webcal:" + address.partition(":")[2] if address else "",
        crumbs=[(_("Home"), url_for("portal.home")), (_("Calendar"), "")],
    )
