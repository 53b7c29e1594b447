"""Own meters that are read by hand: every reading, who read and confirmed it, and its photo."""

from flask import Response, render_template

from dcim.http.database import current_scope, db_session
from dcim.meters.queries import ReadingFilter, find_reading, list_own_meters, list_readings
from dcim.web.portal.blueprint import portal
from dcim.web.staff.arguments import read_int, read_listing
from dcim.web.staff.meters import show_photo


@portal.get("/meters")
def meters() -> str:
    """Meters that hang now, and the readings of all there were, newest first."""
    session, scope, listing = db_session(), current_scope(), read_listing()
    chosen = read_int("meter")
    return render_template(
        "portal/meters.html",
        meters=list_own_meters(session, scope),
        found=list_readings(session, scope, ReadingFilter(meter_id=chosen), listing.paging),
        listing=listing,
        chosen=chosen,
    )


@portal.get("/meter-readings/<int:meter_reading_id>/photo")
def meter_photo(meter_reading_id: int) -> Response:
    return show_photo(find_reading(db_session(), current_scope(), meter_reading_id))
