"""The archive of raw samples: the same bytes each time, nobody else's data, the very same bins."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from dcim import statements
from dcim.metering.batch import Columns
from dcim.sla.rules.intervals import Intervals, union
from dcim.sla.usage import bandwidth_rows, clip_deltas
from dcim.statements import raw_samples
from dcim.statements.composition import compose, read_inputs
from dcim.statements.inputs import InputsRefusedError
from dcim.statements.raw_samples import INDEX, SampleArchive, SampleReader, SamplesRefusedError
from dcim.statements.rebinning import rebin
from tests.statements.examples import END, START, breached_inputs
from tests.statements.sampled import MOVED, raise_sample, rewrite, sampled_inputs

BIN = 300_000
SCHEMA = Path(statements.__file__ or "").with_name("statement.schema.json")
FIRST, SECOND = "traffic/BW-A05/0001.csv", "traffic/BW-A05/0002.csv"


@pytest.fixture(scope="module")
def made() -> tuple[dict[str, object], bytes]:
    return sampled_inputs()


def columns_of(rows: list[tuple[int, int, int, int]]) -> Columns:
    matrix = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    zero = np.zeros(matrix.shape[1], dtype=np.int64)
    values = {"in_octets": matrix[2], "out_octets": matrix[3]}
    return Columns(matrix[0], matrix[1], zero, values | {"in_errors": zero, "out_errors": zero})


def pack(columns: Columns, spans: Intervals) -> io.BytesIO:
    file = io.BytesIO()
    archive = SampleArchive(file)
    archive.add_traffic("BW/1", "sw/ge1", spans, clip_deltas(columns, spans))
    archive.close()
    return file


samples = st.lists(
    st.tuples(st.integers(1, 900_000), st.integers(-1, 10**13), st.integers(0, 10**13)),
    min_size=1,
    max_size=20,
)
memberships = st.lists(
    st.tuples(st.integers(0, 9_000_000), st.integers(0, 9_000_000)), max_size=4
).map(union)


@given(samples, memberships)
def test_what_is_read_back_makes_the_very_same_bins(
    steps: list[tuple[int, int, int]], spans: Intervals
) -> None:
    """Whatever gaps, edges and changes of hands; and nothing outside them is in the archive."""
    at, rows = 10**12, []
    spans = [(low + 10**12, high + 10**12) for low, high in spans]
    for span, inward, outward in steps:
        at += span
        rows.append((at, span, inward, outward))
    columns = columns_of(rows)
    [(read, told)] = SampleReader(pack(columns, spans)).traffic("BW/1")
    assert told == spans
    low, high = 10**12 // BIN * BIN, at + BIN
    assert bandwidth_rows([(read, told)], low, high, BIN) == bandwidth_rows(
        [(columns, spans)], low, high, BIN
    )
    assert not foreign(read, spans)


def foreign(columns: Columns, spans: Intervals) -> list[int]:
    """Samples that tell of time outside the spans, by their instant."""
    return [
        end
        for end, span in zip(columns.ts.tolist(), columns.span_ms.tolist(), strict=True)
        if not any(low <= end - span and end <= high for low, high in spans)
    ]


def test_a_port_that_changed_hands_shows_nobody_else() -> None:
    columns = columns_of([(at, 60_000, at // 7, at // 5) for at in range(60_000, 10**6, 60_000)])
    mine: Intervals = [(90_000, 400_001)]
    [(read, _)] = SampleReader(pack(columns, mine)).traffic("BW/1")
    assert foreign(read, mine) == []
    assert int(read.span_ms.sum()) == 400_001 - 90_000
    assert foreign(columns, mine)  # control: unclipped, the neighbours' samples would stand there


def test_the_same_samples_are_the_same_bytes_at_any_time() -> None:
    with time_machine.travel("2026-11-01T01:00:00Z"):
        first = sampled_inputs()[1]
    with time_machine.travel("2031-02-03T04:05:07Z"):
        again = sampled_inputs()[1]
    assert first == again
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}


def test_bins_are_computed_anew_and_all_agree(made: tuple[dict[str, object], bytes]) -> None:
    inputs, archive = made
    statement = compose(inputs)
    assert compose(read_inputs(statement.attachments)).data == statement.data
    found = rebin(read_inputs(statement.attachments), SampleReader(io.BytesIO(archive)))
    assert found.wrong == ()
    bins = [*statement.data["usage"], *statement.data["power"]]
    assert len(bins) == 3
    # 31 days of five-minute bins but for the one in the gap, and 744 hours a feed.
    assert found.bins == 8928 - 1 + 2 * 744


def test_the_manifest_names_it_and_it_is_not_attached(
    made: tuple[dict[str, object], bytes],
) -> None:
    inputs, archive = made
    statement = compose(inputs)
    named = [entry for entry in statement.data["manifest"] if entry.get("external")]
    assert [(one["name"], one["bytes"]) for one in named] == [("SLA-1.samples.zip", len(archive))]
    assert named[0]["name"] not in {file.name for file in statement.attachments}
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(statement.data)
    without = compose({key: value for key, value in inputs.items() if key != "evidence"}).data
    assert not [entry for entry in without["manifest"] if "external" in entry]


@pytest.mark.parametrize(
    "odd",
    [
        {"name": "x", "bytes": 1},
        {"name": "x", "bytes": "1", "sha256": "0" * 64},
        {"name": "x", "bytes": 1, "sha256": "no"},
        {"name": 7, "bytes": 1, "sha256": "0" * 64},
    ],
)
def test_what_says_less_of_it_is_refused(odd: dict[str, object]) -> None:
    with pytest.raises(InputsRefusedError, match="evidence"):
        compose({**breached_inputs("en"), "evidence": odd})


def test_one_octet_more_names_the_bin(made: tuple[dict[str, object], bytes]) -> None:
    inputs, archive = made
    # The second sample of the month lies in the bin that begins with it; MOVED's lies in two.
    for name, line, column, minute in ((FIRST, 2, 2, 0), (SECOND, 1, 3, 14 * 1440)):
        changed = rewrite(archive, name, raise_sample(line, column, 1))
        found = rebin(inputs, SampleReader(io.BytesIO(changed)))
        [wrong] = found.wrong
        day = 1 + minute // 1440
        start = f"2026-{'09-30' if day == 1 else f'10-{day - 1:02d}'} 16:00–16:05 UTC"
        assert wrong.place["en"] == f"Bandwidth of the 10G port {start}"
        assert wrong.place["zh"] == f"10G 端口带宽 {start}"
        stated, computed = (
            [int(word) for word in text["en"].split() if word.isdigit()]
            for text in (wrong.stated, wrong.computed)
        )
        by = [new - old for old, new in zip(stated, computed, strict=True)]
        assert by == [int(column == 2), int(column == 3), 0]


def test_a_reading_of_power_names_the_hour(made: tuple[dict[str, object], bytes]) -> None:
    inputs, archive = made
    changed = rewrite(archive, "power/A05-B.csv", raise_sample(61, 1, 5_000_000))
    [wrong] = rebin(inputs, SampleReader(io.BytesIO(changed))).wrong
    assert wrong.place["en"] == "Cabinet A05, feed B 2026-09-30 17:00–18:00 UTC"
    assert "mWh" in wrong.computed["en"]
    assert "毫瓦时" in wrong.computed["zh"]


def test_what_is_missing_or_added_shows_as_bins(made: tuple[dict[str, object], bytes]) -> None:
    inputs, archive = made
    empty = rewrite(archive, "power/A05-A.csv", lambda content: content.split(b"\n")[0] + b"\n")
    found = rebin(inputs, SampleReader(io.BytesIO(empty)))
    assert len(found.wrong) == 744
    assert found.wrong[0].computed == {"zh": "没有这一计费点", "en": "no such bin"}


def test_the_archive_cannot_say_when_a_service_ran(
    made: tuple[dict[str, object], bytes],
) -> None:
    """Spans in the archive say when a port was the service's, never more than the terms do."""
    inputs, archive = made

    def widen(content: bytes) -> bytes:
        index = json.loads(content)
        index["traffic"][0]["members"][1]["spans"] = [[MOVED, END + 86_400_000]]
        return json.dumps(index).encode()

    found = rebin(inputs, SampleReader(io.BytesIO(rewrite(archive, INDEX, widen))))
    assert found.wrong == ()
    assert START < MOVED < END


