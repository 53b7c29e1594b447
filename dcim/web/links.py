"""Short addresses for labels: a scanned code leads to the page of whoever is signed in."""

from flask import Blueprint, redirect, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from dcim.accounts.scope import Scope
from dcim.errors import NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.inventory.models import Device, Installation, Rack
from dcim.inventory.space.reach import in_reach

links = Blueprint("links", __name__, url_prefix="/o")


@links.get("/cabinet/<int:cabinet_id>")
def cabinet(cabinet_id: int) -> Response:
    scope = current_scope()
    if scope.is_staff:
        return redirect(url_for("staff.cabinet", cabinet_id=cabinet_id), code=303)
    return lead_to_rack(scope, Rack.cabinet_id == cabinet_id)


@links.get("/rack/<int:rack_id>")
def rack(rack_id: int) -> Response:
    scope = current_scope()
    if scope.is_staff:
        found = db_session().get(Rack, rack_id)
        if found is None:
            raise NotFoundError("There is no such rack.")
        return redirect(url_for("staff.cabinet", cabinet_id=found.cabinet_id), code=303)
    return lead_to_rack(scope, Rack.id == rack_id)


@links.get("/device/<int:device_id>")
def device(device_id: int) -> Response:
    """A customer is led to the rack in which the own device stands, if it is theirs as well."""
    scope = current_scope()
    if scope.is_staff:
        return redirect(url_for("staff.device", device_id=device_id), code=303)
    stands_in = (
        select(Installation.rack_id)
        .join(Device, Device.id == Installation.device_id)
        .where(Device.id == device_id, scope.filter(Device.customer_id))
    )
    return lead_to_rack(scope, Rack.id.in_(stands_in))


def lead_to_rack(scope: Scope, condition: object) -> Response:
    """The first of these racks in which the customer has space. Raises NotFoundError."""
    found = db_session().scalar(
        select(Rack.id)
        .where(condition, in_reach(scope, Rack.id))  # type: ignore[arg-type]
        .order_by(Rack.position, Rack.id)
        .limit(1)
    )
    if found is None:
        raise NotFoundError("Nothing of yours is behind this code.")
    return redirect(f"{url_for('portal.cabinets')}#rack-{found}", code=303)
