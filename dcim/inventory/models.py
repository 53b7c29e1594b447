"""Space and what stands in it: sites down to racks, devices, and the three layers of occupancy."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, Created, Day, HalfUnit, Id, Instant, Name
from dcim.customers.models import ContractItem, Customer
from dcim.db import Base
from dcim.inventory.devices.lifecycle import DEVICE_STATES
from dcim.inventory.devices.naming import make_slug
from dcim.inventory.devices.type_descriptions import AIRFLOWS, CATEGORIES

FACES = ("front", "rear")
SIDES = ("left", "right")


def one_of(column: str, values: tuple[str, ...]) -> str:
    """The SQL of a check that a column holds one of these words."""
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def _slug_of_names(context: DefaultExecutionContext) -> str:
    given = context.get_current_parameters()  # type: ignore[no-untyped-call]
    return make_slug(given["manufacturer"], given["model"])


def _belongs_to_nobody(context: DefaultExecutionContext) -> bool:
    given = context.get_current_parameters()  # type: ignore[no-untyped-call]
    return given.get("customer_id") is None


class Site(Base):
    __tablename__ = "site"

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)
    name: Mapped[Name]
    name_en: Mapped[Name]
    timezone: Mapped[Code] = mapped_column(default="Asia/Shanghai")
    address: Mapped[Name] = mapped_column(default="")

    rooms: Mapped[list["Room"]] = relationship(back_populates="site", order_by="Room.code")


class Building(Base):
    __tablename__ = "building"

    id: Mapped[Id]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    code: Mapped[Code]
    name: Mapped[Name]
    name_en: Mapped[Name]
    address: Mapped[Name] = mapped_column(default="")

    site: Mapped[Site] = relationship()

    __table_args__ = (UniqueConstraint("site_id", "code"),)


class Room(Base):
    """A room and its floor: a grid of `grid_columns` × `grid_rows` tiles of `tile_mm` each way.

    Tile (0, 0) is the north-west corner; x runs east, y runs south.
    """

    __tablename__ = "room"

    id: Mapped[Id]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    building_id: Mapped[int | None] = mapped_column(ForeignKey("building.id"), index=True)
    code: Mapped[Code]
    name: Mapped[Name]
    name_en: Mapped[Name]
    floor: Mapped[Code] = mapped_column(default="")
    grid_columns: Mapped[int] = mapped_column(SmallInteger, default=20)
    grid_rows: Mapped[int] = mapped_column(SmallInteger, default=20)
    tile_mm: Mapped[int] = mapped_column(SmallInteger, default=600)
    # The rating that regulators and customers ask for, 2 to 5 stars.
    star_rating: Mapped[int | None] = mapped_column(SmallInteger)

    site: Mapped[Site] = relationship(back_populates="rooms")
    building: Mapped[Building | None] = relationship()
    rows: Mapped[list["Row"]] = relationship(back_populates="room", order_by="Row.position")

    __table_args__ = (
        UniqueConstraint("site_id", "code"),
        CheckConstraint("star_rating BETWEEN 2 AND 5", name="star_rating"),
        CheckConstraint("grid_columns > 0 AND grid_rows > 0 AND tile_mm > 0", name="grid"),
    )


class Cage(Base):
    """A fenced part of a room; which cabinets stand in it is said by the cabinets."""

    __tablename__ = "cage"

    id: Mapped[Id]
    room_id: Mapped[int] = mapped_column(ForeignKey("room.id"), index=True)
    code: Mapped[Code]
    name: Mapped[Name]

    room: Mapped[Room] = relationship()

    __table_args__ = (UniqueConstraint("room_id", "code"),)


class Row(Base):
    __tablename__ = "cabinet_row"

    id: Mapped[Id]
    room_id: Mapped[int] = mapped_column(ForeignKey("room.id"), index=True)
    code: Mapped[Code] = mapped_column(index=True)
    position: Mapped[int] = mapped_column(SmallInteger)

    room: Mapped[Room] = relationship(back_populates="rows")
    cabinets: Mapped[list["Cabinet"]] = relationship(
        back_populates="row", order_by="Cabinet.position"
    )

    __table_args__ = (UniqueConstraint("room_id", "code"),)


class Cabinet(Base):
    """The enclosure. It holds one rack, two halves or four quarters, each with its own door.

    `facing` is where its front, the cold side, looks. `grid_x` and `grid_y` are the floor tile
    under its front left corner, left as one sees it standing before its front; which tiles it
    covers says `dcim.inventory.space.floor`.
    """

    __tablename__ = "cabinet"

    id: Mapped[Id]
    row_id: Mapped[int] = mapped_column(ForeignKey("cabinet_row.id"), index=True)
    cage_id: Mapped[int | None] = mapped_column(ForeignKey("cage.id"), index=True)
    code: Mapped[Code] = mapped_column(index=True)
    position: Mapped[int] = mapped_column(SmallInteger)
    layout: Mapped[Code] = mapped_column(default="full")
    width_mm: Mapped[int] = mapped_column(SmallInteger, default=600)
    depth_mm: Mapped[int] = mapped_column(SmallInteger, default=1200)
    height_mm: Mapped[int] = mapped_column(SmallInteger, default=2000)
    weight_limit_kg: Mapped[int] = mapped_column(SmallInteger, default=1000)
    own_weight_kg: Mapped[int] = mapped_column(SmallInteger, default=0)
    asset_tag: Mapped[Code | None] = mapped_column(unique=True)
    serial: Mapped[Code | None]
    lock_kind: Mapped[Code] = mapped_column(default="")
    lock_number: Mapped[Code] = mapped_column(default="")
    grid_x: Mapped[int | None] = mapped_column(SmallInteger)
    grid_y: Mapped[int | None] = mapped_column(SmallInteger)
    facing: Mapped[str] = mapped_column(String(1), default="S")
    state: Mapped[Code] = mapped_column(default="in_service")
    note: Mapped[Name] = mapped_column(default="")

    row: Mapped[Row] = relationship(back_populates="cabinets")
    cage: Mapped[Cage | None] = relationship()
    racks: Mapped[list["Rack"]] = relationship(
        back_populates="cabinet", order_by="Rack.position", passive_deletes="all"
    )

    __table_args__ = (
        UniqueConstraint("row_id", "code"),
        UniqueConstraint("row_id", "position"),
        CheckConstraint("layout IN ('full', 'halves', 'quarters')", name="layout"),
        CheckConstraint("facing IN ('N', 'E', 'S', 'W')", name="facing"),
        CheckConstraint("state IN ('planned', 'in_service', 'blocked')", name="state"),
        CheckConstraint(
            "(grid_x IS NULL) = (grid_y IS NULL) AND grid_x >= 0 AND grid_y >= 0", name="tile"
        ),
    )


class Rack(Base):
    """Mounting space. `u_count` counts from U1 at the bottom of this rack.

    `position` orders the racks of a split cabinet from the top down, as they are read.
    `numbering` says how its units are printed: "down" has U1 at the top. Storage always counts from
    the bottom.
    """

    __tablename__ = "rack"

    id: Mapped[Id]
    cabinet_id: Mapped[int] = mapped_column(
        ForeignKey("cabinet.id", ondelete="CASCADE"), index=True
    )
    code: Mapped[Code] = mapped_column(index=True)
    position: Mapped[int] = mapped_column(SmallInteger, default=0)
    u_count: Mapped[int] = mapped_column(SmallInteger)
    numbering: Mapped[str] = mapped_column(String(4), default="up")

    cabinet: Mapped[Cabinet] = relationship(back_populates="racks")
    installations: Mapped[list["Installation"]] = relationship(back_populates="rack")
    allocations: Mapped[list["Allocation"]] = relationship(back_populates="rack")
    holds: Mapped[list["Hold"]] = relationship(back_populates="rack")
    barred: Mapped[list["BarredSpace"]] = relationship(back_populates="rack")

    __table_args__ = (
        UniqueConstraint("cabinet_id", "code"),
        CheckConstraint("u_count BETWEEN 1 AND 60", name="u_count"),
        CheckConstraint("numbering IN ('up', 'down')", name="numbering"),
    )


class DeviceType(Base):
    __tablename__ = "device_type"

    id: Mapped[Id]
    manufacturer: Mapped[Name]
    model: Mapped[Name]
    # How files and addresses call it; made of the names where none is given.
    slug: Mapped[Code] = mapped_column(unique=True, default=_slug_of_names)
    part_number: Mapped[Code] = mapped_column(default="")
    category: Mapped[Code] = mapped_column(default="other")
    # In half units: a 1U server is 2, a 0U PDU on the side rail is 0.
    height: Mapped[HalfUnit]
    full_depth: Mapped[bool] = mapped_column(default=True)
    half_width: Mapped[bool] = mapped_column(default=False)
    weight_g: Mapped[int] = mapped_column(default=0)
    # Nameplate draw, W, all supplies together.
    rated_w: Mapped[int] = mapped_column(default=0)
    # What it draws at work, W; none where nobody has measured or published it.
    typical_w: Mapped[int | None]
    airflow: Mapped[Code] = mapped_column(default="")
    width_mm: Mapped[int | None] = mapped_column(SmallInteger)
    depth_mm: Mapped[int | None] = mapped_column(SmallInteger)
    # Where the figures come from; `curated` marks those that came with the program.
    source: Mapped[Name] = mapped_column(default="")
    curated: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        UniqueConstraint("manufacturer", "model"),
        CheckConstraint("height BETWEEN 0 AND 120", name="height"),
        CheckConstraint(one_of("category", CATEGORIES), name="category"),
        CheckConstraint(one_of("airflow", AIRFLOWS), name="airflow"),
    )


class Device(Base):
    """A thing with a serial number. `customer_id` names who uses it; none is the operator.

    `provider_owned` says whose machine it is: the operator's own, or one let to its user under the
    contract item `rental_item_id`; else it belongs to its user.
    """

    __tablename__ = "device"

    id: Mapped[Id]
    device_type_id: Mapped[int] = mapped_column(ForeignKey("device_type.id"), index=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    name: Mapped[Name] = mapped_column(unique=True)
    role: Mapped[Code]
    serial: Mapped[Code | None] = mapped_column(unique=True)
    asset_tag: Mapped[Code | None] = mapped_column(unique=True)
    state: Mapped[Code] = mapped_column(default="in_service")
    provider_owned: Mapped[bool] = mapped_column(default=_belongs_to_nobody)
    rental_item_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    purchased_on: Mapped[Day | None]
    warranty_until: Mapped[Day | None]
    note: Mapped[Name] = mapped_column(default="")
    created_at: Mapped[Created]

    device_type: Mapped[DeviceType] = relationship()
    customer: Mapped[Customer | None] = relationship(foreign_keys=[customer_id])
    installation: Mapped["Installation | None"] = relationship(back_populates="device")

    __table_args__ = (
        CheckConstraint(one_of("state", DEVICE_STATES), name="state"),
        # Only the operator's machine is let, and only to somebody.
        CheckConstraint(
            "rental_item_id IS NULL OR (provider_owned AND customer_id IS NOT NULL)",
            name="rental",
        ),
        ForeignKeyConstraint(
            ["rental_item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_device_rental_item_of_customer",
        ),
    )


class Installation(Base):
    """What stands where. `u_low` is the lowest half unit; the height comes from the type.

    A 0U device has no `u_low` but a place on a side rail: `rail_position` counts from the bottom.
    """

    __tablename__ = "installation"

    id: Mapped[Id]
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"), unique=True)
    rack_id: Mapped[int] = mapped_column(ForeignKey("rack.id"), index=True)
    # None for a 0U device on the side rail.
    u_low: Mapped[HalfUnit | None]
    height: Mapped[HalfUnit]
    face: Mapped[str] = mapped_column(String(8), default="full")
    side: Mapped[str] = mapped_column(String(8), default="full")
    rail: Mapped[str | None] = mapped_column(String(5))
    rail_position: Mapped[int | None] = mapped_column(SmallInteger)
    installed_at: Mapped[Instant]

    device: Mapped[Device] = relationship(back_populates="installation")
    rack: Mapped[Rack] = relationship(back_populates="installations")
    slots: Mapped[list["InstallationSlot"]] = relationship(cascade="all, delete-orphan")

    __table_args__ = (
        CheckConstraint("face IN ('front', 'rear', 'full')", name="face"),
        CheckConstraint("side IN ('left', 'right', 'full')", name="side"),
        CheckConstraint("u_low IS NULL OR u_low >= 0", name="u_low"),
        CheckConstraint("rail IN ('left', 'right')", name="rail"),
        CheckConstraint("rail_position BETWEEN 1 AND 6", name="rail_position"),
        CheckConstraint(
            "(rail IS NULL) = (rail_position IS NULL) AND (rail IS NULL OR u_low IS NULL)",
            name="rail_or_unit",
        ),
        UniqueConstraint("id", "rack_id"),
        UniqueConstraint("rack_id", "rail", "rail_position"),
    )


class BarredSpace(Base):
    """Half units in which nothing can be installed: blocked for a reason, or not there at all."""

    __tablename__ = "barred_space"

    id: Mapped[Id]
    rack_id: Mapped[int] = mapped_column(ForeignKey("rack.id", ondelete="CASCADE"), index=True)
    u_low: Mapped[HalfUnit]
    height: Mapped[HalfUnit]
    face: Mapped[str] = mapped_column(String(8), default="full")
    kind: Mapped[str] = mapped_column(String(8), default="blocked")
    reason: Mapped[Name]

    rack: Mapped[Rack] = relationship(back_populates="barred")
    slots: Mapped[list["InstallationSlot"]] = relationship(
        cascade="all, delete-orphan", overlaps="slots"
    )

    __table_args__ = (
        CheckConstraint("face IN ('front', 'rear', 'full')", name="face"),
        CheckConstraint("kind IN ('blocked', 'absent')", name="kind"),
        CheckConstraint("height > 0 AND u_low >= 0", name="range"),
        UniqueConstraint("id", "rack_id"),
    )


class InstallationSlot(Base):
    """One half unit, face and side, taken by a device or barred: the primary key forbids that two
    want it."""

    __tablename__ = "installation_slot"

    rack_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    u: Mapped[HalfUnit] = mapped_column(primary_key=True)
    face: Mapped[str] = mapped_column(String(8), primary_key=True)
    side: Mapped[str] = mapped_column(String(8), primary_key=True)
    installation_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    barred_id: Mapped[int | None] = mapped_column(BigInteger, index=True)

    __table_args__ = (
        CheckConstraint("(installation_id IS NULL) <> (barred_id IS NULL)", name="one_taker"),
        ForeignKeyConstraint(
            ["installation_id", "rack_id"],
            ["installation.id", "installation.rack_id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["barred_id", "rack_id"],
            ["barred_space.id", "barred_space.rack_id"],
            ondelete="CASCADE",
        ),
    )


class Allocation(Base):
    """Who owns a U range of a rack (or all of it), by which contract item, from when to when.

    One that is over stays as history and has no slots any more. `area_claim_id`: the sale of a
    whole room, cage, cabinet or rack that it is a part of.
    """

    __tablename__ = "allocation"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_item_id: Mapped[int] = mapped_column(ForeignKey("contract_item.id"), index=True)
    rack_id: Mapped[int] = mapped_column(ForeignKey("rack.id"), index=True)
    u_low: Mapped[HalfUnit]
    height: Mapped[HalfUnit]
    area_claim_id: Mapped[int | None] = mapped_column(ForeignKey("area_claim.id"), index=True)
    # "current" holds the slots now; "next" begins where the current one ends.
    turn: Mapped[str] = mapped_column(String(8), default="current")
    starts_on: Mapped[Day]
    ends_on: Mapped[Day | None]

    rack: Mapped[Rack] = relationship(back_populates="allocations")
    customer: Mapped[Customer] = relationship()
    contract_item: Mapped[ContractItem] = relationship(
        foreign_keys=[contract_item_id], viewonly=True
    )
    slots: Mapped[list["AllocationSlot"]] = relationship(cascade="all, delete-orphan")

    __table_args__ = (
        CheckConstraint("turn IN ('current', 'next')", name="turn"),
        CheckConstraint("height > 0 AND u_low >= 0", name="range"),
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="dates"),
        ForeignKeyConstraint(
            ["contract_item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_allocation_item_of_customer",
        ),
        UniqueConstraint("id", "rack_id", "turn"),
    )


class AllocationSlot(Base):
    __tablename__ = "allocation_slot"

    rack_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    u: Mapped[HalfUnit] = mapped_column(primary_key=True)
    turn: Mapped[str] = mapped_column(String(8), primary_key=True)
    allocation_id: Mapped[int] = mapped_column(BigInteger, index=True)

    __table_args__ = (
        ForeignKeyConstraint(
            ["allocation_id", "rack_id", "turn"],
            ["allocation.id", "allocation.rack_id", "allocation.turn"],
            ondelete="CASCADE",
            # Who was next becomes current when its turn comes.
            onupdate="CASCADE",
        ),
    )


class Hold(Base):
    """Space promised to a prospect for `[starts_at, expires_at)`; past that it binds nobody."""

    __tablename__ = "hold"

    id: Mapped[Id]
    rack_id: Mapped[int] = mapped_column(ForeignKey("rack.id"), index=True)
    prospect: Mapped[Name]
    held_by: Mapped[Name]
    reason: Mapped[Name] = mapped_column(default="")
    u_low: Mapped[HalfUnit]
    height: Mapped[HalfUnit]
    starts_at: Mapped[Created]
    expires_at: Mapped[Instant]
    extensions: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[Created]

    rack: Mapped[Rack] = relationship(back_populates="holds")
    slots: Mapped[list["HoldSlot"]] = relationship(cascade="all, delete-orphan")

    __table_args__ = (
        CheckConstraint("height > 0 AND u_low >= 0", name="range"),
        CheckConstraint("expires_at > starts_at", name="dates"),
        UniqueConstraint("id", "rack_id"),
    )


class HoldSlot(Base):
    __tablename__ = "hold_slot"

    rack_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    u: Mapped[HalfUnit] = mapped_column(primary_key=True)
    hold_id: Mapped[int] = mapped_column(BigInteger, index=True)

    __table_args__ = (
        ForeignKeyConstraint(
            ["hold_id", "rack_id"], ["hold.id", "hold.rack_id"], ondelete="CASCADE"
        ),
    )
