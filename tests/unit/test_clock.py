"""What is due when a clock begins to lead."""

from datetime import UTC, datetime

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from dcim import clock


class Paused(BackgroundScheduler):  # type: ignore[misc]
    """Notes what it would run, and runs nothing."""

    jobs: list[tuple[str, object, datetime]]

    def start(self) -> None:
        super().start(paused=True)
        Paused.jobs = [(job.name, job.trigger, job.next_run_time) for job in self.get_jobs()]


def test_what_is_struck_at_once_keeps_its_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "BackgroundScheduler", Paused)
    chimes = [
        clock.Chime("slow", clock.every(900), lambda session: None, at_once=True),
        clock.Chime("other", clock.every(300), lambda session: None),
    ]
    leader = clock.Clock("postgresql+psycopg://nobody@localhost/none", chimes)
    leader.stop()
    before = datetime.now(UTC)
    leader._lead()
    at = {"slow": 0, "other": 0}
    for name, trigger, first in Paused.jobs:
        at[name] += abs((first - before).total_seconds()) < 5
        if isinstance(trigger, IntervalTrigger):
            following = trigger.get_next_fire_time(first, first)
            assert following.timestamp() % trigger.interval_length == 0
    # The control may come due at this very moment.
    assert at["slow"] >= 1
