"""Rows by the thousand: ids drawn ahead, inserts in batches, slots by COPY."""

from typing import Any, cast

from psycopg import Cursor
from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from dcim.db import Base

BATCH = 5_000


class Writer:
    """Collects rows by model and writes them in the order their tables refer to each other.

    `copy` writes by COPY, after all others: for tables without ids, defaults or row security.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._rows: dict[type[Base], list[dict[str, Any]]] = {}
        self._copied: dict[tuple[str, tuple[str, ...]], list[tuple[Any, ...]]] = {}
        self._ids: dict[str, list[int]] = {}

    def add(self, kind: type[Base], /, **fields: Any) -> int:
        """Note a row; the id it will have."""
        row_id = self._draw_id(kind.__tablename__)
        self._rows.setdefault(kind, []).append({"id": row_id, **fields})
        return row_id

    def copy(self, table: str, columns: tuple[str, ...], row: tuple[Any, ...]) -> None:
        self._copied.setdefault((table, columns), []).append(row)

    def flush(self) -> None:
        order = {table.name: at for at, table in enumerate(Base.metadata.sorted_tables)}
        for model in sorted(self._rows, key=lambda one: order[one.__tablename__]):
            rows = self._rows[model]
            for start in range(0, len(rows), BATCH):
                self.session.execute(insert(model), rows[start : start + BATCH])
            rows.clear()
        raw = self.session.connection().connection.dbapi_connection
        if raw is None:
            raise RuntimeError("the connection is gone")
        cursor = cast(Cursor[Any], raw.cursor())
        for (table, columns), rows_of in self._copied.items():
            names = ", ".join(columns)
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as stream:
                for row in rows_of:
                    stream.write_row(row)
            rows_of.clear()
        cursor.close()

    def _draw_id(self, table: str) -> int:
        """From the table's own sequence: what comes after this load goes on behind it."""
        drawn = self._ids.setdefault(table, [])
        if not drawn:
            sequence = func.pg_get_serial_sequence(text(f"'\"{table}\"'"), text("'id'"))
            drawn += reversed(
                self.session.scalars(
                    select(func.nextval(sequence)).select_from(func.generate_series(1, BATCH))
                ).all()
            )
        return drawn.pop()
