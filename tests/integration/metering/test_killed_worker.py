"""The drill `kill-worker` notices a poll that was acknowledged and isn't there."""

from random import Random

import pytest

from tests.drills import kill_worker

# The second poll of the process is acknowledged without its frame, but with what it starts from.
LOSE_A_FRAME = """
from dcim.metering import store
def lose(session, frames, write=store.write_frames, seen=[]):
    seen.append(frames)
    if len(seen) != 2:
        write(session, frames)
store.write_frames = lose
"""


def test_the_drill_notices_a_lost_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kill_worker, "POLLER", LOSE_A_FRAME + kill_worker.POLLER)
    outcome = kill_worker.run(Random(3), 1, print)
    assert not outcome.passed
    figures = dict(outcome.figures)
    polls = int(figures["Polls acknowledged before a kill"])
    unsaid = int(figures["Polls committed, but killed before they said so"])
    assert polls >= 2
    assert unsaid <= 0
