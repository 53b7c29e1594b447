"""Series of a device to write samples to, and sessions that begin their own transactions."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession, SessionFactory, transaction

MakeSeries = Callable[..., list[int]]


@pytest.fixture
def session(sessions: SessionFactory) -> Iterator[ScopedSession]:
    with sessions() as opened:
        opened.use_scope(Scope.system("test"))
        yield opened


@pytest.fixture
def make_series(sessions: SessionFactory) -> MakeSeries:
    def make(family: str, count: int = 1, device: str = "sw-1") -> list[int]:
        with transaction(sessions, Scope.system("test")) as session:
            session.execute(
                text(
                    "INSERT INTO device_type (manufacturer, model, height, full_depth,"
                    " half_width, weight_g, rated_w) VALUES ('Maker', 'Model', 2, true, false,"
                    " 0, 0) ON CONFLICT DO NOTHING"
                )
            )
            session.execute(
                text(
                    "INSERT INTO device (device_type_id, name, role, state, created_at)"
                    " SELECT id, :name, 'switch', 'in_service', now() FROM device_type LIMIT 1"
                    " ON CONFLICT DO NOTHING"
                ),
                {"name": device},
            )
            rows = session.execute(
                text(
                    "INSERT INTO series (family, device_id, slot, step_s)"
                    " SELECT :family, d.id, 'slot-' || n, 60 FROM device d,"
                    " generate_series(1, :count) n WHERE d.name = :name RETURNING id"
                ),
                {"family": family, "name": device, "count": count},
            )
            return sorted(rows.scalars())

    return make
