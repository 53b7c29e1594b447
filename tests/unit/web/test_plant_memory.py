"""What is remembered of the house's power: how long, of what, and that one works it out for all."""

import threading
from typing import Any, cast

import pytest

from dcim.accounts.scope import Scope
from dcim.http import plant_memory
from dcim.http.plant_memory import LIVES_S, PLACES, PlantMemory
from dcim.sla.power_board import House, Place

STAFF = Scope.staff("someone")


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(plant_memory, "monotonic", lambda: self.now)


class FakeHouse:
    def __init__(self) -> None:
        self.shown: list[object] = []

    def show(self, place: Place, base: str) -> Any:
        self.shown.append((place, base))
        return self, place, base


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_house_that_takes_long_lives_as_long_from_when_it_is_done(clock: Clock) -> None:
    memory = PlantMemory()
    made: list[float] = []

    def read() -> House:
        clock.now += took
        made.append(clock.now)
        return cast(House, FakeHouse())

    def look() -> int:
        memory.find(STAFF, Place(), "derated", read)
        return len(made)

    for took in (1.0, 3 * LIVES_S):
        made.clear()
        clock.now += 1000
        assert look() == 1
        clock.now += max(LIVES_S, took) - 0.1
        assert look() == 1
        clock.now += 0.2
        assert look() == 2


def test_each_place_is_drawn_once_and_not_of_any_number_of_places(clock: Clock) -> None:
    memory, house = PlantMemory(), FakeHouse()
    for _round in range(2):
        for base in ("derated", "contracted"):
            for room in (None, 1):
                found = memory.find(
                    STAFF, Place(room_id=room), base, lambda: cast(House, house)
                )  # fmt: skip
                assert cast(Any, found.board)[1:] == (Place(room_id=room), base)
    assert len(house.shown) == 4
    for room in range(10 * PLACES):
        memory.find(STAFF, Place(room_id=room), "derated", lambda: cast(House, house))
    assert memory._held is not None
    assert len(memory._held.boards) <= PLACES


def test_what_fails_is_not_remembered(clock: Clock) -> None:
    memory = PlantMemory()

    def fail() -> House:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        memory.find(STAFF, Place(), "derated", fail)
    house = FakeHouse()
    found = memory.find(STAFF, Place(), "derated", lambda: cast(House, house))
    assert cast(Any, found.board)[0] is house


def test_one_works_it_out_and_the_others_wait() -> None:
    memory, made, go = PlantMemory(), [], threading.Event()

    def read() -> House:
        assert go.wait(10)
        made.append(1)
        return cast(House, FakeHouse())

    threads = [
        threading.Thread(target=memory.find, args=(STAFF, Place(), "derated", read))
        for _number in range(4)
    ]
    for one in threads:
        one.start()
    go.set()
    for one in threads:
        one.join(10)
    assert made == [1]
