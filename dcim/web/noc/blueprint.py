"""The NOC face's blueprint; `dcim.web.noc.routes` brings its pages."""

from flask import Blueprint, request

noc = Blueprint("noc", __name__, url_prefix="/noc")


@noc.context_processor
def prefer_dark() -> dict[str, str]:
    """Screens in a dim room: dark unless the person chose otherwise."""
    return {"theme": request.cookies.get("theme", "dark")}
