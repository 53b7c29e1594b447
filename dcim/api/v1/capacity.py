"""Capacity search: what is wished in; proposals, refusals with numbers and possible gains out."""

from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from marshmallow import Schema, fields

from dcim.api.fields import Text, Whole, choice
from dcim.api.spec import Resource
from dcim.capacity.judging import REASONS
from dcim.capacity.proposals import Place, Proposal
from dcim.capacity.refusals import Gain, Refusal
from dcim.capacity.search import Answer, page_refusals, search_capacity
from dcim.capacity.wish import FEEDS, KINDS, MOST_PLACES, MOST_UNITS, PORT_SCOPES, RELATIONS, Wish
from dcim.http.database import current_scope, db_session
from dcim.paging import Paging

capacity = Resource("capacity", "Capacity search", prefix="capacity")

MOST_PROPOSALS = 50


class WishQuery(Schema):
    """What is looked for: `count` places, each with all of this."""

    kind = choice(KINDS, load_default="units")
    units = Whole(1, MOST_UNITS, load_default=1, metadata={"description": "U of one place."})
    count = Whole(1, MOST_PLACES, load_default=1)
    watts = Whole(0, 200_000, load_default=0, metadata={"description": "Of one place; 0: any."})
    feeds = choice(FEEDS, load_default="both")
    weight_kg = Whole(0, 20_000, load_default=0)
    ports = Whole(0, 500, load_default=0, metadata={"description": "Free switch ports near it."})
    port_bps = Whole(1, 10**13, load_default=10_000_000_000)
    port_scope = choice(PORT_SCOPES, load_default="row")
    relation = choice(RELATIONS, load_default="any")
    site_id = Whole(allow_none=True, load_default=None)
    room_id = Whole(allow_none=True, load_default=None)
    cage_id = Whole(allow_none=True, load_default=None)
    near_customer_id = Whole(allow_none=True, load_default=None)
    carrier = Text(low=0, high=64, load_default="")
    starts_on = fields.Date(allow_none=True, load_default=None)
    most = Whole(1, MOST_PROPOSALS, load_default=12)
    reason = choice(REASONS, allow_none=True, load_default=None)
    page = Whole(1, 1_000_000, load_default=1, metadata={"description": "Of the rejections."})
    size = Whole(1, 500, load_default=50)


class PathSchema(Schema):
    feed = fields.String(required=True)
    draw_w = fields.Integer(required=True)
    added_w = fields.Integer(required=True)
    limit_w = fields.Integer(required=True)
    limited_by = fields.String(required=True)
    left_w = fields.Integer(required=True)


class PlaceSchema(Schema):
    rack_id = fields.Integer(required=True)
    rack_code = fields.String(required=True)
    cabinet_id = fields.Integer(required=True)
    room_id = fields.Integer(required=True)
    u_low = fields.Integer(required=True, metadata={"description": "Lowest half unit."})
    height = fields.Integer(required=True, metadata={"description": "In half units."})
    watts = fields.Integer(required=True)
    leftover_u = fields.Integer(required=True)
    weight_left_kg = fields.Integer(required=True)
    free_ports = fields.Integer(required=True, allow_none=True)
    paths = fields.List(fields.Nested(PathSchema), required=True)


class ProposalSchema(Schema):
    points = fields.Integer(required=True)
    fit = fields.Integer(required=True)
    power = fields.Integer(required=True)
    nearness = fields.Integer(required=True)
    gap = fields.Integer(required=True, allow_none=True)
    places = fields.List(fields.Nested(PlaceSchema), required=True)


class DetailSchema(Schema):
    reason = fields.String(required=True)
    text = fields.String(required=True)
    numbers = fields.Dict(keys=fields.String(), required=True)


class RejectionSchema(Schema):
    rack_id = fields.Integer(required=True)
    rack_code = fields.String(required=True)
    cabinet_id = fields.Integer(required=True)
    details = fields.List(fields.Nested(DetailSchema), required=True)


class RejectionPageSchema(Schema):
    items = fields.List(fields.Nested(RejectionSchema), required=True)
    total = fields.Integer(required=True)
    page = fields.Integer(required=True)
    size = fields.Integer(required=True)


class GainSchema(Schema):
    change = fields.String(required=True)
    before = fields.String(required=True)
    after = fields.String(required=True)
    racks = fields.Integer(required=True)


class AnswerSchema(Schema):
    looked_at = fields.Integer(required=True)
    fitting = fields.Integer(required=True)
    took_ms = fields.Float(required=True)
    proposals = fields.List(fields.Nested(ProposalSchema), required=True)
    reasons = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    rejections = fields.Nested(RejectionPageSchema, required=True)
    gains = fields.List(fields.Nested(GainSchema), required=True)


@capacity.post("/searches")
@capacity.arguments(WishQuery)
@capacity.response(200, AnswerSchema)
def search(body: dict[str, Any]) -> Any:
    """Search space that satisfies a wish; nothing is taken by it."""
    paging = Paging(body.pop("page"), body.pop("size"))
    most, reason = body.pop("most"), body.pop("reason")
    answer = search_capacity(
        db_session(), current_scope(), Wish(**body), most=most, shown=0,
        zone=ZoneInfo(current_app.config["BABEL_DEFAULT_TIMEZONE"]),
    )  # fmt: skip
    return _show(answer, paging, reason)


def _show(answer: Answer, paging: Paging, reason: str | None) -> dict[str, Any]:
    rejections = page_refusals(answer, paging, reason)
    return {
        "looked_at": answer.looked_at,
        "fitting": answer.fitting,
        "took_ms": round(answer.took_ms, 1),
        "proposals": [_show_proposal(one) for one in answer.proposals],
        "reasons": {group.reason: group.racks for group in answer.groups},
        "rejections": {
            "items": [_show_refusal(one) for one in rejections.items],
            "total": rejections.total,
            "page": rejections.page,
            "size": rejections.size,
        },
        "gains": [_show_gain(one) for one in answer.gains],
    }


def _show_proposal(one: Proposal) -> dict[str, Any]:
    return {
        "points": one.points,
        "fit": one.fit,
        "power": one.power,
        "nearness": one.nearness,
        "gap": one.gap,
        "places": [_show_place(place) for place in one.places],
    }


def _show_place(place: Place) -> dict[str, Any]:
    return {
        "rack_id": place.rack.rack_id,
        "rack_code": place.rack.code,
        "cabinet_id": place.rack.cabinet_id,
        "room_id": place.rack.room_id,
        "u_low": place.u_low,
        "height": place.height,
        "watts": place.watts,
        "leftover_u": place.leftover_u,
        "weight_left_kg": place.weight_left_g // 1000,
        "free_ports": place.free_ports,
        "paths": list(place.loads),
    }


def _show_refusal(one: Refusal) -> dict[str, Any]:
    return {
        "rack_id": one.rack.rack_id,
        "rack_code": one.rack.code,
        "cabinet_id": one.rack.cabinet_id,
        "details": [
            {"reason": detail.reason, "text": str(detail), "numbers": detail.numbers}
            for detail in one.details
        ],
    }


def _show_gain(one: Gain) -> dict[str, Any]:
    return {
        "change": one.change,
        "before": str(one.before),
        "after": str(one.after),
        "racks": one.racks,
    }
