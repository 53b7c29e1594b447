"""32 people want one unit at the same time: one gets it, the others hear who and until when."""

import datetime as dt
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import delete, event, func, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from dcim.accounts.audit import verify_chain
from dcim.columns import utc_now
from dcim.customers.models import Contract, ContractItem
from dcim.db import SessionFactory, make_engine, make_sessions, transaction
from dcim.errors import ConflictError
from dcim.inventory.models import (
    Allocation,
    AllocationSlot,
    Device,
    Hold,
    Installation,
    InstallationSlot,
    Rack,
)
from dcim.inventory.space import allocating, holding, placement
from dcim.inventory.space.allocating import allocate_space
from dcim.inventory.space.extending import renew
from dcim.inventory.space.holding import hold_space
from dcim.inventory.space.placement import install_device
from tests.integration.inventory.house import SCOPE, House, build_house
from tests.servers import Database

CLIENTS = 32
YEAR = dt.timedelta(days=365)

Want = Callable[[Session, House, int], object]


def install(session: Session, house: House, client: int) -> object:
    device = session.scalars(select(Device).where(Device.name == f"racer-{client}")).one()
    return install_device(session, SCOPE, device, house.rack.id, u_low=0)


def allocate(session: Session, house: House, client: int) -> object:
    item = house.items["Reed" if client % 2 else "Moss"]
    today = utc_now().date()
    return allocate_space(
        session, SCOPE, item, house.rack.id, u_low=0, height=4,
        starts_on=today, ends_on=today + YEAR,
    )  # fmt: skip


def hold(session: Session, house: House, client: int) -> object:
    return hold_space(
        session, SCOPE, house.rack.id, prospect=f"prospect {client}", u_low=0, height=4,
        expires_at=utc_now() + YEAR,
    )  # fmt: skip


ROUNDS: dict[Want, int] = {install: 8, allocate: 6, hold: 6}
WORDS: dict[Want, str] = {
    install: r"A-01 U1–2 is taken by racer-\d+ until",
    allocate: r"A-01 U1–2 is allocated to (Reed|Moss) from \S+ until \S+",
    hold: r"A-01 U1–2 is held for prospect \d+ by system:test until \S+",
}


