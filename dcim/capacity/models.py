"""The log of what changed for the capacity search; written by triggers, in the same transaction."""

from sqlalchemy import BigInteger, CheckConstraint, FetchedValue, String
from sqlalchemy.orm import Mapped, mapped_column

from dcim.columns import Id, Instant
from dcim.db import Base


class CapacityChange(Base):
    """Something that a remembered rack, the places or the power chain no longer shows.

    `written_by` is the transaction, as PostgreSQL's 64-bit number: by it a reader knows whether its
    snapshot has seen the change, whatever order transactions committed in.
    """

    __tablename__ = "capacity_change"

    id: Mapped[Id]
    about: Mapped[str] = mapped_column(String(8))
    # No foreign key: the rack may be gone, and that is the change.
    rack_id: Mapped[int | None] = mapped_column(BigInteger)
    written_by: Mapped[int] = mapped_column(
        BigInteger, index=True, server_default=FetchedValue(), server_onupdate=None
    )
    at: Mapped[Instant] = mapped_column(server_default=FetchedValue())

    __table_args__ = (CheckConstraint("about IN ('rack', 'rooms', 'power')", name="about"),)
