"""How often an endpoint is written to: a token bucket that is one instant in its row; pure.

An endpoint is ready from `ready_at` on. Each message moves that on by `every`; what was saved up
while nothing was sent is `burst` messages at most. So any window holds `burst` messages and one
more for each `every` in it.
"""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    burst: int
    every: dt.timedelta


# DingTalk and WeCom take 20 messages a minute of a robot: 5 and 15 more. Feishu takes 100 a minute
# and 5 a second: 4 and 85 more, or one more (sources: `robots/`). Others are held back by nobody.
PACES = {
    "dingtalk": Pace(5, dt.timedelta(seconds=4)),
    "wecom": Pace(5, dt.timedelta(seconds=4)),
    "feishu": Pace(4, dt.timedelta(milliseconds=700)),
}


def book(pace: Pace, ready_at: dt.datetime | None, now: dt.datetime) -> dt.datetime:
    """When it is ready again after a message `now`, which is no earlier than `ready_at`."""
    earliest = now - (pace.burst - 1) * pace.every
    return (earliest if ready_at is None else max(ready_at, earliest)) + pace.every
