"""The sale of a whole room, cage, cabinet or rack: one claim, and an allocation per rack in it."""

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, Day, Id
from dcim.customers.models import ContractItem, Customer
from dcim.db import Base
from dcim.inventory.models import Allocation, Cabinet, Cage, Rack, Room

EXTENTS = ("room", "cage", "cabinet", "rack")


class AreaClaim(Base):
    """Who bought a whole area, by which contract item, from when to when.

    `extent` says which of the four references is set. A rack that comes into the area later
    belongs to the claim too (dcim.inventory.space.areas).
    """

    __tablename__ = "area_claim"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_item_id: Mapped[int] = mapped_column(ForeignKey("contract_item.id"), index=True)
    extent: Mapped[Code]
    room_id: Mapped[int | None] = mapped_column(ForeignKey("room.id"), index=True)
    cage_id: Mapped[int | None] = mapped_column(ForeignKey("cage.id"), index=True)
    cabinet_id: Mapped[int | None] = mapped_column(ForeignKey("cabinet.id"), index=True)
    rack_id: Mapped[int | None] = mapped_column(ForeignKey("rack.id"), index=True)
    # "over" is history; the other two as with an allocation.
    turn: Mapped[str] = mapped_column(String(8), default="current")
    starts_on: Mapped[Day]
    ends_on: Mapped[Day | None]

    customer: Mapped[Customer] = relationship()
    contract_item: Mapped[ContractItem] = relationship(
        foreign_keys=[contract_item_id], viewonly=True
    )
    room: Mapped[Room | None] = relationship()
    cage: Mapped[Cage | None] = relationship()
    cabinet: Mapped[Cabinet | None] = relationship()
    rack: Mapped[Rack | None] = relationship()
    allocations: Mapped[list[Allocation]] = relationship(order_by=Allocation.id)

    __table_args__ = (
        CheckConstraint("extent IN ('room', 'cage', 'cabinet', 'rack')", name="extent"),
        CheckConstraint("turn IN ('current', 'next', 'over')", name="turn"),
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="dates"),
        CheckConstraint(
            "(extent = 'room') = (room_id IS NOT NULL)"
            " AND (extent = 'cage') = (cage_id IS NOT NULL)"
            " AND (extent = 'cabinet') = (cabinet_id IS NOT NULL)"
            " AND (extent = 'rack') = (rack_id IS NOT NULL)",
            name="one_area",
        ),
        ForeignKeyConstraint(
            ["contract_item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_area_claim_item_of_customer",
        ),
        *(
            Index(
                f"uq_area_claim_{extent}_id_turn",
                f"{extent}_id",
                "turn",
                unique=True,
                postgresql_where=text(f"{extent}_id IS NOT NULL AND turn <> 'over'"),
            )
            for extent in EXTENTS
        ),
    )
