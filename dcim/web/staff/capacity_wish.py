"""The wish as it stands in the URL, and the small form that holds what was found."""

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from flask import request
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import DateField, HiddenField, StringField, ValidationError
from wtforms.validators import DataRequired, InputRequired, Length

from dcim.accounts.scope import Scope
from dcim.capacity.holding import Spot
from dcim.capacity.wish import FEEDS, KINDS, MOST_PLACES, PORT_SCOPES, RELATIONS, Wish
from dcim.customers.models import Customer
from dcim.web.staff.arguments import read_int, read_text
from dcim.web.staff.placing_forms import MISSING, strip

GIGABIT = 10**9


@dataclass(slots=True)
class WishForm:
    """What was typed: the wish so far as it can be read, and what is wrong by field."""

    wish: Wish = field(default_factory=Wish)
    near: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    asked: bool = False


def read_wish(session: Session, scope: Scope) -> WishForm:
    """A mistyped choice falls back to the first; a number out of range is told."""
    form = WishForm(asked=bool(request.args.get("go")))
    kilowatts = _number(form, "kw", 0, 200)
    form.near = read_text("near", 64)
    form.wish = Wish(
        kind=_choice("kind", KINDS),
        units=_whole(form, "units", 1, 60, 1),
        count=_whole(form, "count", 1, MOST_PLACES, 1),
        watts=round(kilowatts * 1000),
        feeds=_choice("feeds", FEEDS),
        weight_kg=_whole(form, "weight", 0, 20_000, 0),
        ports=_whole(form, "ports", 0, 500, 0),
        port_bps=_whole(form, "speed", 1, 10_000, 10) * GIGABIT,
        port_scope=_choice("scope", PORT_SCOPES),
        relation=_choice("relation", RELATIONS),
        room_id=read_int("room"),
        carrier=read_text("carrier", 64),
        starts_on=_day(form),
    )
    if form.near:
        customer_id = session.scalar(
            scope.apply(select(Customer.id).where(Customer.code == form.near), Customer.id)
        )
        if customer_id is None:
            form.errors["near"] = str(_l("No customer has this code."))
        form.wish = replace(form.wish, near_customer_id=customer_id)
    return form


def write_wish(wish: Wish, near: str) -> str:
    """The query of a wish, the defaults left out."""
    pairs: list[tuple[str, Any]] = [
        ("kind", wish.kind if wish.kind != "units" else ""),
        ("units", wish.units if wish.kind == "units" else ""),
        ("count", wish.count),
        ("kw", f"{wish.watts / 1000:g}" if wish.watts else ""),
        ("feeds", wish.feeds if wish.feeds != "both" else ""),
        ("weight", wish.weight_kg or ""),
        ("ports", wish.ports or ""),
        ("speed", wish.port_bps // GIGABIT if wish.ports else ""),
        ("scope", wish.port_scope if wish.ports and wish.port_scope != "row" else ""),
        ("relation", wish.relation if wish.relation != "any" else ""),
        ("room", wish.room_id or ""),
        ("near", near if wish.near_customer_id is not None else ""),
        ("carrier", wish.carrier),
        ("from", wish.starts_on or ""),
        ("go", 1),
    ]
    return urlencode([(key, value) for key, value in pairs if value != ""])


def _choice(name: str, words: tuple[str, ...]) -> str:
    typed = read_text(name, 32)
    return typed if typed in words else words[0]


def _whole(form: WishForm, name: str, low: int, high: int, default: int) -> int:
    typed = read_text(name, 12)
    if not typed:
        return default
    if not (typed.isascii() and typed.isdigit() and low <= int(typed) <= high):
        form.errors[name] = str(_l("From %(low)s to %(high)s.", low=low, high=high))
        return default
    return int(typed)


def _number(form: WishForm, name: str, low: float, high: float) -> float:
    typed = read_text(name, 12)
    try:
        value = float(typed or 0)
    except ValueError:
        value = -1
    # Not-a-number lies between no limits.
    if not low <= value <= high:
        form.errors[name] = str(_l("From %(low)s to %(high)s.", low=low, high=high))
        return 0
    return value


def _day(form: WishForm) -> dt.date | None:
    typed = read_text("from", 10)
    if not typed:
        return None
    try:
        day = dt.date.fromisoformat(typed)
    except ValueError:
        day = dt.date.min
    if not 2000 <= day.year <= 2100:
        form.errors["from"] = str(_l("A day like 2026-12-01."))
        return None
    return day


class HoldFoundForm(FlaskForm):  # type: ignore[misc]
    """Holds all places of one proposal; `places` are "rack:u_low:height", separated by spaces."""

    prospect = StringField(
        _l("For whom"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )
    until = DateField(_l("Last day"), validators=[InputRequired(MISSING)])
    places = HiddenField(_l("Places"), validators=[DataRequired(MISSING), Length(max=4000)])
    starts = HiddenField(_l("From"))

    def validate_until(self, field: Any) -> None:
        if field.data and field.data > dt.date.today() + dt.timedelta(days=366):  # noqa: DTZ011
            raise ValidationError(_l("A hold lasts at most a year."))

    def validate_places(self, field: Any) -> None:
        try:
            spots = read_spots(field.data or "")
        except ValueError:
            spots = []
        if not 1 <= len(spots) <= 4 * MOST_PLACES:
            raise ValidationError(_l("These places can't be read; search again."))


def read_spots(text: str) -> list[Spot]:
    """Raises ValueError for what isn't "rack:u_low:height"."""
    spots = []
    for word in text.split():
        rack_id, u_low, height = (int(part) for part in word.split(":"))
        if not (0 < rack_id < 2**63 and 0 <= u_low < 120 and 0 < height <= 120):
            raise ValueError(word)
        spots.append(Spot(rack_id, u_low, height))
    return spots


def write_spots(spots: list[Spot]) -> str:
    return " ".join(f"{spot.rack_id}:{spot.u_low}:{spot.height}" for spot in spots)
