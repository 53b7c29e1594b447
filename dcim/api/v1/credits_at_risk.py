"""What the running months may cost in credits, and what of them a person must decide."""

from typing import Any

from marshmallow import fields
from marshmallow.validate import Length

from dcim.api.fields import Flag, PageQuery, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.paging import slice_page
from dcim.statements import reviews, risk_queries

credits_at_risk = Resource("credits_at_risk", "Credits at risk", prefix="credits-at-risk")


class RiskQuery(PageQuery):
    customer_id = query_id()
    contract_id = query_id()
    site_id = query_id()
    account_manager = fields.String(validate=Length(1, 255))
    currency = fields.String(validate=Length(3, 3))
    is_closed = Flag(metadata={"description": "Months that are over, or those that run."})
    open_only = Flag(load_default=False)


class ReviewQuery(PageQuery):
    customer_id = query_id()
    contract_id = query_id()


@credits_at_risk.get("")
@credits_at_risk.arguments(RiskQuery, location="query")
@credits_at_risk.response(200, page_of(risk_queries.CreditRiskRow))
def list_credits_at_risk(query: dict[str, Any]) -> Any:
    """List contracts' months that aren't issued: open outages first, then the most at risk of each
    currency. Figures are those of `as_of`; they are worked out every quarter of an hour."""
    paging = take_paging(query)
    return risk_queries.list_risks(
        db_session(), current_scope(), risk_queries.RiskFilter(**query), paging
    )


@credits_at_risk.get("/<int:credit_risk_id>/lines")
@credits_at_risk.response(200, answer_of(risk_queries.RiskLineRow)(many=True))
def list_lines(credit_risk_id: int) -> Any:
    """Read one month promise by promise: budget, use, when it runs out, the next step."""
    return risk_queries.read_lines(db_session(), current_scope(), credit_risk_id)


@credits_at_risk.get("/reviews")
@credits_at_risk.arguments(ReviewQuery, location="query")
@credits_at_risk.response(200, page_of(reviews.ReviewRow))
def list_reviews(query: dict[str, Any]) -> Any:
    """List results a person must decide, what is worth most first: of months that run or aren't
    issued yet, and of statements of the last three months."""
    paging = take_paging(query)
    found = reviews.list_reviews(db_session(), current_scope(), utc_now(), **query)
    return slice_page(found, paging)
