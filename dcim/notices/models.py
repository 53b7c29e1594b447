"""Which notices a person has switched on or off."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from dcim.columns import Code, Instant
from dcim.db import Base


class NoticeChoice(Base):
    """A choice that was made; a kind without one goes by its default (`dcim.notices.kinds`)."""

    __tablename__ = "notice_choice"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("app_user.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[Code] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    wanted: Mapped[bool]
    chosen_at: Mapped[Instant]
