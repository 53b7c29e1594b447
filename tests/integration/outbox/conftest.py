"""Lanes that idle look again soon: what they wait for here takes no time."""

import pytest

from dcim.outbox import delivering

IDLE_S = delivering.IDLE_S


@pytest.fixture(autouse=True)
def _quick_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "IDLE_S", 0.02)


@pytest.fixture
def usual_lanes(monkeypatch: pytest.MonkeyPatch, _quick_lanes: None) -> None:
    """As in earnest, so that two seldom meet at an endpoint that is ready again: the message of the
    one that comes second is then passed by the other's."""
    monkeypatch.setattr(delivering, "IDLE_S", IDLE_S)
