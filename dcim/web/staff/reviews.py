"""What a person must decide before money is: results that hang on time nobody measured."""

from flask import render_template, url_for
from flask_babel import lazy_gettext as _l

from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.paging import Paging, slice_page
from dcim.records.fields import mark
from dcim.snmp.health.words import GAPS, Words
from dcim.statements.gap_reasons import UNDECIDED, UNPOLLED
from dcim.statements.review_decisions import (
    ReviewDecisionFilter,
    list_decisions,
    map_decisions,
)
from dcim.statements.reviews import list_reviews
from dcim.web.incident_words import TREATMENT_WORDS
from dcim.web.staff.arguments import read_int, read_listing, read_text
from dcim.web.staff.blueprint import staff
from dcim.web.staff.polling import say_words

QUEUE = Paging(1, 50)
STATES = {"running": _l("running"), "closed": _l("over, not issued"), "issued": _l("issued")}
REASONS = GAPS | {
    UNDECIDED: Words(
        mark("Answered, undecided"),
        mark("Readings are there, and they don't show whether the feed was alive."),
    ),
    UNPOLLED: Words(mark("Not polled"), mark("The device has no agent that is polled.")),
}


@staff.get("/reviews")
def reviews() -> str:
    """What is worth most first; by month, customer and contract in the URL."""
    session, scope = db_session(), current_scope()
    listing = read_listing()
    state, contract_id = read_text("state"), read_int("contract")
    found = list_reviews(
        session, scope, utc_now(), customer_id=read_int("customer"), contract_id=contract_id
    )
    counts = {name: sum(one.state == name for one in found) for name in STATES}
    if state in STATES:
        found = [one for one in found if one.state == state]
    page = slice_page(found, listing.paging)
    return render_template(
        "staff/reviews.html",
        page=page,
        waiting=list_decisions(
            session, scope, ReviewDecisionFilter(contract_id=contract_id, state="open"), QUEUE
        ),
        decided=map_decisions(
            session, scope, {(one.contract_id, one.period) for one in page.items}
        ),
        treatments=TREATMENT_WORDS,
        listing=listing,
        counts=counts,
        state=state if state in STATES else "",
        states=STATES,
        contract_id=contract_id,
        say_reason=lambda reason: say_words(REASONS, reason),
        crumbs=[(_("Credits at risk"), url_for("noc.credit_risks")), (_("To review"), "")],
    )