class Race:
    """Clients that each come with a connection of their own, round after round."""

    def __init__(self, sessions: SessionFactory, clients: int) -> None:
        self.sessions, self.clients = sessions, clients
        with transaction(sessions, SCOPE) as session:
            self.house = build_house(session)
            kind = self.house.devices["Reed1"].device_type_id
            session.add_all(
                Device(name=f"racer-{n}", device_type_id=kind, role="app") for n in range(clients)
            )

    def run(self, want: Want, rounds: int) -> list[list[BaseException | None]]:
        """What came of each client in each round; None is the winner's."""
        outcomes: list[list[BaseException | None]] = [[] for _ in range(rounds)]
        cleared = threading.Barrier(self.clients, action=self.clear, timeout=60)
        started = threading.Barrier(self.clients, timeout=60)

        def play(client: int) -> None:
            for number in range(rounds):
                cleared.wait()
                outcome: BaseException | None = None
                try:
                    with transaction(self.sessions, SCOPE) as session:
                        session.execute(text("SELECT 1"))
                        started.wait()
                        want(session, self.house, client)
                except Exception as error:
                    outcome = error
                outcomes[number].append(outcome)

        threads = [threading.Thread(target=play, args=(n,)) for n in range(self.clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=120)
        return outcomes

    def clear(self) -> None:
        with transaction(self.sessions, SCOPE) as session:
            for model in (Installation, Allocation, Hold):
                session.execute(delete(model))


class Renewals(Race):
    """Reed's space ends with its contract; each round one renews, the other sells what follows."""

    def clear(self) -> None:
        super().clear()
        self.last_day = utc_now().date() + dt.timedelta(days=30)
        with transaction(self.sessions, SCOPE) as session:
            session.execute(update(ContractItem).values(ends_on=None))
            contract = session.get_one(Contract, self.house.items["Reed"].contract_id)
            contract.ends_on = self.last_day
            session.flush()
            allocate_space(
                session, SCOPE, session.get_one(ContractItem, self.house.items["Reed"].id),
                self.house.rack.id, u_low=0, height=4,
                starts_on=utc_now().date(), ends_on=self.last_day,
            )  # fmt: skip

    def renew_or_sell(self, session: Session, house: House, client: int) -> object:
        if client % 2:
            contract = session.get_one(Contract, house.items["Reed"].contract_id)
            renew(session, SCOPE, contract, 12)
            return None
        return allocate_space(
            session, SCOPE, session.get_one(ContractItem, house.items["Moss"].id), house.rack.id,
            u_low=2, height=4, starts_on=self.last_day, ends_on=None,
        )  # fmt: skip


@contextmanager
def race_of(database: Database, clients: int, kind: type[Race] = Race) -> Iterator[Race]:
    engine = make_engine(database.app_url, pool_size=clients + 2)
    try:
        yield kind(make_sessions(engine), clients)
    finally:
        engine.dispose()


@pytest.mark.parametrize("want", [install, allocate, hold])
def test_one_wins_each_round_and_the_others_hear_who(clean_database: Database, want: Want) -> None:
    with race_of(clean_database, CLIENTS) as race:
        outcomes = race.run(want, ROUNDS[want])
        for outcome in outcomes:
            assert len(outcome) == CLIENTS
            assert Counter(type(one).__name__ for one in outcome) == {
                "NoneType": 1,
                "ConflictError": CLIENTS - 1,
            }
            for one in outcome:
                if one is not None:
                    with pytest.raises(ConflictError, match=WORDS[want]):
                        raise one
        with transaction(race.sessions, SCOPE) as session:
            assert verify_chain(session).intact
            assert session.scalar(select(func.count()).select_from(Device)) == CLIENTS + 8


def meet_before_writing(race: Race, clients: int) -> None:
    """All have looked before any of them writes, however slow the machine."""
    met = threading.Barrier(clients, timeout=20)

    def wait(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if re.match(r"INSERT INTO (installation|allocation|hold) ", statement):
            met.wait()

    event.listen(race.sessions.kw["bind"], "before_cursor_execute", wait)


def take_locks_away(monkeypatch: pytest.MonkeyPatch, *modules: object) -> None:
    def read_one(session: Session, rack_id: int) -> Rack:
        return session.get_one(Rack, rack_id)

    def read_all(session: Session, rack_ids: list[int]) -> dict[int, Rack]:
        return {rack_id: read_one(session, rack_id) for rack_id in rack_ids}

    for module in modules:
        monkeypatch.setattr(module, "lock_rack", read_one)
        monkeypatch.setattr(module, "lock_racks", read_all, raising=False)


def test_control_without_lock_and_key_the_unit_is_booked_twice(
    clean_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guards are what the test above sees: take both away, and several win."""
    owner = make_engine(clean_database.owner_url, pool_size=1)
    keys = {
        "installation_slot": "rack_id, u, face, side",
        "allocation_slot": "rack_id, u, turn",
        "hold_slot": "rack_id, u",
    }
    take_locks_away(monkeypatch, placement, allocating, holding)
    with owner.begin() as connection:
        for table in keys:
            connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT pk_{table}"))
    try:
        with race_of(clean_database, 4) as race:
            meet_before_writing(race, 4)
            for want in (install, allocate, hold):
                winners = [
                    sum(outcome is None for outcome in outcomes) for outcomes in race.run(want, 2)
                ]
                assert winners == [4, 4], want.__name__
            race.clear()
    finally:
        with owner.begin() as connection:
            for table, columns in keys.items():
                connection.execute(text(f"TRUNCATE {table}"))
                connection.execute(
                    text(f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY ({columns})")
                )
        owner.dispose()


@pytest.mark.parametrize(
    ("module", "want", "slot"),
    [(placement, install, InstallationSlot), (allocating, allocate, AllocationSlot)],
)
def test_with_the_lock_alone_taken_away_the_key_still_decides(
    clean_database: Database, monkeypatch: pytest.MonkeyPatch, module: object, want: Want,
    slot: type[InstallationSlot] | type[AllocationSlot],
) -> None:  # fmt: skip
    take_locks_away(monkeypatch, module)
    with race_of(clean_database, 8) as race:
        for outcome in race.run(want, 5):
            assert sum(one is None for one in outcome) == 1
            assert all(isinstance(one, ConflictError) for one in outcome if one is not None)
        with transaction(race.sessions, SCOPE) as session:
            assert session.scalar(select(func.count(slot.u.distinct()))) == 4


def test_a_renewal_and_a_sale_of_what_follows_never_both_have_it(clean_database: Database) -> None:
    with race_of(clean_database, 2, Renewals) as race:
        assert isinstance(race, Renewals)
        for outcome in race.run(race.renew_or_sell, 6):
            # Two that wait for each other: the database refuses one of them.
            lost = [one for one in outcome if one is not None]
            assert all(isinstance(one, ConflictError | OperationalError) for one in lost)
            assert len(lost) == 1
