"""The press ends its processes before what they remember of texts adds up."""

import os

import pytest

from dcim.statements import press as module
from dcim.statements.attachments import read_inputs
from dcim.statements.composition import compose
from dcim.statements.files import pack_inputs
from dcim.statements.press import open_press
from tests.statements.examples import small_inputs


def drawn_by(monkeypatch: pytest.MonkeyPatch, each: int, statements: int) -> list[int]:
    """Which process was there after each statement."""
    monkeypatch.setattr(module, "STATEMENTS_EACH", each)
    composed = compose(small_inputs("zh"))
    packed, _sha256 = pack_inputs(read_inputs(composed.attachments))
    pids = []
    with open_press(1) as press:
        for _ in range(statements):
            assert press.print(composed.data, packed).result(120).startswith(b"%PDF")
            pids += list(press._pool._processes)
    return pids


def test_a_process_draws_so_many_and_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = drawn_by(monkeypatch, 2, 3)
    assert first == second
    assert second != third
    # It ended by itself, or is ending: nothing waits for it.
    assert third != os.getpid()


def test_without_the_bound_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    assert len(set(drawn_by(monkeypatch, 50, 3))) == 1


def test_what_was_given_to_the_old_processes_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STATEMENTS_EACH", 2)
    composed = compose(small_inputs("zh"))
    packed, _sha256 = pack_inputs(read_inputs(composed.attachments))
    with open_press(1) as press:
        waiting = [press.print(composed.data, packed) for _ in range(5)]
        assert len({one.result(120) for one in waiting}) == 1
