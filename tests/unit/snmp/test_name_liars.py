"""The names of a poll against liars: what isn't the agent's word is not accepted, known or not."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from dcim.demo.responder import Agent
from dcim.snmp.polling.port_poll import NeedsFullRead, gather_poll
from dcim.snmp.wire import ber, column_reply
from dcim.snmp.wire.ber import Message, VarBind
from dcim.snmp.wire.column_reply import SMALLEST_ID
from dcim.snmp.wire.faults import SnmpError, Timeout, WalkError
from dcim.snmp.wire.port_plan import POLL_PLAN, Hints, PollColumn, PortWalk
from tests.agents.ports import drive, name, names_in, poll_ports, walk_of

NAMES = POLL_PLAN[PollColumn.NAME]
Forge = Callable[[bytes, Message], bytes]


def at_the_names(hints: Hints | None) -> tuple[PortWalk, bytes, int]:
    """A walk whose names were just asked for; the honest reply and when it came."""
    agent = Agent(poll_ports(range(1, 49)))
    walk = walk_of(Agent(agent.tree, port=161), hints, retries=0, plan=POLL_PLAN)
    turn = 0
    while True:
        turn += 1
        packet = walk.request(SMALLEST_ID + turn)
        reply = agent.answer(packet)
        assert reply
        if ber.decode_message(packet).varbinds[1].oid == NAMES.oid:
            return walk, reply, turn
        assert walk.take(reply, turn, turn)[0] == ""


def with_rows(change: Callable[[list[VarBind]], list[VarBind]]) -> Forge:
    return lambda packet, told: ber.encode_message(
        told._replace(varbinds=[told.varbinds[0], *change(told.varbinds[1:])])
    )


def with_octet(find: bytes, shift: int, by: int) -> Forge:
    """The packet but for one octet, beside the first place of `find`."""

    def forge(packet: bytes, told: Message) -> bytes:
        place = packet.index(find) + shift
        return packet[:place] + bytes((packet[place] + by & 0xFF,)) + packet[place + 1 :]

    return forge


FIRST = name(1).encode()
LIES: dict[str, tuple[str, type[SnmpError], Forge]] = {
    "a number": (
        "not_a_text",
        WalkError,
        with_rows(lambda rows: [VarBind(rows[0].oid, ber.integer(1)), *rows[1:]]),
    ),
    "an opaque": (
        "not_a_text",
        WalkError,
        with_rows(lambda rows: [*rows[:3], VarBind(rows[3].oid, ber.Value(ber.OPAQUE, b"x"))]),
    ),
    "backwards": ("not_increasing", WalkError, with_rows(lambda rows: rows[::-1])),
    "twice": ("not_increasing", WalkError, with_rows(lambda rows: [rows[0], *rows[:9]])),
    "from before": (
        "not_increasing",
        WalkError,
        with_rows(lambda rows: [VarBind((1, 3), rows[0].value)]),
    ),
    "too many": ("wrong_oid", Timeout, with_rows(lambda rows: rows * 3)),
    "nothing": ("ended_early", WalkError, with_rows(lambda rows: [])),
    "a text longer than it is": ("malformed", Timeout, with_octet(FIRST, -1, 1)),
    "a text shorter than it is": ("malformed", Timeout, with_octet(FIRST, -1, -1)),
    "a row longer than it is": ("malformed", Timeout, with_octet(NAMES.content, -3, 1)),
    "a text beyond all": ("malformed", Timeout, with_octet(FIRST, -1, 0x60)),
    "an unknown type": ("malformed", Timeout, with_octet(FIRST, -2, 0x1B)),
    "garbage behind": ("malformed", Timeout, lambda packet, told: packet + b"\x04\x00"),
    "garbage": ("malformed", Timeout, lambda packet, told: b"\x30\x82" + bytes(range(200))),
    "cut": ("malformed", Timeout, lambda packet, told: packet[:-1]),
    "another agent's name": (
        "wrong_community",
        Timeout,
        lambda packet, told: ber.encode_message(told._replace(community=b"publix")),
    ),
    "an old reply": (
        "unknown_request_id",
        Timeout,
        lambda packet, told: ber.encode_message(told._replace(request_id=SMALLEST_ID)),
    ),
}


@pytest.fixture(scope="module", params=[False, True], ids=["new", "known"])
def hints(request: pytest.FixtureRequest) -> Hints | None:
    if not request.param:
        return None
    once = drive(Agent(poll_ports(range(1, 49)))).read.hints
    return drive(Agent(poll_ports(range(1, 49))), once).read.hints


@pytest.mark.parametrize(("reason", "error", "forge"), LIES.values(), ids=LIES.keys())
def test_what_does_not_fit_is_not_taken_for_a_name(
    reason: str, error: type[SnmpError], forge: Forge, hints: Hints | None
) -> None:
    walk, honest, turn = at_the_names(hints)
    lie = forge(honest, ber.decode_message(honest))
    assert lie != honest
    assert walk.take(lie, turn, turn) == (reason, 0)
    assert names_in(walk.read) == {}
    if error is Timeout:  # the agent's own answer may still come
        assert not walk.done
        assert walk.take(honest, turn, turn)[0] == ""
    else:
        assert isinstance(walk.read.error, error)
        assert isinstance(gather_poll(walk.read, "clock"), NeedsFullRead)


def test_what_names_are_is_taken_as_it_stands(hints: Hints | None) -> None:
    """A lie that only the agent itself can tell: other names at the same places."""
    walk, honest, turn = at_the_names(hints)
    told = ber.decode_message(honest)
    rows = [VarBind(bind.oid, ber.text("x")) for bind in told.varbinds[1:]]
    walk.take(with_rows(lambda _: rows)(honest, told), turn, turn)
    assert set(names_in(walk.read).values()) == {b"x"}


def forge_one(draw: random.Random, honest: bytes) -> bytes:  # noqa: PLR0911 - one per kind of lie
    """The honest reply but for one thing that makes it another's, or no reply."""
    told = ber.decode_message(honest)
    kind = draw.randrange(8)
    if kind == 0:
        other = told.request_id ^ draw.randint(1, 2**31 - 1)
        return ber.encode_message(told._replace(request_id=other))
    if kind == 1:
        return ber.encode_message(told._replace(community=draw.randbytes(draw.randrange(12))))
    if kind == 2:
        binds = [VarBind((1, 3, draw.randrange(9)), ber.integer(1)), *told.varbinds[1:]]
        return ber.encode_message(told._replace(varbinds=binds))
    if kind == 3:
        return honest[: draw.randrange(len(honest))]
    if kind == 4:
        return ber.encode_message(told._replace(varbinds=told.varbinds * 2))
    if kind == 5:  # lengths that lie, of a row, an OID or a text
        text = honest.index(name(draw.choice((1, 9, 20))).encode())
        place = text - draw.choice((1, 14, 16))
        wrong = bytes((honest[place] ^ draw.randint(1, 255),))
        return honest[:place] + wrong + honest[place + 1 :]
    if kind == 6:
        return honest + draw.randbytes(draw.randint(1, 40))
    return draw.randbytes(draw.randrange(1, 1_400))


def test_none_of_ten_thousand_lies_is_accepted(hints: Hints | None) -> None:
    draw = random.Random(20261127)
    walk, honest, turn = at_the_names(hints)
    reasons = set()
    for _ in range(10_000):
        reason, varbinds = walk.take(forge_one(draw, honest), turn, turn)
        assert reason
        assert not varbinds
        assert not walk.done
        reasons.add(reason)
    assert reasons == {"malformed", "unknown_request_id", "wrong_community", "wrong_oid"}
    assert names_in(walk.read) == {}
    assert walk.take(honest, turn, turn)[0] == ""
    assert names_in(walk.read)[1] == FIRST


def test_control_without_the_doorman_lies_are_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_reply, "objection", lambda message, asked: "")
    walk, honest, turn = at_the_names(None)
    lie = ber.encode_message(ber.decode_message(honest)._replace(community=b"publix"))
    assert walk.take(lie, turn, turn)[0] == ""
    assert names_in(walk.read)[1] == FIRST
