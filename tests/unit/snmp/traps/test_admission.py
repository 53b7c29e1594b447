"""Who is heard, and how often: each source by itself, all together, and the first of each kind."""

from __future__ import annotations

import ipaddress
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.intake.buckets import LONGEST, Admission, Bucket
from dcim.intake.repeats import Repeats
from dcim.snmp.traps.decoding import decode
from dcim.snmp.traps.entries import key_of
from dcim.snmp.traps.meanings import Meaning, Meanings, find_meaning, shipped_meanings
from dcim.snmp.traps.peeking import peek_kind
from dcim.snmp.wire.ber import VarBind, octet_string, parse_oid
from tests.agents.trap_sender import v1, v2c

PACKET = v2c()


def make(**changed: float) -> Admission:
    limits = {"source_rate": 10, "source_burst": 10, "total_rate": 100, "total_burst": 100}
    admission = Admission(peek_kind, **(limits | changed))
    admission.allow(["192.0.2.1", "192.0.2.2"], [ipaddress.ip_network("198.51.100.0/24")])
    return admission


def send(admission: Admission, source: str, times: int, now_s: float) -> int:
    size = len(PACKET)
    return sum(admission.admit(source, size, lambda: PACKET, now_s) for _ in range(times))


@given(
    st.integers(1, 50),
    st.integers(1, 50),
    st.lists(st.floats(0, 0.5), min_size=1, max_size=300),
)
def test_a_bucket_never_gives_more_than_rate_and_burst(
    rate: int, burst: int, gaps: list[float]
) -> None:
    bucket, now_s, taken = Bucket(rate, burst), 100.0, 0
    for gap in gaps:
        now_s += gap
        taken += bucket.take("a", now_s)
    assert taken <= burst + (now_s - 100.0) * rate + 1
    assert taken >= min(len(gaps), 1)


def test_a_source_in_its_rate_loses_nothing_whatever_others_send() -> None:
    admission, quiet = make(), 0
    for step in range(100):
        now_s = step / 10
        send(admission, "192.0.2.1", 500, now_s)
        quiet += send(admission, "192.0.2.2", 1, now_s)
    assert quiet == 100
    assert ("192.0.2.2", "source_rate") not in admission.drops
    assert admission.drops["192.0.2.1", "source_rate"] > 49_000


def test_control_with_one_bucket_for_all_the_quiet_one_is_drowned() -> None:
    bucket, quiet = Bucket(10, 10), 0
    for step in range(100):
        for _ in range(500):
            bucket.take("all", step / 10)
        quiet += bucket.take("all", step / 10)
    assert quiet == 0


def test_all_together_have_a_rate_and_the_first_of_each_source_gets_in() -> None:
    admission = make(source_rate=1_000, source_burst=1_000, total_rate=50, total_burst=50)
    admission.allow([f"10.0.0.{number}" for number in range(200)], [])
    admitted = {f"10.0.0.{number}": 0 for number in range(40)}
    for source in admitted:
        admitted[source] = send(admission, source, 100, 5.0)
    assert min(admitted.values()) >= 1
    assert sum(admitted.values()) <= 50 + 50
    assert {reason for _, reason in admission.drops} == {"total_rate"}


def test_strangers_and_giants_are_not_looked_at() -> None:
    admission = make()

    def never() -> bytes:
        raise AssertionError("it was read")

    assert not admission.admit("203.0.113.9", 10, never, 1.0)
    assert not admission.admit("nobody", 10, never, 1.0)
    assert not admission.admit("192.0.2.1", LONGEST + 1, never, 1.0)
    assert admission.take_drops() == {
        ("", "unknown_source"): 2,
        ("192.0.2.1", "too_long"): 1,
    }
    assert admission.admit("198.51.100.77", LONGEST, never, 1.0)
    assert not admission.take_drops()


