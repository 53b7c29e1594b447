"""Workers share the connections: the busier one lets go of some and leaves new ones to others."""

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from dcim.http.worker import LEFT_MS, REQUESTS, EvenWorker


@pytest.fixture
def two() -> Iterator[tuple[EvenWorker, EvenWorker]]:
    pair = (make_worker(1), make_worker(2))
    yield pair
    REQUESTS[0] = REQUESTS[1] = 0


def make_worker(age: int, workers: int = 2) -> EvenWorker:
    made = object.__new__(EvenWorker)
    made.age = age
    made.cfg = SimpleNamespace(workers=workers, threads=8)
    made.worker_connections = 1000
    made.take_slot()
    return made


def test_the_busier_closes_connections(two: tuple[EvenWorker, EvenWorker]) -> None:
    one, other = two
    assert one.max_keepalived == 992
    for _ in range(2):
        one.count(1)
    assert one.max_keepalived == 0
    assert other.max_keepalived == 992
    other.count(1)
    assert one.max_keepalived == 992


def test_a_worker_alone_keeps_them() -> None:
    alone = make_worker(1, workers=1)
    for _ in range(20):
        alone.count(1)
    assert alone.max_keepalived == 992
    REQUESTS[0] = 0


def test_a_new_worker_takes_the_place_of_the_one_before(
    two: tuple[EvenWorker, EvenWorker],
) -> None:
    one, other = two
    one.count(1)
    one.count(1)
    later = make_worker(3)
    # Killed with two requests, it would count as busy for ever.
    assert REQUESTS[0] == 0
    other.count(1)
    assert later.max_keepalived == other.max_keepalived == 992


def test_new_connections_are_left_to_the_idler_for_a_while(
    two: tuple[EvenWorker, EvenWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    accepted: list[EvenWorker] = []
    monkeypatch.setattr(ThreadWorker, "accept", lambda self, _listener: accepted.append(self))
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    one.count(1)
    one.count(1)
    for _ in range(LEFT_MS):
        one.accept(None)
    assert accepted == []
    one.accept(None)
    # Nobody else came for it.
    assert accepted == [one]
    other.accept(None)
    assert accepted == [one, other]
