"""What stretch of time a chart shows: its name in the URL, and the links to the others."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from flask import request, url_for

from dcim.i18n import gettext as _
from dcim.web.charts import Window, choose_window
from dcim.web.local_times import local_zone

WINDOWS = ("24h", "7d", "month")


def read_window(now: dt.datetime) -> Window:
    local = now.astimezone(local_zone())
    month = dt.datetime(local.year, local.month, 1, tzinfo=local_zone())
    return choose_window(request.args.get("window", ""), to_ms(now), to_ms(month))


def window_links(
    window: Window, endpoint: str, names: Sequence[str] = WINDOWS, /, **values: Any
) -> list[tuple[str, str, bool]]:
    words = {
        "24h": _("24 hours"),
        "7d": _("7 days"),
        "30d": _("30 days"),
        "month": _("This month"),
    }
    return [
        (words[name], url_for(endpoint, window=name, **values), name == window.name)
        for name in names
    ]


def to_ms(instant: dt.datetime) -> int:
    return round(instant.timestamp() * 1000)
