"""The units of a rack: what each is in use for."""

from typing import Any

from dcim.api.shapes import answer_of
from dcim.api.spec import Resource
from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.inventory.space.rack_states import UnitsRow, read_units

racks = Resource("racks", "Racks and their units")


@racks.get("/<int:rack_id>/units")
@racks.response(200, answer_of(UnitsRow))
def show_units(rack_id: int) -> Any:
    """Show the state of each half unit: free, held, allocated (sold, empty), occupied, blocked,
    absent."""
    return read_units(db_session(), current_scope(), rack_id, utc_now())
