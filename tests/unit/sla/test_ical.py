"""A calendar as text: folded, escaped, in UTC, the same bytes each time."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.sla.ical import Calendar, Event, escape_text, fold_line, write_calendar
from tests.unit.sla.ical_reading import read_ical

NOON = dt.datetime(2026, 11, 26, 12, 0, 7, tzinfo=dt.timezone(dt.timedelta(hours=8)))


def event(**given_: object) -> Event:
    fields: dict[str, object] = {
        "uid": "maintenance-1@portal.example",
        "starts_at": NOON,
        "ends_at": NOON + dt.timedelta(hours=2),
        "changed_at": NOON - dt.timedelta(days=3),
        "sequence": 0,
        "status": "CONFIRMED",
        "category": "Maintenance",
        "summary": "x",
        "description": "y",
        "url": "https://portal.example/portal/maintenance/1",
    }
    return Event(**(fields | given_))  # type: ignore[arg-type]


def written(*events: Event) -> bytes:
    return write_calendar(Calendar("机房", "zh", events))


def test_times_are_utc_and_an_open_end_is_none() -> None:
    closed, still = read_ical(written(event(), event(uid="b", ends_at=None))).events
    assert closed["DTSTART"] == "20261126T040007Z"
    assert closed["DTEND"] == "20261126T060007Z"
    assert closed["DTSTAMP"] == closed["LAST-MODIFIED"] == "20261123T040007Z"
    assert "DTEND" not in still
    assert written(event()) == written(event())


def test_hostile_words_begin_no_property() -> None:
    hostile = "a\r\nEND:VEVENT\nATTACH:file:///etc/passwd\x0b\x00; b, c\\n \u2028d"
    (read,) = read_ical(written(event(summary=hostile, description=hostile))).events
    assert set(read) == set(read_ical(written(event())).events[0])
    assert read["SUMMARY"] == "a\nEND:VEVENT\nATTACH:file:///etc/passwd; b, c\\n \nd"


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_comes_back(summary: str, description: str) -> None:
    summary = summary.encode("utf-8", "replace").decode()
    description = description.encode("utf-8", "replace").decode()
    read = read_ical(written(event(summary="s" + summary, description=description))).events[0]
    assert escape_text(read["SUMMARY"]) == escape_text("s" + summary)
    assert escape_text(read["DESCRIPTION"]) == escape_text(description)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=400))
def test_a_folded_line_unfolds(text: str) -> None:
    folded = fold_line(text)
    assert all(len(line) <= 75 for line in folded.split(b"\r\n"))
    assert folded.replace(b"\r\n ", b"") == text.encode() + b"\r\n"


def test_the_reader_is_strict() -> None:
    """The control: what the writer takes care of, the reader refuses."""
    good = written(event(summary="维护" * 40))
    for bad in (
        good.replace(b"\r\n ", b""),  # not folded
        good.replace(b"\r\n", b"\n"),
        good.replace(b"SUMMARY:", b"SUMMARY:a;b"),
        good.replace(b"DTSTART:20261126T040007Z", b"DTSTART:20261126T040007"),
        good.replace(b"UID:maintenance-1@portal.example\r\n", b""),
        good.replace(b"DTEND:20261126", b"DTEND:20261125"),
    ):
        assert bad != good
        with pytest.raises(AssertionError):
            read_ical(bad)
