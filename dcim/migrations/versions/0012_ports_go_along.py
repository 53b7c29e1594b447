"""a device's ports go when it is deleted; what hangs on them still refuses"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("fk_port_device_id", "port", type_="foreignkey")
    op.create_foreign_key(
        op.f("fk_port_device_id"), "port", "device", ["device_id"], ["id"], ondelete="CASCADE"
    )


def downgrade() -> None:
    raise RuntimeError("restore a backup from before instead")
