"""walks through cabinets and what they found"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cabinet_walk",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("cabinet_id", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.String(length=255), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_by", sa.String(length=255), nullable=False),
        sa.Column("note", sa.String(length=4000), nullable=False),
        sa.CheckConstraint(
            "finished_at IS NULL OR finished_at >= started_at", name=op.f("ck_cabinet_walk_times")
        ),
        sa.ForeignKeyConstraint(
            ["cabinet_id"],
            ["cabinet.id"],
            name=op.f("fk_cabinet_walk_cabinet_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cabinet_walk")),
    )
    op.create_index(
        "ix_cabinet_walk_cabinet_id_finished_at", "cabinet_walk", ["cabinet_id", "finished_at"]
    )
    op.create_index(
        "uq_cabinet_walk_open",
        "cabinet_walk",
        ["cabinet_id"],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_table(
        "walk_finding",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("walk_id", sa.BigInteger(), nullable=False),
        sa.Column("rack_id", sa.BigInteger(), nullable=True),
        sa.Column("rack", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("u_low", sa.SmallInteger(), nullable=True),
        sa.Column("height", sa.SmallInteger(), nullable=False),
        sa.Column("face", sa.String(length=8), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("expected", sa.String(length=255), nullable=False),
        sa.Column("found", sa.String(length=255), nullable=False),
        sa.Column("verdict", sa.String(length=64), nullable=False),
        sa.Column("note", sa.String(length=4000), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noted_by", sa.String(length=255), nullable=False),
        sa.CheckConstraint(
            "verdict IN ('as_recorded', 'absent', 'other', 'extra')",
            name=op.f("ck_walk_finding_verdict"),
        ),
        sa.CheckConstraint(
            "(verdict = 'extra') = (subject = '')", name=op.f("ck_walk_finding_subject")
        ),
        sa.CheckConstraint("face IN ('front', 'rear', 'full')", name=op.f("ck_walk_finding_face")),
        sa.CheckConstraint("side IN ('left', 'right', 'full')", name=op.f("ck_walk_finding_side")),
        sa.CheckConstraint(
            "height >= 0 AND (u_low IS NULL OR u_low >= 0)", name=op.f("ck_walk_finding_range")
        ),
        sa.ForeignKeyConstraint(
            ["walk_id"],
            ["cabinet_walk.id"],
            name=op.f("fk_walk_finding_walk_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["rack_id"], ["rack.id"], name=op.f("fk_walk_finding_rack_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_walk_finding")),
    )
    op.create_index("ix_walk_finding_walk_id", "walk_finding", ["walk_id"])
    op.create_index(op.f("ix_walk_finding_rack_id"), "walk_finding", ["rack_id"])
    op.create_index(
        "uq_walk_finding_subject",
        "walk_finding",
        ["walk_id", "subject"],
        unique=True,
        postgresql_where=sa.text("subject <> ''"),
    )


def downgrade() -> None:
    raise RuntimeError("restore a backup from before instead")
