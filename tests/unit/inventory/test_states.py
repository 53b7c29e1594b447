"""The state of each half unit and of the rack, from the rows of the layers."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from dcim.inventory.space.states import UnitState, find_states, sum_up


@dataclass(frozen=True)
class Thing:
    u_low: int | None
    height: int
    face: str = "full"
    side: str = "full"
    kind: str = "blocked"


def test_the_strongest_layer_tells() -> None:
    states = find_states(
        4,
        installed=[Thing(2, 2), Thing(None, 0)],
        barred=[Thing(6, 1), Thing(7, 1, kind="absent")],
        allocations=[Thing(2, 4)],
        holds=[Thing(0, 1)],
    )
    assert [state.value for state in states] == [
        "held", "free", "occupied", "occupied", "allocated", "allocated", "blocked", "absent",
    ]  # fmt: skip
    summary = sum_up(states)
    assert summary.state is UnitState.OCCUPIED
    assert summary.half_units[UnitState.ALLOCATED] == 2


def test_seen_from_the_rear_a_shallow_device_is_not_there() -> None:
    front = [Thing(0, 2, face="front")]
    assert set(find_states(1, installed=front)) == {UnitState.OCCUPIED}
    assert set(find_states(1, installed=front, face="rear")) == {UnitState.FREE}


def test_a_rack_is_told_by_what_tells_the_most() -> None:
    assert sum_up(find_states(2)).state is UnitState.FREE
    assert sum_up(find_states(2, holds=[Thing(0, 1)])).state is UnitState.HELD
    assert sum_up(find_states(2, allocations=[Thing(0, 1)])).state is UnitState.ALLOCATED
    assert sum_up(find_states(2, barred=[Thing(0, 4)])).state is UnitState.BLOCKED
    assert sum_up(find_states(2, barred=[Thing(0, 4, kind="absent")])).state is UnitState.ABSENT
    assert sum_up(find_states(2, barred=[Thing(0, 3)])).state is UnitState.FREE


layers = st.lists(st.builds(Thing, st.integers(0, 18), st.integers(1, 6)), max_size=6)


@given(layers, layers, layers, layers)
def test_every_half_unit_is_in_exactly_one_state(
    installed: list[Thing], barred: list[Thing], sold: list[Thing], held: list[Thing]
) -> None:
    states = find_states(10, installed=installed, barred=barred, allocations=sold, holds=held)
    assert len(states) == 20
    assert sum(sum_up(states).half_units.values()) == 20
