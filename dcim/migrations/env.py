"""Alembic's entry: runs on the owner's connection that dcim.schema hands over."""

from alembic import context
from sqlalchemy.engine import Connection

from dcim.columns import UtcDateTime
from dcim.models import metadata


def include_name(name: str | None, kind: str, parents: object) -> bool:
    """Leave procrastinate's own tables alone, its schema is applied as it ships, and partitions."""
    apart = ("procrastinate_", "port_frame_", "sample_block_")
    return not (kind == "table" and name is not None and name.startswith(apart))


def render_item(kind: str, item: object, context_: object) -> str | bool:
    """Write our column type as the plain one it stores: a migration must outlive our classes."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run() -> None:
    connection: Connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_name=include_name,
        render_item=render_item,
        compare_type=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
