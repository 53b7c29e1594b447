"""The audit log, read only, with the state of its chain."""

import datetime as dt

from flask import render_template

from dcim.accounts.audit import verify_chain
from dcim.accounts.audit_log import AuditFilter, check_tail, list_actions, list_entries
from dcim.http.database import current_scope, db_session
from dcim.web.local_times import begin_of
from dcim.web.staff.arguments import read_day, read_listing, read_text
from dcim.web.staff.blueprint import staff


@staff.get("/audit")
def audit() -> str:
    session = db_session()
    listing = read_listing()
    since, until = read_day("since"), read_day("until")
    wanted = AuditFilter(
        subject=read_text("subject") or None,
        action=read_text("action") or None,
        text=read_text("q"),
        since=begin_of(since),
        until=None if until is None else begin_of(until + dt.timedelta(days=1)),
    )
    whole = read_text("verify") == "all"
    return render_template(
        "staff/audit.html",
        found=list_entries(session, current_scope(), wanted, listing.paging),
        wanted=wanted,
        since=since,
        until=until,
        listing=listing,
        actions=list_actions(session),
        chain=verify_chain(session) if whole else check_tail(session),
        whole=whole,
    )
