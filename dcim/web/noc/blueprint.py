"""The NOC face's blueprint; `dcim.web.noc.routes` brings its pages."""

from flask import Blueprint, request

from dcim.columns import utc_now
from dcim.web.noc.turning import Tour, asked_tour

noc = Blueprint("noc", __name__, url_prefix="/noc")


@noc.context_processor
def prefer_dark() -> dict[str, str]:
    """Screens in a dim room: dark unless the person chose otherwise."""
    return {"theme": request.cookies.get("theme", "dark")}


@noc.context_processor
def tell_tour() -> dict[str, Tour | float | None]:
    """What the wall's browser needs to know when another board's turn comes."""
    tour = asked_tour()
    return {"tour": tour, "tour_left_s": tour.left_s(utc_now()) if tour else None}
