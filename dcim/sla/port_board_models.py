"""Notes of what a remembered board of ports no longer shows."""

from sqlalchemy import BigInteger, FetchedValue
from sqlalchemy.orm import Mapped, mapped_column

from dcim.columns import Id, Instant
from dcim.db import Base


class PortBoardChange(Base):
    """A transaction that changed something the board says, written by triggers.

    `written_by` is the transaction, as PostgreSQL's 64-bit number: by it a reader knows whether its
    snapshot has seen the change, whatever order transactions committed in.
    """

    __tablename__ = "port_board_change"

    id: Mapped[Id]
    written_by: Mapped[int] = mapped_column(
        BigInteger, index=True, server_default=FetchedValue(), server_onupdate=None
    )
    at: Mapped[Instant] = mapped_column(server_default=FetchedValue())