def test_a_flood_of_kinds_takes_no_more_than_the_reserve() -> None:
    admission = make(source_rate=1, source_burst=1)
    packets = [v2c((1, 3, 6, 1, 4, 1, number, 0, 1)) for number in range(1_000)]
    admitted = sum(
        admission.admit("192.0.2.1", len(packet), partial(bytes, packet), 1.0) for packet in packets
    )
    assert admitted <= 1 + 64


def test_addresses_that_are_made_up_fill_no_memory() -> None:
    admission = make(source_rate=1, source_burst=1)
    admission.allow(["192.0.2.1"], [ipaddress.ip_network("10.0.0.0/8")])
    for number in range(20_000):
        send(admission, str(ipaddress.ip_address(0x0A00_0000 + number)), 2, 1.0)
    assert len(admission._kinds) <= 100
    assert set(admission.drops) == {("", "total_rate"), ("", "source_rate")}
    send(admission, "192.0.2.1", 1, 1.0)
    assert admission.drops["192.0.2.1", "total_rate"] == 1


def test_repeats_are_told_by_all_but_the_uptime_in_few_octets() -> None:
    def key(source: str = "192.0.2.1", **changed: int) -> bytes:
        return key_of(source, decode(v2c(**changed)))  # type: ignore[arg-type]

    assert key(uptime=1) == key(uptime=2)
    assert len({key(), key(number=2), key("192.0.2.2")}) == 3
    long = VarBind((1, 3, 6, 1), octet_string(bytes(8_000)))
    assert len(key_of("192.0.2.1", decode(v1(binds=(long,))))) == 16


def test_repeats_are_counted_for_a_minute_from_the_first() -> None:
    repeats = Repeats()
    assert repeats.note("a", "u1", 0.0, 1)
    assert not repeats.note("a", "u2", 30.0, 2)
    assert not repeats.note("a", "u3", 59.9, 3)
    assert repeats.take_grown() == [("u1", 3, 3)]
    assert not repeats.take_grown()
    assert repeats.note("a", "u4", 60.0, 4)
    assert repeats.note("b", "u5", 60.0, 5)


def test_repeats_hold_only_so_many() -> None:
    repeats = Repeats(most=100)
    for number in range(1_000):
        assert repeats.note(number, str(number), 0.0, 1)
    assert len(repeats._known) <= 101


def test_the_nearest_meaning_is_it_and_the_operators_before_the_familys() -> None:
    own = Meanings()
    own.add((1, 3, 6, 1, 4, 1, 318), Meaning("notice", "info", "", "", "mapping 1"), below=True)
    own.add((1, 3, 6, 1), Meaning("notice", "warning", "", "", "mapping 2"), below=True)
    layers = (own, shipped_meanings())

    def rule(oid: str) -> str | None:
        found = find_meaning(parse_oid(oid), layers)
        return found and found.rule

    assert rule("1.3.6.1.4.1.318.0.5") == "mapping 1"
    assert rule("1.3.6.1.4.1.9.0.5") == "mapping 2"
    assert find_meaning(parse_oid("1.3.6.1.4.1.318.0.5"), layers[1:]) is not None
    assert rule("1.2") is None


@pytest.mark.parametrize(
    ("oid", "alarm_class", "severity"),
    [
        ("1.3.6.1.6.3.1.1.5.3", "network", "warning"),
        ("1.3.6.1.6.3.1.1.5.4", "network", "clear"),
        ("1.3.6.1.2.1.33.2.1", "power", "critical"),
        ("1.3.6.1.4.1.318.0.276", "load", "critical"),
        ("1.3.6.1.4.1.13742.6.0.65", "power", "critical"),
        ("1.3.6.1.4.1.1718.3.100.0.2", "power", "critical"),
        ("1.3.6.1.4.1.534.1.11.4.1.0.3", "power", "critical"),
        ("1.3.6.1.4.1.3808.0.128", "load", "critical"),
    ],
)
def test_families_say_what_their_traps_mean(oid: str, alarm_class: str, severity: str) -> None:
    found = shipped_meanings().find(parse_oid(oid))
    assert found is not None
    assert (found.alarm_class, found.severity) == (alarm_class, severity)
    assert found.text
    assert found.text_en
