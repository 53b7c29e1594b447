"""Whose a drop is: the agent's that was asked, or nobody's."""

from hypothesis import given
from hypothesis import strategies as st

from dcim.snmp.wire.drops import UNANSWERED, Drops

AGENT, STRANGER = ("192.0.2.1", 161), ("198.51.100.9", 4_444)


def test_only_who_was_asked_has_drops_of_its_own() -> None:
    drops = Drops()
    drops.note("malformed", AGENT)  # not asked yet
    drops.expect(AGENT)
    drops.note("malformed", AGENT)
    drops.note_unanswered(AGENT)
    drops.note("wrong_source", STRANGER)
    drops.note("socket_error")
    assert drops == {"malformed": 2, "wrong_source": 1, "socket_error": 1}
    assert drops.take(AGENT) == {"malformed": 1, UNANSWERED: 1}
    assert drops.take_strays() == {"malformed": 1, "wrong_source": 1, "socket_error": 1}
    assert not drops.waiting


def test_what_comes_late_is_for_the_next_time() -> None:
    drops = Drops()
    drops.expect(AGENT)
    assert drops.take(AGENT) == {}
    drops.note("late", AGENT)
    assert drops.take(AGENT) == {"late": 1}
    assert drops.take(AGENT) == {}


def test_addresses_without_end_take_no_memory_without_end() -> None:
    drops = Drops()
    for number in range(70_000):
        drops.expect(("192.0.2.1", number))
    assert len(drops._asked) < 65_537
    assert drops.is_expected(("192.0.2.1", 69_999))


PEERS = st.tuples(st.just("192.0.2.1"), st.integers(1, 3))


@given(st.lists(st.tuples(PEERS, st.sampled_from(["late", "malformed"]), st.booleans())))
def test_each_drop_is_told_once(events: list[tuple[tuple[str, int], str, bool]]) -> None:
    drops = Drops()
    drops.expect(("192.0.2.1", 1))
    taken = 0
    for peer, reason, take in events:
        drops.note(reason, peer)
        if take:
            taken += sum(drops.take(peer).values())
    taken += sum(sum(drops.take(("192.0.2.1", n)).values()) for n in range(1, 4))
    taken += sum(drops.take_strays().values())
    assert taken == len(events) == drops.total()
