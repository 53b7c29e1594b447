"""When a capacity runs out, as a flat row for files and the API."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from dcim.sla.rules.runout import RunOut


@dataclass(frozen=True, slots=True)
class RunOutRow:
    """`state`: too_little, reached, within or beyond; `days` were measured. Dates are a 90 %
    interval around `likely`, none where that isn't within 24 months."""

    state: str
    days: int
    earliest: dt.date | None
    likely: dt.date | None
    latest: dt.date | None


def describe_run_outs(found: Sequence[RunOut]) -> tuple[RunOutRow | None, RunOutRow | None]:
    """Of 80 % and of all of a capacity; none where there is none to speak of."""
    if not found:
        return None, None
    most, whole = (
        RunOutRow(one.state, one.days, one.earliest, one.likely, one.latest) for one in found
    )
    return most, whole
