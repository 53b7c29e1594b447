"""Kinds of records of space: sites down to racks, barred units, holds, allocations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, case, cast, func, select
from sqlalchemy.orm import Session

from dcim.accounts.roles import Right
from dcim.accounts.scope import Scope
from dcim.customers.kinds import CONTRACT_ITEM, CUSTOMER
from dcim.inventory.models import (
    Allocation,
    BarredSpace,
    Building,
    Cabinet,
    Cage,
    Hold,
    Rack,
    Room,
    Row,
    Site,
)
from dcim.inventory.numbering import turn_place
from dcim.inventory.rail_columns import printed_low
from dcim.inventory.space.areas import select_path
from dcim.inventory.space.barring import bar_space, unbar_space
from dcim.inventory.space.claims import EXTENTS, AreaClaim
from dcim.inventory.space.reach import in_reach, select_reached_rooms
from dcim.inventory.space.rooms import check_room, check_site, update_room
from dcim.inventory.space.structure import (
    create_cabinet,
    create_rack,
    delete_cabinet,
    delete_rack,
    update_cabinet,
    update_rack,
)
from dcim.records.fields import (
    ChoiceType,
    DayType,
    Field,
    HalfUnitsType,
    InstantType,
    IntegerType,
    ReferenceType,
    TextType,
    mark,
)
from dcim.records.kinds import Kind, Values


class TypedUnit(int):
    """A unit as somebody read it off the rail: which half unit that is, the rack says."""


@dataclass(frozen=True, slots=True)
class UnitType(HalfUnitsType):
    """A place: half units counted from 0 where U1 is printed, read and written as people number
    units. "10" is 18; "10.5" (19) is the half of U10 next to U11.

    What is read from text is a `TypedUnit`; what JSON gives is a plain number, from the bottom.
    """

    high: int = 119

    def read(self, text: str) -> int:
        halves = HalfUnitsType(2, 2 + self.high).read(text.upper().removeprefix("U")) - 2
        return TypedUnit(self.judge(halves))

    def write(self, value: Any) -> str:
        return f"{value / 2 + 1:g}"


FACES = {"full": mark("Front and rear"), "front": mark("Front"), "rear": mark("Rear")}
TURNS = {"current": mark("Current"), "next": mark("Next in line")}


def _code(**options: Any) -> Field:
    return Field(
        "code", mark("Code"), TextType(64, code=True), required=True, searched=True, bulk=False,
        **options,
    )  # fmt: skip


def _names() -> tuple[Field, Field]:
    return (
        Field("name", mark("Name"), required=True, searched=True, bulk=False),
        Field("name_en", mark("English name"), default="", searched=True, bulk=False),
    )


def _site(scope: Scope) -> ColumnElement[bool] | None:
    rooms = select(Room.site_id).where(Room.id.in_(select_reached_rooms(scope)))
    return None if scope.is_staff else Site.id.in_(rooms)


def _building(scope: Scope) -> ColumnElement[bool] | None:
    rooms = select(Room.building_id).where(Room.id.in_(select_reached_rooms(scope)))
    return None if scope.is_staff else Building.id.in_(rooms)


def _room(scope: Scope) -> ColumnElement[bool] | None:
    return None if scope.is_staff else Room.id.in_(select_reached_rooms(scope))


def _cage(scope: Scope) -> ColumnElement[bool] | None:
    return None if scope.is_staff else Cage.id.in_(_own_cabinets(scope, Cabinet.cage_id))


def _row(scope: Scope) -> ColumnElement[bool] | None:
    return None if scope.is_staff else Row.id.in_(_own_cabinets(scope, Cabinet.row_id))


def _cabinet(scope: Scope) -> ColumnElement[bool] | None:
    return None if scope.is_staff else Cabinet.id.in_(_own_cabinets(scope, Cabinet.id))


def _rack(scope: Scope) -> ColumnElement[bool] | None:
    return None if scope.is_staff else in_reach(scope, Rack.id)


def _allocation(scope: Scope) -> ColumnElement[bool] | None:
    return None if scope.is_staff else scope.filter(Allocation.customer_id)


def _area_claim(scope: Scope) -> ColumnElement[bool] | None:
    return None if scope.is_staff else scope.filter(AreaClaim.customer_id)


def _own_cabinets(scope: Scope, column: Any) -> Any:
    return (
        select(column)
        .select_from(Cabinet)
        .join(Rack, Rack.cabinet_id == Cabinet.id)
        .where(in_reach(scope, Rack.id))
    )


def _room_of_cabinet() -> Any:
    return select(Row.room_id).where(Row.id == Cabinet.row_id).correlate(Cabinet).scalar_subquery()


def _room_of_rack() -> Any:
    return (
        select(Row.room_id)
        .join(Cabinet, Cabinet.row_id == Row.id)
        .where(Cabinet.id == Rack.cabinet_id)
        .correlate(Rack)
        .scalar_subquery()
    )


def _printed_low(placed: Any) -> Any:
    """`u_low` as printed on its rack."""
    return (
        select(printed_low(placed))
        .select_from(Rack)
        .where(Rack.id == placed.rack_id)
        .correlate(placed)
        .scalar_subquery()
    )


def _place_sold() -> Any:
    """ "A-01 U10": the rack and the first unit as printed."""
    unit = cast(printed_low(Allocation) // 2 + 1, Text)
    return (
        select(func.concat(Rack.code, " U", unit))
        .where(Rack.id == Allocation.rack_id)
        .correlate(Allocation)
        .scalar_subquery()
    )


def _area_sold() -> Any:
    """The path of what is sold, whichever extent it has."""
    return case(
        *(
            (AreaClaim.extent == extent, select_path(extent, getattr(AreaClaim, f"{extent}_id")))
            for extent in EXTENTS
        )
    )


def _place_typed(session: Session, rows: Sequence[Values]) -> None:
    """What was typed as printed becomes half units from the bottom. One statement."""
    typed = [row for row in rows if isinstance(row.get("u_low"), TypedUnit)]
    ids = {row["rack_id"] for row in typed if row.get("rack_id") is not None}
    racks = {one.id: one for one in session.scalars(select(Rack).where(Rack.id.in_(ids)))}
    for row in typed:
        rack, height = racks.get(row.get("rack_id") or 0), row.get("height")
        if rack is not None and height is not None:
            row["u_low"] = turn_place(rack, int(row["u_low"]), height)


def _create_barred(session: Session, scope: Scope, values: Values) -> BarredSpace:
    return bar_space(session, scope, values.pop("rack_id"), **values)


OF_SPACE: dict[str, Any] = {
    "see": Right.SEE_SPACE,
    "change": Right.CHANGE_SPACE,
    "section": "space",
}
OWN: dict[str, Any] = {**OF_SPACE, "own": Right.OWN_THINGS}

SITE = Kind(
    name="site", plural="sites", label=mark("Site"), label_plural=mark("Sites"), model=Site,
    fields=(
        _code(),
        *_names(),
        Field("timezone", mark("Time zone"), TextType(64), default="Asia/Shanghai"),
        Field("address", mark("Address"), default="", wide=True),
    ),
    key=("code",), reach=_site, check=check_site, **OWN,
)  # fmt: skip

BUILDING = Kind(
    name="building", plural="buildings", label=mark("Building"), label_plural=mark("Buildings"),
    model=Building,
    fields=(
        Field("site_id", mark("Site"), ReferenceType(lambda: SITE), required=True, fixed=True),
        _code(),
        *_names(),
        Field("address", mark("Address"), default="", wide=True),
    ),
    key=("site_id", "code"), reach=_building, **OWN,
)  # fmt: skip

ROOM = Kind(
    name="room", plural="rooms", label=mark("Room"), label_plural=mark("Rooms"), model=Room,
    fields=(
        Field("site_id", mark("Site"), ReferenceType(lambda: SITE), required=True, fixed=True),
        _code(),
        *_names(),
        Field("building_id", mark("Building"), ReferenceType(lambda: BUILDING)),
        Field("floor", mark("Floor"), TextType(64), default=""),
        Field("star_rating", mark("Star rating"), IntegerType(2, 5)),
        Field("grid_columns", mark("Columns of tiles"), IntegerType(1, 500), default=20,
              group=mark("Floor grid"), listed=False),
        Field("grid_rows", mark("Rows of tiles"), IntegerType(1, 500), default=20,
              group=mark("Floor grid"), listed=False),
        Field("tile_mm", mark("Tile"), IntegerType(100, 3000), default=600, unit="mm",
              group=mark("Floor grid"), listed=False),
    ),
    key=("site_id", "code"), reach=_room, check=check_room, update=update_room,
    page=("staff.room", "room_id"), **OWN,
)  # fmt: skip

CAGE = Kind(
    name="cage", plural="cages", label=mark("Cage"), label_plural=mark("Cages"), model=Cage,
    fields=(
        Field("room_id", mark("Room"), ReferenceType(lambda: ROOM), required=True, fixed=True),
        _code(),
        Field("name", mark("Name"), default="", searched=True, bulk=False),
    ),
    key=("room_id", "code"), reach=_cage, **OWN,
)  # fmt: skip

ROW = Kind(
    name="row", plural="rows", label=mark("Cabinet row"), label_plural=mark("Cabinet rows"),
    model=Row,
    fields=(
        Field("room_id", mark("Room"), ReferenceType(lambda: ROOM), required=True, fixed=True),
        _code(),
        Field("position", mark("Position in the room"), IntegerType(0, 1000), default=0),
    ),
    key=("room_id", "code"), reach=_row, default_sort="room_id,position",
    page=("staff.row", "row_id"), **OWN,
)  # fmt: skip

_LAYOUTS = {
    "full": mark("Whole cabinet"),
    "halves": mark("Two halves"),
    "quarters": mark("Four quarters"),
}
_FACINGS = {"N": mark("North"), "E": mark("East"), "S": mark("South"), "W": mark("West")}
_STATES = {
    "planned": mark("Planned"),
    "in_service": mark("In service"),
    "blocked": mark("Blocked"),
}
CABINET = Kind(
    name="cabinet", plural="cabinets", label=mark("Cabinet"), label_plural=mark("Cabinets"),
    model=Cabinet,
    fields=(
        Field("row_id", mark("Cabinet row"), ReferenceType(lambda: ROW), required=True),
        _code(),
        Field("room_id", mark("Room"), ReferenceType(lambda: ROOM), expression=_room_of_cabinet),
        Field("cage_id", mark("Cage"), ReferenceType(lambda: CAGE)),
        Field("position", mark("Position in the row"), IntegerType(0, 1000), bulk=False,
              hint=mark("Behind the last one, if empty."), listed=False),
        Field("layout", mark("Layout"), ChoiceType(_LAYOUTS), default="full", fixed=True,
              hint=mark("Its racks are made with it, and made anew by splitting it.")),
        Field("state", mark("State"), ChoiceType(_STATES), default="in_service"),
        Field("height_mm", mark("Height"), IntegerType(100, 4000), default=2000, unit="mm",
              group=mark("Enclosure"), listed=False),
        Field("width_mm", mark("Width"), IntegerType(100, 2000), default=600, unit="mm",
              group=mark("Enclosure")),
        Field("depth_mm", mark("Depth"), IntegerType(100, 2000), default=1200, unit="mm",
              group=mark("Enclosure")),
        Field("weight_limit_kg", mark("Weight limit"), IntegerType(1, 10000), default=1000,
              unit="kg", group=mark("Enclosure")),
        Field("own_weight_kg", mark("Own weight"), IntegerType(0, 5000), default=0, unit="kg",
              group=mark("Enclosure"), listed=False),
        Field("asset_tag", mark("Asset tag"), TextType(64), searched=True, internal=True,
              bulk=False, copied=False),
        Field("serial", mark("Serial number"), TextType(64), searched=True, internal=True,
              bulk=False, listed=False, copied=False),
        Field("lock_kind", mark("Lock"), TextType(64), default="", internal=True, listed=False,
              group=mark("Lock")),
        Field("lock_number", mark("Lock number"), TextType(64), default="", internal=True,
              listed=False, group=mark("Lock"), bulk=False, copied=False),
        Field("grid_x", mark("Tile, from the west"), IntegerType(0, 499), bulk=False, copied=False,
              group=mark("Floor grid"), listed=False,
              hint=mark("The tile under its front left corner.")),
        Field("grid_y", mark("Tile, from the north"), IntegerType(0, 499), bulk=False,
              copied=False, group=mark("Floor grid"), listed=False),
        Field("facing", mark("Front looks"), ChoiceType(_FACINGS), default="S",
              group=mark("Floor grid"), listed=False),
        Field("note", mark("Note"), default="", internal=True, listed=False, wide=True),
    ),
    key=("row_id", "code"), reach=_cabinet, default_sort="row_id,position",
    create=create_cabinet, update=update_cabinet, delete=delete_cabinet,
    page=("staff.cabinet", "cabinet_id"), **OWN,
)  # fmt: skip

_NUMBERINGS = {"up": mark("U1 at the bottom"), "down": mark("U1 at the top")}
RACK = Kind(
    name="rack", plural="racks", label=mark("Rack"), label_plural=mark("Racks"), model=Rack,
    fields=(
        Field("cabinet_id", mark("Cabinet"), ReferenceType(lambda: CABINET), required=True,
              fixed=True),
        _code(),
        Field("room_id", mark("Room"), ReferenceType(lambda: ROOM), expression=_room_of_rack),
        Field("u_count", mark("Units"), IntegerType(1, 60), required=True, unit="U"),
        Field("numbering", mark("Numbering"), ChoiceType(_NUMBERINGS), default="up"),
        Field("position", mark("Position from the top"), IntegerType(0, 3), bulk=False,
              listed=False),
    ),
    key=("cabinet_id", "code"), reach=_rack,
    create=create_rack, update=update_rack, delete=delete_rack, **OWN,
)  # fmt: skip

BARRED_SPACE = Kind(
    name="barred_space", plural="barred-spaces", label=mark("Barred units"),
    label_plural=mark("Barred units"), model=BarredSpace,
    fields=(
        Field("rack_id", mark("Rack"), ReferenceType(lambda: RACK), required=True, fixed=True),
        Field("u_low", mark("Lowest U"), UnitType(), required=True, fixed=True, bulk=False,
              filtered=False, shown_by="unit"),
        Field("unit", mark("U as printed"), UnitType(), listed=False,
              expression=lambda: _printed_low(BarredSpace)),
        Field("height", mark("Height"), HalfUnitsType(1, 120), required=True, fixed=True, unit="U",
              bulk=False),
        Field("face", mark("Face"), ChoiceType(FACES), default="full", fixed=True, bulk=False),
        Field("kind", mark("Kind"), ChoiceType({"blocked": mark("Blocked"),
              "absent": mark("Absent")}), default="blocked", fixed=True, bulk=False),
        Field("reason", mark("Reason"), required=True, fixed=True, searched=True, wide=True,
              bulk=False),
    ),
    key=("rack_id", "u_low"), title="reason", settle=_place_typed,
    create=_create_barred, delete=unbar_space, audits=True, **OF_SPACE,
)  # fmt: skip

HOLD = Kind(
    name="hold", plural="holds", label=mark("Hold"), label_plural=mark("Holds"), model=Hold,
    fields=(
        Field("rack_id", mark("Rack"), ReferenceType(lambda: RACK), readonly=True),
        Field("unit", mark("Lowest U"), UnitType(), expression=lambda: _printed_low(Hold)),
        Field("u_low", mark("Half unit from the bottom"), IntegerType(0, 119), readonly=True,
              listed=False),
        Field("height", mark("Height"), HalfUnitsType(1, 120), readonly=True, unit="U"),
        Field("prospect", mark("For whom"), readonly=True, searched=True),
        Field("held_by", mark("Held by"), readonly=True, searched=True),
        Field("reason", mark("Reason"), readonly=True, searched=True),
        Field("starts_at", mark("From"), InstantType(), readonly=True),
        Field("expires_at", mark("Expires"), InstantType(), readonly=True),
        Field("extensions", mark("Times extended"), IntegerType(), readonly=True, listed=False),
        Field("created_at", mark("Made"), InstantType(), readonly=True, listed=False),
    ),
    key=("rack_id", "unit"), title="prospect", default_sort="expires_at",
    creatable=False, deletable=False, importable=False, **OF_SPACE,
)  # fmt: skip

ALLOCATION = Kind(
    name="allocation", plural="allocations", label=mark("Allocation"),
    label_plural=mark("Allocations"), model=Allocation,
    fields=(
        Field("rack_id", mark("Rack"), ReferenceType(lambda: RACK), readonly=True),
        Field("unit", mark("Lowest U"), UnitType(), expression=lambda: _printed_low(Allocation)),
        Field("u_low", mark("Half unit from the bottom"), IntegerType(0, 119), readonly=True,
              listed=False),
        Field("height", mark("Height"), HalfUnitsType(1, 120), readonly=True, unit="U"),
        Field("place", mark("Place"), expression=_place_sold, searched=True, listed=False,
              filtered=False),
        Field("customer_id", mark("Customer"), ReferenceType(lambda: CUSTOMER), readonly=True),
        Field("contract_item_id", mark("Contract item"), ReferenceType(lambda: CONTRACT_ITEM),
              readonly=True),
        Field("turn", mark("Turn"), ChoiceType(TURNS), readonly=True),
        Field("starts_on", mark("From"), DayType(), readonly=True),
        Field("ends_on", mark("First day free again"), DayType(), readonly=True),
    ),
    key=("rack_id", "unit", "starts_on"), title="place", default_sort="-starts_on",
    reach=_allocation, creatable=False, deletable=False, importable=False, **OWN,
)  # fmt: skip

_EXTENTS = {
    "room": mark("Room"),
    "cage": mark("Cage"),
    "cabinet": mark("Cabinet"),
    "rack": mark("Rack"),
}
AREA_CLAIM = Kind(
    name="area_claim", plural="area-sales", label=mark("Area sale"),
    label_plural=mark("Area sales"), model=AreaClaim,
    fields=(
        Field("place", mark("Area"), expression=_area_sold, searched=True),
        Field("extent", mark("Extent"), ChoiceType(_EXTENTS), readonly=True),
        Field("customer_id", mark("Customer"), ReferenceType(lambda: CUSTOMER), readonly=True),
        Field("contract_item_id", mark("Contract item"), ReferenceType(lambda: CONTRACT_ITEM),
              readonly=True),
        Field("turn", mark("Turn"), ChoiceType({**TURNS, "over": mark("Over")}), readonly=True),
        Field("starts_on", mark("From"), DayType(), readonly=True),
        Field("ends_on", mark("First day free again"), DayType(), readonly=True),
    ),
    key=("place", "starts_on"), title="place", default_sort="place,starts_on",
    reach=_area_claim, creatable=False, deletable=False, importable=False, **OWN,
)  # fmt: skip

KINDS = (
    SITE, BUILDING, ROOM, CAGE, ROW, CABINET, RACK, BARRED_SPACE, HOLD, ALLOCATION, AREA_CLAIM,
)  # fmt: skip
