"""Times as people type and read them: by the wall clock of the reader's zone."""

import datetime as dt
from zoneinfo import ZoneInfo

from flask import current_app
from flask_babel import lazy_gettext as _l
from wtforms import DateTimeLocalField, Form, ValidationError

from dcim.columns import utc_now
from dcim.i18n import choose_zone

# What a person can mean; beyond it a slip of the finger overflows when it is turned into UTC.
YEARS = range(2000, 2100)


def local_zone() -> ZoneInfo:
    return ZoneInfo(choose_zone())


def house_today() -> dt.date:
    """The day where the house is, whoever reads: who comes by comes on that day."""
    return utc_now().astimezone(ZoneInfo(current_app.config["BABEL_DEFAULT_TIMEZONE"])).date()


def begin_of(day: dt.date | None) -> dt.datetime | None:
    """When the day begins where the reader is."""
    return None if day is None else dt.datetime.combine(day, dt.time(), local_zone())


def to_local(instant: dt.datetime | None) -> dt.datetime | None:
    """As a person writes it; the way back is `to_instant`."""
    return None if instant is None else instant.astimezone(local_zone()).replace(tzinfo=None)


def to_instant(local: dt.datetime | None) -> dt.datetime | None:
    """What a person wrote, in UTC: Python takes times of one zone apart by the wall clock, which
    is an hour wrong where the clock was changed between. Of an hour that comes twice, the first."""
    return None if local is None else local.replace(tzinfo=local_zone()).astimezone(dt.UTC)


def read_local(text: str) -> dt.datetime:
    """What a browser's datetime-local sends. Raises ValueError for anything else, and beyond
    `YEARS`."""
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is not None or moment.year not in YEARS:
        raise ValueError(text)
    return moment


class LocalTimeField(DateTimeLocalField):  # type: ignore[misc]
    """A local time within `YEARS`, whatever else its form asks of it."""

    def pre_validate(self, form: Form) -> None:
        if self.data is not None and self.data.year not in YEARS:
            raise ValidationError(_l("Choose a time between 2000 and 2100."))
