"""What a meter shows that tells its phases apart."""

from dcim.metering.families import DAY_MS, NOT_REPORTED
from dcim.metering.store import Latest
from dcim.power.metering import add_phases

NOW = 1_795_000_000_000


def phase(ts: int, ma: int, mv: int = 230_000) -> Latest:
    return Latest(ts, 0, 0, {"mv": mv, "ma": ma, "mw": ma * 230, "wh": NOT_REPORTED})


def test_phases_of_one_poll_are_added_up() -> None:
    shown = add_phases([phase(NOW, 1000), phase(NOW, 2000, 231_000), phase(NOW, 3000)])
    assert shown is not None
    assert (shown.ts, shown.mv, shown.ma, shown.mw) == (NOW, 231_000, 6000, 1_380_000)
    assert add_phases([]) is None


def test_two_phases_of_three_are_no_sum() -> None:
    told = [phase(NOW, 1000), phase(NOW, NOT_REPORTED)]
    shown = add_phases(told)
    assert shown is not None
    assert (shown.mv, shown.ma) == (230_000, None)
    silent = add_phases([phase(NOW, 1000), phase(NOW, 2000), phase(NOW - 60_000, 3000)])
    assert silent is not None
    assert (silent.ts, silent.mv, silent.ma, silent.mw) == (NOW, 230_000, None, None)
    # What a meter had before it was set up otherwise is no phase of it.
    former = add_phases([phase(NOW, 1000), phase(NOW, 2000), phase(NOW - DAY_MS, 3000)])
    assert former is not None
    assert former.ma == 3000
