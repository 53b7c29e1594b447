"""Credits at risk: what the running months cost already, may cost, and when the next step comes."""

from flask import Response as FileResponse
from flask import make_response, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.queries import find_contract, find_customer
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.inventory.queries import list_sites
from dcim.paging import EVERYTHING, count_pages
from dcim.statements.held_queries import count_held
from dcim.statements.risk_queries import (
    CreditRiskRow,
    RiskFilter,
    list_managers,
    list_risks,
    read_lines,
    read_rounds,
    sum_risks,
)
from dcim.web.board_csv import answer_rows
from dcim.web.noc.blueprint import noc
from dcim.web.noc.kept_boards import Shelf, keep_board, list_kept
from dcim.web.refreshing import answer_part, tag_of, wants_part
from dcim.web.staff.arguments import read_int, read_listing, read_text

SHELF = Shelf("credit_board", "noc.credit_risks", "noc.keep_credits")


@noc.get("/credits")
def credit_risks() -> Response:
    session, scope, now = db_session(), current_scope(), utc_now()
    listing = read_listing()
    wanted = read_filter()
    page = list_risks(session, scope, wanted, listing.paging)
    totals = sum_risks(session, scope, wanted)
    rounds = read_rounds(session, scope, now)
    tag = tag_of(scope, page, totals, rounds, now.replace(second=0, microsecond=0))

    def render(quoted: str) -> str:
        part = wants_part()
        return render_template(
            "noc/credits_part.html" if part else "noc/credits.html",
            page=page,
            pages=count_pages(page.total, page.size),
            listing=listing,
            totals=totals,
            rounds=rounds,
            wanted=wanted,
            filters=[] if part else _offer(session, scope, wanted),
            tag=quoted,
            kept=None if part else list_kept(SHELF, _take(wanted)),
            csv_url=url_for("noc.credits_csv") + listing.base.rstrip("?&"),
            held=0 if part else count_held(session, scope),
            now=now,
        )

    if wants_part():
        return answer_part(tag, render)
    return make_response(render(f'"{tag}"'))


@noc.post("/credits/boards")
def keep_credits() -> Response:
    return keep_board(SHELF, _take(read_filter()))


@noc.get("/credits.csv")
def credits_csv() -> FileResponse:
    """All months that fit, in the board's order."""
    found = list_risks(db_session(), current_scope(), read_filter(), EVERYTHING).items
    return answer_rows(CreditRiskRow, found, "credits-at-risk", utc_now())


def read_filter() -> RiskFilter:
    return RiskFilter(
        site_id=read_int("site"),
        account_manager=read_text("manager") or None,
        currency=read_text("currency", 3) or None,
        is_closed=read_text("show") == "closed",
        open_only=read_text("show") == "open",
    )


def _take(wanted: RiskFilter) -> dict[str, object]:
    """What the URL asks for, as far as the board knows it."""
    return {
        "site": wanted.site_id,
        "manager": wanted.account_manager,
        "currency": wanted.currency,
        "show": "closed" if wanted.is_closed else "open" if wanted.open_only else None,
    }


Filter = tuple[str, str, list[tuple[str, str]], str]


def _offer(session: Session, scope: Scope, wanted: RiskFilter) -> list[Filter]:
    """(name in the URL, label, choices, chosen)."""
    sites = list_sites(session, scope, EVERYTHING).items
    managers = list_managers(session, scope)
    everything = ("", _("All"))
    named = [(str(one.id), f"{one.code} {pick_text(one.name, one.name_en)}") for one in sites]
    return [
        (
            "show",
            _("Show"),
            [
                ("", _("Running months")),
                ("open", _("Open outages")),
                ("closed", _("Months over, not issued")),
            ],
            "open" if wanted.open_only else "closed" if wanted.is_closed else "",
        ),
        (
            "site",
            _("Site"),
            [everything, *named],
            str(wanted.site_id or ""),
        ),
        (
            "manager",
            _("Account manager"),
            [everything, *((name, name) for name in managers)],
            wanted.account_manager or "",
        ),
    ]


@noc.get("/credits/<int:contract_id>")
def contract_risk(contract_id: int) -> str:
    """Promise by promise: budget, what is used, when it runs out, what the next outage costs."""
    session, scope, now = db_session(), current_scope(), utc_now()
    contract = find_contract(session, scope, contract_id)
    customer = find_customer(session, scope, contract.customer_id)
    found = list_risks(session, scope, RiskFilter(contract_id=contract_id), EVERYTHING).items
    name = pick_text(customer.name, customer.name_en)
    return render_template(
        "noc/contract_risk.html",
        contract=contract,
        customer_name=name,
        months=[(row, read_lines(session, scope, row.id)) for row in found],
        now=now,
        crumbs=[
            (_("Credits at risk"), url_for("noc.credit_risks")),
            (f"{name} · {contract.number}", ""),
        ],
    )
