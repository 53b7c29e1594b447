"""Polls on disk: every outcome comes back as it was, and no file there stops the polling."""

import errno
import json
import os
import zlib
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import errors
from sqlalchemy.exc import IntegrityError, OperationalError

from dcim.snmp.counting.port_table import Item, PortTable
from dcim.snmp.polling.keeping import OutcomeKeeper
from dcim.snmp.polling.outcome_codec import Batch, DamagedSpoolError, decode, encode
from dcim.snmp.polling.port_poll import PortPoll
from dcim.snmp.polling.recording import Outcome
from dcim.snmp.polling.spool import Spool, SpoolFullError
from dcim.snmp.reading.probe import ProbeResult
from dcim.snmp.reading.readings import Reading

NUMBERS = st.integers(-(2**63), 2**63 - 1)
COUNTS = st.integers(0, 2**53)
# Agents' texts are hostile: NUL, lone surrogates, anything.
TEXTS = st.text(st.characters(codec=None), max_size=12)


@st.composite
def polls(draw: st.DrawFn) -> PortPoll:
    names = tuple(draw(st.lists(TEXTS, max_size=5, unique=True)))
    rows = st.lists(NUMBERS, min_size=len(names), max_size=len(names))
    matrix = np.array([draw(rows) for _ in Item], dtype=np.int64).reshape(len(Item), len(names))
    index, status = (np.array(draw(rows), dtype=np.int64) for _ in range(2))
    return PortPoll(PortTable(names, draw(TEXTS), matrix), index, status)


READINGS = st.builds(
    Reading,
    kind=TEXTS,
    oid=st.lists(st.integers(0, 2**32 - 1), max_size=6).map(tuple),
    label=TEXTS,
    value=st.decimals(allow_nan=False, allow_infinity=False),
    unit=TEXTS,
    place=TEXTS,
)
IDENTITIES = st.builds(
    ProbeResult,
    TEXTS,
    TEXTS,
    TEXTS,
    TEXTS,
    ports=st.just([]),
    readings=st.just([]),
    uptime_ticks=st.none() | COUNTS,
)
OUTCOMES = st.builds(
    Outcome,
    agent_id=COUNTS,
    device_id=COUNTS,
    at_ms=COUNTS,
    ports=st.none() | polls(),
    readings=st.lists(READINGS, max_size=3),
    aliases=st.dictionaries(TEXTS, TEXTS, max_size=3),
    identity=st.none() | IDENTITIES,
    error=TEXTS,
    duration_ms=COUNTS,
    drops=st.dictionaries(TEXTS, COUNTS, max_size=3),
    strays=st.dictionaries(TEXTS, COUNTS, max_size=3),
)
BATCHES = st.builds(Batch, COUNTS, st.lists(OUTCOMES, max_size=4).map(tuple))


def plain(outcome: Outcome) -> tuple[Any, ...]:
    poll = outcome.ports
    ports = poll and (
        poll.table.names,
        poll.table.clock,
        poll.table.matrix.shape,
        poll.table.matrix.tolist(),
        poll.if_index.tolist(),
        poll.oper_status.tolist(),
    )
    readings = [(repr(each), str(each.value)) for each in outcome.readings]
    return repr(replace(outcome, ports=None, readings=())), readings, ports


def an_outcome(at_ms: int = 1_000, agent_id: int = 1) -> Outcome:
    matrix = np.arange(len(Item) * 2, dtype=np.int64).reshape(len(Item), 2) - 1
    table = PortTable(("a", "b"), "boot", matrix)
    poll = PortPoll(table, np.array([1, 2]), np.array([1, -1]))
    reading = Reading("power", (1, 3), "in", Decimal("1.50"), "W", "input")
    return Outcome(agent_id, 7, at_ms, ports=poll, readings=[reading], aliases={"a": "C1"})


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", 10**6)


