"""What the forms about places share: one way to answer, finding what was named, suggestions."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from flask import Response, request
from flask_wtf import FlaskForm
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from dcim.accounts.roles import Right
from dcim.customers.models import Contract, ContractItem, Customer
from dcim.errors import ForbiddenError, InvalidError, NotFoundError
from dcim.http.database import db_session
from dcim.http.policy import has_right
from dcim.inventory.models import Cabinet, Device, Rack
from dcim.inventory.numbering import unit_of
from dcim.web.staff.answers import answer_form
from dcim.web.staff.arguments import read_int
from dcim.web.staff.cabinet_drawing import find_rack_at
from dcim.web.staff.placing_forms import MountForm, PlaceForm

SUGGESTED = 200


def answer_placing(
    template: str, form: FlaskForm, place: Callable[[], str], **context: Any
) -> Response | BaseResponse:
    """Like every form; whoever may build into what is sold or held sees where to say why."""
    may_override = has_right(Right.OVERRIDE_SPACE)
    return answer_form(template, form, place, may_override=may_override, **context)


def read_override(form: MountForm) -> str:
    """The reason, from those who may give one; others' is refused, not ignored."""
    reason = form.override.data or ""
    if reason and not has_right(Right.OVERRIDE_SPACE):
        raise ForbiddenError("You may not build into what is sold or held.")
    return reason


def prefill(form: PlaceForm, cabinet: Cabinet) -> None:
    """From the drawing: `at` is a half unit of the whole cabinet; or `rack` and `u` as printed."""
    form.offer_racks(cabinet.racks)
    if request.method != "GET":
        return
    at = read_int("at")
    spot = None if at is None else find_rack_at(cabinet, at)
    if spot is not None:
        rack = next(one for one in cabinet.racks if one.id == spot[0])
        form.rack_id.data, form.u.data = rack.id, unit_of(rack, spot[1])
        return
    if (rack_id := read_int("rack")) in {one.id for one in cabinet.racks}:
        form.rack_id.data = rack_id
    if (u := read_int("u")) is not None:
        form.u.data = u


def find_cabinet(cabinet_id: int) -> Cabinet:
    found = db_session().get(Cabinet, cabinet_id)
    if found is None:
        raise NotFoundError("No such cabinet.")
    return found


def get_device(device_id: int) -> Device:
    found = db_session().get(Device, device_id)
    if found is None:
        raise NotFoundError("No such device.")
    return found


def find_device(mark: str) -> Device:
    """By name, serial or asset tag. Raises InvalidError for none, and for one mark of several."""
    found = (
        db_session()
        .scalars(
            select(Device)
            .where((Device.name == mark) | (Device.serial == mark) | (Device.asset_tag == mark))
            .limit(2)
        )
        .all()
    )
    if len(found) != 1:
        words = "%(mark)s marks several devices." if found else "No device is marked %(mark)s."
        raise InvalidError(words, {"device": ["unknown"]}, mark=mark)
    return found[0]


def find_rack(code: str) -> Rack:
    found = db_session().scalars(select(Rack).where(Rack.code == code).limit(2)).all()
    if len(found) != 1:
        words = (
            "Several racks are called %(code)s; open its cabinet and install there."
            if found
            else "No rack is called %(code)s."
        )
        raise InvalidError(words, {"rack": ["unknown"]}, code=code)
    return found[0]


def suggest_devices() -> list[tuple[str, str]]:
    """(name, what helps to recognise it) of devices that stand nowhere, newest first."""
    rows = db_session().execute(
        select(Device.name, Device.serial, Customer.name)
        .outerjoin(Customer, Customer.id == Device.customer_id)
        .where(~Device.installation.has())
        .order_by(Device.id.desc())
        .limit(SUGGESTED)
    )
    return [(name, " · ".join(p for p in (serial, owner) if p)) for name, serial, owner in rows]


def suggest_items(now: dt.datetime) -> list[tuple[str, str]]:
    """(code, label and customer) of items that space can be sold by."""
    rows = db_session().execute(
        select(ContractItem.code, ContractItem.label, Customer.name)
        .join(Contract, Contract.id == ContractItem.contract_id)
        .join(Customer, Customer.id == Contract.customer_id)
        .where(
            ContractItem.kind.in_(("cabinet", "rack", "space", "server")),
            Contract.state == "signed",
            (ContractItem.ends_on.is_(None)) | (ContractItem.ends_on > now.date()),
        )
        .order_by(ContractItem.id.desc())
        .limit(SUGGESTED)
    )
    return [(code, f"{label} · {owner}") for code, label, owner in rows]


def find_item(code: str) -> ContractItem:
    """Raises InvalidError."""
    found = db_session().scalar(select(ContractItem).where(ContractItem.code == code))
    if found is None:
        raise InvalidError(
            "No contract item has the code %(code)s.", {"item": ["unknown"]}, code=code
        )
    return found
