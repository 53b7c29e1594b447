"""What people type for cross-connects, cables and addresses. Rules are in dcim.network."""

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import (
    DateField,
    DecimalField,
    IntegerField,
    SelectField,
    StringField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length, NumberRange, Optional

from dcim.web.local_times import LocalTimeField
from dcim.web.network_names import CONNECTORS, FILE_KINDS, MEDIA
from dcim.web.staff.placing_forms import MISSING, strip

ORDER_MEDIA = ("smf", "mmf", "utp", "coax")


def text(label: Any, *, needed: bool = False, longest: int = 255) -> StringField:
    checks: list[Any] = [DataRequired(MISSING)] if needed else []
    return StringField(label, filters=[strip], validators=[*checks, Length(max=longest)])


def choices(words: Any, names: Any = None) -> list[SelectChoice]:
    return [SelectChoice(name, words[name]) for name in names or words]


class OrderForm(FlaskForm):  # type: ignore[misc]
    """A new order. Ports are written as device, space, port."""

    customer = text(_l("Customer"), needed=True, longest=64)
    item = text(_l("Contract item"), longest=64)
    a_port = text(_l("A end: port"))
    z_port = text(_l("Z end: port"))
    z_party = text(_l("Other party"))
    a_wish = text(_l("A end in words"))
    z_wish = text(_l("Z end in words"))
    media = SelectField(_l("Media"), choices=choices(MEDIA, ORDER_MEDIA))
    connector = SelectField(_l("Connector"), choices=choices(CONNECTORS))
    note = text(_l("Note"))


class EndsForm(FlaskForm):  # type: ignore[misc]
    a_port = text(_l("A end: port"))
    z_port = text(_l("Z end: port"))
    z_party = text(_l("Other party"))


class StepForm(FlaskForm):  # type: ignore[misc]
    """Every field any step takes; the page shows those of the step chosen."""

    note = text(_l("Note"))
    via = text(_l("By these panel ports"))
    colour = text(_l("Colour"), longest=64)
    length_m = DecimalField(
        _l("Length"), validators=[Optional(), NumberRange(0, 100_000, _l("This is out of range."))]
    )
    loss_db = DecimalField(
        _l("Loss"), places=2, validators=[Optional(), NumberRange(0, 60, _l("From 0 to 60 dB."))]
    )
    light_dbm = DecimalField(
        _l("Light received"),
        places=2,
        validators=[Optional(), NumberRange(-60, 30, _l("From −60 to 30 dBm."))],
    )
    billed_from = DateField(_l("Billed from"), validators=[Optional()])
    item = text(_l("Contract item"), longest=64)


class FileForm(FlaskForm):  # type: ignore[misc]
    file = FileField(_l("File"), validators=[FileRequired(MISSING)])
    kind = SelectField(_l("Kind"), choices=choices(FILE_KINDS))
    expires_on = DateField(_l("Not valid from"), validators=[Optional()])


class CableForm(FlaskForm):  # type: ignore[misc]
    face = SelectField(_l("Plug here"))
    other = text(_l("Other port"), needed=True)
    other_face = SelectField(
        _l("Plug there"),
        choices=[SelectChoice("front", _l("Front")), SelectChoice("rear", _l("Rear"))],
    )
    media = SelectField(_l("Media"), choices=choices(MEDIA))
    code = text(_l("Label of the cable"), longest=64)
    colour = text(_l("Colour"), longest=64)
    length_m = DecimalField(
        _l("Length"), validators=[Optional(), NumberRange(0, 100_000, _l("This is out of range."))]
    )


class AssignForm(FlaskForm):  # type: ignore[misc]
    """An address or block; with nothing written, the next free one of the length."""

    network = text(_l("Address or block"), longest=64)
    length = IntegerField(
        _l("Block length"), validators=[Optional(), NumberRange(0, 128, _l("From /0 to /128."))]
    )
    customer = text(_l("Customer"), longest=64)
    item = text(_l("Contract item"), longest=64)
    device = text(_l("Device"))
    hostname = text(_l("Host name"))
    starts_at = LocalTimeField(_l("From"), validators=[Optional()])
    ends_at = LocalTimeField(_l("Until"), validators=[Optional()])


class MemberForm(FlaskForm):  # type: ignore[misc]
    port = text(_l("Port"), needed=True)
    starts_at = LocalTimeField(_l("From"), validators=[Optional()])
