"""Series of a device to write samples to, and sessions that begin their own transactions."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select, text

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.inventory.models import Device, DeviceType

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
            kind = session.scalars(select(DeviceType)).first()
            if kind is None:
                kind = DeviceType(manufacturer="Maker", model="Model", height=2)
                session.add(kind)
                session.flush()
            if session.scalars(select(Device).where(Device.name == device)).first() is None:
                session.add(Device(device_type_id=kind.id, name=device, role="switch"))
                session.flush()
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
