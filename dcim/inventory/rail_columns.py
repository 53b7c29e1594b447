"""`numbering.turn_place` for the database."""

from typing import Any

from sqlalchemy import ColumnElement, case

from dcim.inventory.models import Rack


def printed_low(placed: Any) -> ColumnElement[int]:
    """Of a model with `u_low` and `height`, joined to its Rack: half units from where U1 is."""
    return case(
        (Rack.numbering == "down", 2 * Rack.u_count - placed.u_low - placed.height),
        else_=placed.u_low,
    )
