"""The staff face's blueprint; `dcim.web.staff.routes` brings its pages."""

from typing import Any

from flask import Blueprint

from dcim.web.staff.names import STATES, role_name, unit_text

staff = Blueprint("staff", __name__, url_prefix="/staff")


@staff.context_processor
def name_things() -> dict[str, Any]:
    """For every staff template."""
    return {"role_name": role_name, "unit_text": unit_text, "states": STATES}
