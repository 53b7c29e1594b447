"""Time zones by name."""

import pytest

from dcim.customers import calendar
from dcim.customers.calendar import is_zone


def test_zones_are_looked_up_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[None] = []

    def look_up() -> set[str]:
        asked.append(None)
        return {"Asia/Shanghai"}

    monkeypatch.setattr(calendar, "available_timezones", look_up)
    calendar._list_zones.cache_clear()
    found = [is_zone(name) for name in ("Asia/Shanghai", "Mars/Olympus", "")]
    calendar._list_zones.cache_clear()
    assert (found, len(asked)) == ([True, False, False], 1)
