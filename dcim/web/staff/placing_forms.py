"""What people type to install, move, hold and allocate. Rules: dcim.inventory.space.placement."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DateField, DecimalField, SelectField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from dcim.inventory.models import Rack
from dcim.inventory.numbering import first_unit, turn_place
from dcim.inventory.space.rails import RAIL_PLACES

MISSING = _l("This is needed.")


def strip(text: str | None) -> str:
    return (text or "").replace("\0", "").strip()


def whole_halves(form: FlaskForm, field: Any) -> None:
    value = None if field.data is None else Decimal(field.data)
    # What is far out of range is told by the range; its remainder can't even be computed.
    if value is not None and value.is_finite() and abs(value) < 1000 and (value * 2) % 1:
        raise ValidationError(_l("Only whole and half U: 10 or 10.5."))


class PlaceForm(FlaskForm):  # type: ignore[misc]
    """A place in one of the cabinet's racks. `u` is the smallest number it takes, as printed on
    the rack: 10.5 is the half of U10 next to U11."""

    rack_id = SelectField(_l("Rack"), coerce=int, validators=[InputRequired(MISSING)])
    u = DecimalField(
        _l("Lowest U"),
        places=None,
        validators=[Optional(), NumberRange(1, 60.5, _l("From 1 to 60.")), whole_halves],
    )

    def offer_racks(self, racks: list[Rack]) -> None:
        self.rack_id.choices = [
            SelectChoice(rack.id, f"{rack.code} · {rack.u_count}U") for rack in racks
        ]
        if self.rack_id.data is None and racks:
            self.rack_id.data = racks[0].id

    def find_low(self, rack: Rack | None, height: int) -> int | None:
        """The lowest half unit from the bottom of what is `height` half units high."""
        if self.u.data is None:
            return None
        at = int((Decimal(self.u.data) - 1) * 2)
        return at if rack is None else turn_place(rack, at, height)

    def put_place(self, rack: Rack, u_low: int | None, height: int) -> None:
        self.u.data = None if u_low is None else Decimal(first_unit(rack, u_low, height))


class MountForm(PlaceForm):
    face = SelectField(
        _l("Face"),
        default="",
        choices=[
            SelectChoice("", _l("As its type says")),
            SelectChoice("full", _l("Front and rear")),
            SelectChoice("front", _l("Front")),
            SelectChoice("rear", _l("Rear")),
        ],
    )
    side = SelectField(
        _l("Width"),
        default="",
        choices=[
            SelectChoice("", _l("As its type says")),
            SelectChoice("full", _l("Full width")),
            SelectChoice("left", _l("Left half")),
            SelectChoice("right", _l("Right half")),
        ],
    )
    rail = SelectField(
        _l("Side rail"),
        default="",
        choices=[
            SelectChoice("", _l("First free place")),
            *(
                SelectChoice(f"{side}-{place}", _l("%(side)s %(place)s", side=words, place=place))
                for side, words in (("left", _l("Left")), ("right", _l("Right")))
                for place in range(1, RAIL_PLACES + 1)
            ),
        ],
    )
    override = StringField(
        _l("Reason for overriding"), filters=[strip], validators=[Length(max=200)]
    )

    @property
    def rail_side(self) -> str | None:
        return self.rail.data.split("-")[0] if self.rail.data else None

    @property
    def rail_place(self) -> int | None:
        return int(self.rail.data.split("-")[1]) if self.rail.data else None


class InstallForm(MountForm):
    device = StringField(
        _l("Device"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )


class MoveForm(MountForm):
    """Any rack of the house: it is named, not chosen from a list of hundreds."""

    rack_id = None
    rack = StringField(
        _l("Rack"), filters=[strip], validators=[DataRequired(MISSING), Length(max=64)]
    )


class SpaceForm(PlaceForm):
    u = DecimalField(
        _l("Lowest U"),
        places=None,
        validators=[
            InputRequired(MISSING),
            NumberRange(1, 60.5, _l("From 1 to 60.")),
            whole_halves,
        ],
    )
    units = DecimalField(
        _l("Height"),
        places=None,
        validators=[
            InputRequired(MISSING),
            NumberRange(0.5, 60, _l("From 0.5 to 60.")),
            whole_halves,
        ],
    )

    @property
    def height(self) -> int:
        return int(Decimal(self.units.data or 0) * 2)

    def low_in(self, racks: Iterable[Rack]) -> int:
        rack = next((one for one in racks if one.id == self.rack_id.data), None)
        return self.find_low(rack, self.height) or 0


class HoldForm(SpaceForm):
    prospect = StringField(
        _l("For whom"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )
    begins = DateField(_l("From"), validators=[Optional()])
    until = DateField(_l("Last day"), validators=[InputRequired(MISSING)])
    reason = StringField(_l("Reason"), filters=[strip], validators=[Length(max=255)])

    def validate_until(self, field: Any) -> None:
        if field.data and field.data > dt.date.today() + dt.timedelta(days=366):  # noqa: DTZ011
            raise ValidationError(_l("A hold lasts at most a year."))


class AllocateForm(SpaceForm):
    item = StringField(
        _l("Contract item"), filters=[strip], validators=[DataRequired(MISSING), Length(max=64)]
    )
    starts_on = DateField(_l("From"), validators=[InputRequired(MISSING)])
    ends_on = DateField(_l("First day free again"), validators=[Optional()])
    hold_id = SelectField(_l("Out of the hold"), coerce=int, default=0)