def doubled(archive: bytes) -> bytes:
    file = io.BytesIO(archive)
    with zipfile.ZipFile(file, "a") as more, pytest.warns(UserWarning, match="Duplicate"):
        more.writestr(FIRST, b"")
    return file.getvalue()


def added(archive: bytes) -> bytes:
    file = io.BytesIO(archive)
    with zipfile.ZipFile(file, "a") as more:
        more.writestr("more.csv", b"")
    return file.getvalue()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _: b"hello", "no readable ZIP"),
        (lambda whole: whole[: len(whole) // 2], "no readable ZIP"),
        (doubled, "twice"),
        (added, "does not name the files"),
        (lambda whole: rewrite(whole, INDEX, lambda _: b"{}"), "expected form"),
        (lambda whole: rewrite(whole, INDEX, lambda _: b'{"schema": "x"}'), "not jifang.samples/1"),
        (lambda whole: rewrite(whole, FIRST, lambda _: b"a,b\n1,2\n"), "heading"),
        (lambda whole: rewrite(whole, FIRST, lambda old: old + b"1,2,3\n"), FIRST),
        (lambda whole: rewrite(whole, FIRST, lambda old: old + b"1,2,3,4\n"), "order of time"),
        (lambda whole: rewrite(whole, FIRST, lambda old: old + b"9" * 30 + b",1,1,1\n"), FIRST),
    ],
)
def test_odd_archives_are_refused(
    made: tuple[dict[str, object], bytes], change: Callable[[bytes], bytes], words: str
) -> None:
    inputs, archive = made
    with pytest.raises(SamplesRefusedError, match=words):
        rebin(inputs, SampleReader(io.BytesIO(change(archive))))


def test_a_file_that_unpacks_to_too_much_is_refused(
    made: tuple[dict[str, object], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, archive = made
    monkeypatch.setattr(raw_samples, "FILE_LIMIT", 100_000)
    with pytest.raises(SamplesRefusedError, match="too large"):
        rebin(inputs, SampleReader(io.BytesIO(archive)))
