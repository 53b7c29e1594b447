"""Instants of a facts file: what is read, and what a change of clocks makes of it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.sla.rules.files.moments import read_moment
from dcim.sla.rules.periods import parse_instant
from tests.examples import examples


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2025-10-26 02:30", "comes twice"),
        ("2025-03-30 02:30", "does not exist"),
        ("2025-10-26", "lacks the time of day"),
        ("2025-02-30 10:00", "no instant"),
        ("2025-10-09 24:30", "no instant"),
        ("2025-10-09 10:00+29:00", "no place on earth"),
        ("09.10.2025 10:00", "no instant such as"),
    ],
)
def test_instants_that_are_none(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_moment(text, "Europe/Berlin")


def test_a_repeated_hour_is_told_by_its_offset() -> None:
    early = read_moment("2025-10-26T02:30:00+02:00", "Europe/Berlin")
    late = read_moment("2025-10-26T02:30:00+01:00", "Europe/Berlin")
    assert late - early == 3_600_000
    assert read_moment("2025-10-26 24:00", "Europe/Berlin") == read_moment(
        "2025-10-27 00:00", "Europe/Berlin"
    )
    assert read_moment("2025-10-26 00:00:00.25", "UTC") % 1000 == 250


@given(
    st.integers(parse_instant("2024-01-01T00:00:00Z"), parse_instant("2027-01-01T00:00:00Z")),
    st.sampled_from(["Europe/Berlin", "Asia/Shanghai", "America/New_York", "Asia/Kathmandu"]),
)
@settings(max_examples=examples(200))
def test_every_instant_is_read_back_from_how_its_zone_writes_it(ms: int, zone: str) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    local = moment.astimezone(ZoneInfo(zone))
    assert read_moment(local.isoformat(" ", "milliseconds"), zone) == ms
    assert read_moment(moment.isoformat().replace("+00:00", "Z")[:23].rstrip("Z") + "Z", zone) == ms
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    bare = local.replace(tzinfo=None).isoformat(" ", "milliseconds")
    if twice:
        with pytest.raises(ValueError, match="comes twice"):
            read_moment(bare, zone)
    else:
        assert read_moment(bare, zone) == ms
