"""What was found standing in a cabinet when somebody went and looked: walks and their findings."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, HalfUnit, Id, Instant, Name, Text
from dcim.db import Base
from dcim.inventory.models import Cabinet

VERDICTS = ("as_recorded", "absent", "other", "extra")


class CabinetWalk(Base):
    """One look at one cabinet. Certified when `finished_at` is set; a cabinet has one open walk."""

    __tablename__ = "cabinet_walk"

    id: Mapped[Id]
    cabinet_id: Mapped[int] = mapped_column(ForeignKey("cabinet.id", ondelete="CASCADE"))
    started_at: Mapped[Instant]
    started_by: Mapped[Name]
    finished_at: Mapped[Instant | None]
    finished_by: Mapped[Name] = mapped_column(default="")
    note: Mapped[Text] = mapped_column(default="")

    cabinet: Mapped[Cabinet] = relationship()
    findings: Mapped[list["WalkFinding"]] = relationship(
        back_populates="walk", cascade="all, delete-orphan", order_by="WalkFinding.id"
    )

    __table_args__ = (
        CheckConstraint("finished_at IS NULL OR finished_at >= started_at", name="times"),
        Index("ix_cabinet_walk_cabinet_id_finished_at", "cabinet_id", "finished_at"),
        Index(
            "uq_cabinet_walk_open",
            "cabinet_id",
            unique=True,
            postgresql_where=text("finished_at IS NULL"),
        ),
    )


class WalkFinding(Base):
    """What one look at one place gave. The texts are what stood in the books at that moment: they
    stay when the device moves, is renamed or leaves.

    `subject` is "device/12" for a line of the checklist, and empty for what stands at a place
    that should be free (verdict `extra`). `u_low` is none on a side rail.
    """

    __tablename__ = "walk_finding"

    id: Mapped[Id]
    walk_id: Mapped[int] = mapped_column(ForeignKey("cabinet_walk.id", ondelete="CASCADE"))
    rack_id: Mapped[int | None] = mapped_column(
        ForeignKey("rack.id", ondelete="SET NULL"), index=True
    )
    rack: Mapped[Code]
    subject: Mapped[Code] = mapped_column(default="")
    u_low: Mapped[HalfUnit | None]
    height: Mapped[HalfUnit]
    face: Mapped[str] = mapped_column(String(8), default="full")
    side: Mapped[str] = mapped_column(String(8), default="full")
    expected: Mapped[Name] = mapped_column(default="")
    found: Mapped[Name] = mapped_column(default="")
    verdict: Mapped[Code]
    note: Mapped[Text] = mapped_column(default="")
    noted_at: Mapped[Instant]
    noted_by: Mapped[Name]

    walk: Mapped[CabinetWalk] = relationship(back_populates="findings")

    __table_args__ = (
        CheckConstraint("verdict IN ('as_recorded', 'absent', 'other', 'extra')", name="verdict"),
        CheckConstraint("(verdict = 'extra') = (subject = '')", name="subject"),
        CheckConstraint("face IN ('front', 'rear', 'full')", name="face"),
        CheckConstraint("side IN ('left', 'right', 'full')", name="side"),
        CheckConstraint("height >= 0 AND (u_low IS NULL OR u_low >= 0)", name="range"),
        Index(
            "uq_walk_finding_subject",
            "walk_id",
            "subject",
            unique=True,
            postgresql_where=text("subject <> ''"),
        ),
        Index("ix_walk_finding_walk_id", "walk_id"),
    )
