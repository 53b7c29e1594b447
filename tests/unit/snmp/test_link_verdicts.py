"""Links by cables and by LLDP together; ports 1x are device 1's, and so on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.snmp.discovery.link_verdicts import Ends, Verdict, judge_links
from dcim.snmp.discovery.neighbours import Claim

DEVICE_OF = {port: port // 10 for port in range(10, 60)}


def judge(
    recorded: list[Ends], heard: list[Ends], devices: list[tuple[int, int]] | None = None
) -> dict[Ends, Verdict]:
    claims = [Claim(DEVICE_OF[own], own, other) for own, other in heard]
    judged = judge_links(recorded, claims, devices or [], DEVICE_OF)
    return {one.ends: one.verdict for one in judged}


CASES: list[tuple[str, list[Ends], list[Ends], list[tuple[int, int]], dict[Ends, str]]] = [
    ("both ends hear it", [(11, 21)], [(11, 21), (21, 11)], [], {(11, 21): "agrees"}),
    ("one end hears it", [(21, 11)], [(21, 11)], [], {(11, 21): "agrees"}),
    ("nobody hears", [(11, 21)], [], [], {(11, 21): "recorded"}),
    ("no cable", [], [(11, 21)], [], {(11, 21): "heard"}),
    ("the cable leads elsewhere", [(11, 21)], [(11, 31)], [],
     {(11, 21): "contradicts", (11, 31): "contradicts"}),
    ("the far end hears another", [(11, 21)], [(11, 21), (21, 41)], [],
     {(11, 21): "contradicts", (21, 41): "contradicts"}),
    ("the two cables are swapped", [(11, 21), (12, 22)], [(11, 22), (12, 21)], [],
     {(11, 21): "contradicts", (12, 22): "contradicts", (11, 22): "contradicts",
      (12, 21): "contradicts"}),
    ("that device, which port isn't known", [(11, 21)], [], [(11, 2)], {(11, 21): "recorded"}),
    ("another device, which port isn't known", [(11, 21)], [], [(11, 3)],
     {(11, 21): "contradicts"}),
    ("elsewhere is no matter", [(11, 21)], [(12, 31)], [(13, 4)],
     {(11, 21): "recorded", (12, 31): "heard"}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "recorded", "heard", "devices", "verdicts"), CASES)
def test_verdicts(
    what: str,
    recorded: list[Ends],
    heard: list[Ends],
    devices: list[tuple[int, int]],
    verdicts: dict[Ends, str],
) -> None:
    assert judge(recorded, heard, devices) == verdicts, what


def test_who_hears_it() -> None:
    one, two = judge_links(
        [(11, 21)], [Claim(1, 11, 21), Claim(3, 31, 41), Claim(4, 41, 31)], [], DEVICE_OF
    )
    assert (one.is_recorded, one.heard_by) == (True, frozenset({11}))
    assert (two.is_recorded, two.heard_by) == (False, frozenset({31, 41}))


@given(
    st.lists(st.integers(10, 59), unique=True, max_size=20),
    st.lists(st.tuples(st.integers(10, 59), st.integers(10, 59)), max_size=20),
)
def test_every_link_once_and_never_two_that_agree_at_one_port(
    ports: list[int], heard: list[Ends]
) -> None:
    recorded = list(zip(ports[::2], ports[1::2], strict=False))
    heard = [ends for ends in heard if ends[0] != ends[1]]
    verdicts = judge(recorded, heard)
    assert verdicts.keys() == {(min(ends), max(ends)) for ends in [*recorded, *heard]}
    sure = [port for ends, one in verdicts.items() if one != "contradicts" for port in ends]
    assert len(set(sure)) == len(sure)
    # What contradicts has at least one more link at one of its ends.
    ends_of = [port for ends in verdicts for port in ends]
    for ends, one in verdicts.items():
        assert (one == "contradicts") == any(ends_of.count(port) > 1 for port in ends)
