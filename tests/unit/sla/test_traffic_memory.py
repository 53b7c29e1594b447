"""What ports carried together: worked out by one look after each round, for all the others too."""

import threading

import pytest

from dcim.sla import traffic_months
from dcim.sla.traffic_months import KEPT, Carried, TrafficMemory
from dcim.sla.traffic_rounds import BEAT_S


class Reader:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> dict[int, Carried]:
        self.count += 1
        return {1: Carried(members=self.count)}


def test_it_is_read_again_after_a_round_and_never_older_than_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(traffic_months, "monotonic", lambda: now[0])
    memory, read = TrafficMemory(), Reader()

    def look(stamp: int) -> int:
        return memory.find("customer", stamp, read)[1].members

    assert [look(1), look(1), look(2), look(2)] == [1, 1, 2, 2]
    now[0] += BEAT_S - 0.1
    assert look(2) == 2
    now[0] += 0.2
    assert look(2) == 3


def test_who_looks_while_another_works_it_out_is_shown_what_was_before() -> None:
    memory, before = TrafficMemory(), {1: Carried(members=1)}
    begun, done = threading.Event(), threading.Event()

    def work() -> dict[int, Carried]:
        begun.set()
        assert done.wait(60)
        return {1: Carried(members=2)}

    memory.find("customer", 1, lambda: before)
    other = threading.Thread(target=memory.find, args=("customer", 2, work))
    other.start()
    assert begun.wait(60)
    assert memory.find("customer", 2, lambda: pytest.fail("read twice")) is before
    done.set()
    other.join(60)
    assert memory.find("customer", 2, lambda: pytest.fail("read twice"))[1].members == 2


def test_of_the_first_look_all_wait_and_one_reads() -> None:
    memory, read, gate = TrafficMemory(), Reader(), threading.Barrier(4)
    found = []

    def look() -> None:
        gate.wait(60)
        found.append(memory.find("customer", 1, read)[1].members)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert (found, read.count) == ([1, 1, 1, 1], 1)


def test_what_fails_is_tried_again() -> None:
    memory, read = TrafficMemory(), Reader()

    def fail() -> dict[int, Carried]:
        raise ValueError("the bins of a day are damaged")

    with pytest.raises(ValueError, match="damaged"):
        memory.find("customer", 1, fail)
    assert memory.find("customer", 1, read)[1].members == 1


def test_not_of_any_number_of_months() -> None:
    memory, read = TrafficMemory(), Reader()
    for month in range(KEPT + 1):
        memory.find(month, 1, read)
    memory.find(0, 1, read)
    assert read.count == KEPT + 2