@settings(max_examples=300)
@given(BATCHES)
def test_every_outcome_comes_back_as_it_was(batch: Batch) -> None:
    found = decode(encode(batch))
    assert found.shard == batch.shard
    assert [plain(each) for each in found.outcomes] == [plain(each) for each in batch.outcomes]


def test_a_file_of_before_drops_were_counted_is_read() -> None:
    """The words of the version before; the same octets must be readable for good."""
    words = {"shard": 3, "outcomes": [{"agent": 1, "device": 7, "at": 1_000, "took": 12}]}
    text = json.dumps(words, separators=(",", ":")).encode()
    body = zlib.compress(len(text).to_bytes(4, "big") + text, 1)
    found = decode(b"JFPOLLS\x01" + sha256(body).digest() + body)
    assert found == Batch(3, (Outcome(1, 7, 1_000, duration_ms=12, aliases={}, readings=[]),))


@given(st.data())
def test_a_changed_bit_is_noticed_and_a_cut_too(data: st.DataObject) -> None:
    octets = bytearray(encode(Batch(3, (an_outcome(),))))
    place = data.draw(st.integers(0, len(octets) - 1))
    with pytest.raises(DamagedSpoolError):
        decode(bytes(octets[:place]))
    octets[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(DamagedSpoolError):
        decode(bytes(octets))


@given(st.binary(max_size=60), st.booleans())
def test_foreign_octets_raise_nothing_else(foreign: bytes, deflated: bool) -> None:
    """With the right magic and SHA-256 as well: as a program of another version would write."""
    body = zlib.compress(len(foreign).to_bytes(4, "big") + foreign) if deflated else foreign
    for octets in (foreign, encode(Batch(0, ()))[:8] + sha256(body).digest() + body):
        with pytest.raises(DamagedSpoolError):
            decode(octets)


def test_files_wait_in_the_order_of_time_by_shard(spool: Spool) -> None:
    assert spool.waiting() == []
    for shard, at_ms in ((1, 3_000), (2, 500), (1, 200), (1, 1_000_000)):
        spool.put(shard, [an_outcome(at_ms)])
    found = [spool.open(path) for path in spool.waiting(1)]
    assert [batch.outcomes[0].at_ms for batch in found if batch] == [200, 3_000, 1_000_000]
    assert spool.shards() == [1, 2]
    assert len(spool.waiting()) == 4
    summary = spool.summary()
    assert (summary.files, summary.polls, summary.shards) == (4, 4, (1, 2))
    assert (summary.first_ms, summary.last_ms) == (200, 1_000_000)


def test_only_the_owner_may_read_a_file(spool: Spool) -> None:
    spool.put(1, [an_outcome()])
    [path] = spool.waiting()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_is_set_aside_and_blocks_nothing(spool: Spool) -> None:
    for at_ms in (1, 2, 3):
        spool.put(1, [an_outcome(at_ms)])
    first, second, third = spool.waiting()
    first.write_bytes(first.read_bytes()[:-1])
    second.rename(second.with_name(second.name.replace("-1-", "-9-", 1)))
    (spool.folder / "notes.txt").write_text("foreign")
    opened = [spool.open(path) for path in spool.waiting()]
    assert [batch is not None for batch in opened] == [False, False, True]
    assert spool.waiting() == [third]
    assert spool.summary().damaged == 2
    assert spool.open(first) is None, "gone is nothing"


def test_a_full_spool_keeps_what_it_has(spool: Spool) -> None:
    spool.put(1, [an_outcome(1)])
    [kept] = spool.waiting()
    spool.limit_octets = 2 * kept.stat().st_size - 1
    with pytest.raises(SpoolFullError, match="limit"):
        spool.put(1, [an_outcome(2)])
    assert spool.waiting() == [kept]
    spool.note_dropped(1, 100, "full")
    spool.note_dropped(1, 23, "full")
    assert spool.summary().dropped == 123


def test_a_full_disk_is_no_half_file(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    spool.put(1, [an_outcome(1)])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(SpoolFullError, match="No space"):
            spool.put(1, [an_outcome(2)])
    assert len(list(spool.folder.iterdir())) == 1


def test_what_a_killed_writer_left_is_no_batch_and_goes_in_time(spool: Spool) -> None:
    spool.put(1, [an_outcome()])
    [path] = spool.waiting()
    left = path.rename(path.with_name(path.name + ".unfinished"))
    assert spool.waiting() == []
    spool.sweep_out()
    assert left.exists(), "its writer may still be at it"
    os.utime(left, (1, 1))
    spool.sweep_out()
    assert not left.exists()


def test_a_shard_is_replayed_by_one_at_a_time(spool: Spool) -> None:
    spool.put(1, [an_outcome()])
    other = Spool(spool.folder, spool.limit_octets)
    with spool.replaying(1) as ours, other.replaying(1) as theirs, other.replaying(2) as another:
        assert (ours, theirs, another) == (True, False, True)
    with other.replaying(1) as theirs:
        assert theirs


def test_a_beat_of_a_shard_is_one_workers(spool: Spool) -> None:
    spool.put(1, [an_outcome()])
    other = Spool(spool.folder, spool.limit_octets)
    assert [spool.claim_beat(1, 7), other.claim_beat(1, 7), other.claim_beat(2, 7)] == [
        True,
        False,
        True,
    ]
    assert other.claim_beat(1, 8)
    assert not spool.claim_beat(1, 7)
    assert spool.claim_beat(1, 3), "the clock was set back: polling doesn't wait for it"


def refuse() -> Exception:
    error = IntegrityError("", {}, Exception())
    error.orig = errors.ForeignKeyViolation()
    return error


@given(st.data())
def test_halving_records_each_outcome_once_or_says_what_became_of_it(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 100))
    poisonous = data.draw(st.sets(st.integers(0, count - 1), max_size=6))
    cut_off = data.draw(st.none() | st.integers(1, 20))
    committed: list[int] = []
    tried: list[int] = []

    class Keeper(OutcomeKeeper):
        def _record_whole(self, outcomes: Sequence[Outcome]) -> None:
            tried.append(len(outcomes))
            if len(tried) == cut_off:
                raise OperationalError("", {}, Exception())
            if any(each.agent_id in poisonous for each in outcomes):
                raise refuse()
            committed.extend(each.agent_id for each in outcomes)

    keeper = Keeper.__new__(Keeper)
    result = keeper._record([an_outcome(agent_id=n) for n in range(count)])
    refused = [outcome.agent_id for outcome, _ in result.refused]
    left = [outcome.agent_id for outcome in result.left]
    assert sorted([*committed, *refused, *left]) == list(range(count))
    assert (result.error is not None) == bool(left)
    assert committed == sorted(committed)
    assert set(refused) <= poisonous
    if result.error is None:
        assert set(refused) == poisonous
    assert len(tried) <= 2 * count - 1
    assert len(tried) <= 1 + 2 * len(poisonous) * (count - 1).bit_length()


def test_refusals_go_with_their_outcomes() -> None:
    batch = Batch(3, (an_outcome(1), an_outcome(2)), ("one", "two"))
    assert decode(encode(batch)).refusals == ("one", "two")
    with pytest.raises(DamagedSpoolError):
        decode(encode(replace(batch, refusals=("one",))))


def test_of_a_full_disk_the_whole_file_is_set_aside(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    outcomes = (an_outcome(agent_id=1), an_outcome(agent_id=2))
    spool.put(1, outcomes)
    [path] = spool.waiting()
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        spool.put_aside(Batch(1, outcomes[:1], ("why",)), path)
    assert [each.read_bytes() for each in spool.folder.iterdir()] == [before]
    assert spool.summary().damaged == 1
    assert spool.summary().dropped == 0
