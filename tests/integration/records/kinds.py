"""Small kinds over real tables, enough to try what every kind does."""

from sqlalchemy.orm import Session

from dcim.accounts.roles import Right
from dcim.accounts.scope import Scope
from dcim.errors import InvalidError
from dcim.inventory.models import DeviceType, Room, Row, Site
from dcim.records.fields import Field, FlagType, HalfUnitsType, IntegerType, ReferenceType, TextType
from dcim.records.kinds import Kind, Values

CODE = TextType(longest=64, code=True)


def refuse_odd_weights(
    session: Session, scope: Scope, before: Values | None, after: Values
) -> None:
    if after["weight_g"] % 2:
        raise InvalidError("Odd.", {"weight_g": ["odd"]})


SITE = Kind(
    name="site",
    plural="sites",
    label="Site",
    label_plural="Sites",
    model=Site,
    fields=(
        Field("code", "Code", CODE, required=True, searched=True),
        Field("name", "Name", required=True, searched=True),
        Field("name_en", "English name", default=""),
        Field("timezone", "Time zone", TextType(64), default="Asia/Shanghai"),
        Field("address", "Address", default="", internal=True),
    ),
    key=("code",),
    see=Right.SEE_SPACE,
    change=Right.CHANGE_SPACE,
)
ROOM = Kind(
    name="room",
    plural="rooms",
    label="Room",
    label_plural="Rooms",
    model=Room,
    fields=(
        Field("site_id", "Site", ReferenceType(lambda: SITE), required=True, fixed=True),
        Field("code", "Code", CODE, required=True, searched=True),
        Field("name", "Name", required=True),
        Field("name_en", "English name", default=""),
    ),
    key=("site_id", "code"),
    see=Right.SEE_SPACE,
    change=Right.CHANGE_SPACE,
)
ROW = Kind(
    name="row",
    plural="rows",
    label="Row",
    label_plural="Rows",
    model=Row,
    fields=(
        Field("room_id", "Room", ReferenceType(lambda: ROOM), required=True),
        Field("code", "Code", CODE, required=True),
        Field("position", "Position", IntegerType(0, 999), required=True),
    ),
    key=("room_id", "code"),
    see=Right.SEE_SPACE,
    change=Right.CHANGE_SPACE,
)
DEVICE_TYPE = Kind(
    name="device_type",
    plural="device-types",
    label="Device type",
    label_plural="Device types",
    model=DeviceType,
    fields=(
        Field("manufacturer", "Manufacturer", required=True, searched=True),
        Field("model", "Model", required=True, searched=True),
        Field("height", "Height", HalfUnitsType(), required=True, unit="U"),
        Field("full_depth", "Full depth", FlagType(), default=True),
        Field("half_width", "Half width", FlagType(), default=False),
        Field("weight_g", "Weight", IntegerType(0, 2_000_000), default=0, unit="g"),
        Field("rated_w", "Rated", IntegerType(0, 50_000), default=0, unit="W"),
    ),
    key=("manufacturer", "model"),
    see=Right.SEE_SPACE,
    change=Right.CHANGE_DEVICES,
    check=refuse_odd_weights,
)
KINDS = (SITE, ROOM, ROW, DEVICE_TYPE)
