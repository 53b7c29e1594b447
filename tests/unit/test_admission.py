"""A few requests at a time, in order of arrival, none held up by a slow one."""

import threading
import time

from dcim.http.admission import Gate


def test_no_more_than_the_width_are_inside() -> None:
    gate, inside, most = Gate(2, 60), [0], [0]
    count = threading.Lock()

    def pass_through() -> None:
        ticket = gate.enter()
        with count:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        time.sleep(0.005)
        with count:
            inside[0] -= 1
        gate.leave(ticket)

    run_all([threading.Thread(target=pass_through) for _ in range(20)])
    assert most[0] == 2


def test_first_come_first_served() -> None:
    gate = Gate(1, 60)
    held, order = gate.enter(), []

    def pass_through(number: int) -> None:
        ticket = gate.enter()
        order.append(number)
        gate.leave(ticket)

    waiting = [threading.Thread(target=pass_through, args=(number,)) for number in range(10)]
    for one in waiting:
        one.start()
        # Each stands in line before the next comes.
        while gate.waiting < waiting.index(one) + 1:
            time.sleep(0.001)
    gate.leave(held)
    for one in waiting:
        one.join(10)
    assert order == list(range(10))


def test_who_takes_longer_than_the_patience_holds_up_nobody() -> None:
    gate = Gate(1, 0.05)
    slow = gate.enter()
    began = time.monotonic()
    ticket = gate.enter()
    assert 0.03 < time.monotonic() - began < 5
    gate.leave(ticket)
    gate.leave(slow)
    gate.leave(gate.enter())


def test_with_patience_the_second_waits_for_the_first() -> None:
    """The control: without the passing of the patience nobody else comes in."""
    gate = Gate(1, 60)
    slow = gate.enter()
    passed = threading.Event()

    def pass_through() -> None:
        ticket = gate.enter()
        passed.set()
        gate.leave(ticket)

    other = threading.Thread(target=pass_through)
    other.start()
    assert not passed.wait(0.2)
    gate.leave(slow)
    assert passed.wait(10)
    other.join(10)


def run_all(threads: list[threading.Thread]) -> None:
    for one in threads:
        one.start()
    for one in threads:
        one.join(10)
