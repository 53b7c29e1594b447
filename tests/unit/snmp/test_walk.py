"""`dcim snmp walk`: rows as they come, what they look like, and walks that can't be believed."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click.testing
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.cli import main
from dcim.demo.responder import Agent, Responder, StaticTree
from dcim.snmp.mibs.sources import load_names
from dcim.snmp.mibs.walk_rows import read_row
from dcim.snmp.reading.profiles import load_catalogue
from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Message, Oid, Value, VarBind
from dcim.snmp.wire.engine import Engine, WalkLimits
from dcim.snmp.wire.faults import WalkError
from dcim.snmp.wire.target import Target
from tests.agents.secure_agent import NOC, SecureAgent

MIB_2 = (1, 3, 6, 1, 2, 1)
SYSTEM = (*MIB_2, 1)
IF_NAME = (*MIB_2, 31, 1, 1, 1, 1)
IF_OPER = (*MIB_2, 2, 2, 1, 8)
IF_MAC = (*MIB_2, 2, 2, 1, 6)
HOSTILE = "\x1b]0;owned\x07\x1b[2Jcore\r\n\u202e机房".encode()

COLLECTION = load_names([], load_catalogue())
OBJECTS: dict[Oid, Value] = {
    (*SYSTEM, 1, 0): ber.text("Router, Version 1\r\nSecond line"),
    (*SYSTEM, 2, 0): ber.object_identifier((1, 3, 6, 1, 4, 1, 9, 1)),
    (*SYSTEM, 3, 0): ber.timeticks(8_640_000 + 12_345),
    (*SYSTEM, 5, 0): ber.text("核心-1"),
    (*IF_MAC, 1): ber.octet_string(bytes.fromhex("001b210fff00")),
    (*IF_OPER, 1): ber.integer(7),
    (*MIB_2, 4, 20, 1, 1, 10, 0, 0, 1): ber.ip_address(bytes((10, 0, 0, 1))),
    (*IF_NAME, 1): ber.text("GE0/0/1"),
    (*IF_NAME, 3): ber.text("GE0/0/3"),
    (*MIB_2, 31, 1, 1, 1, 6, 3): ber.counter64(2**64 - 2),
    (1, 3, 6, 1, 4, 1, 32473, 1, 0): ber.octet_string(b"\x00\x1f\xfe"),
    (1, 3, 6, 1, 4, 1, 32473, 2, 0): Value(ber.OPAQUE_FLOAT, 1.5),
    (1, 3, 6, 1, 4, 1, 32473, 3, 0): Value(ber.OPAQUE_FLOAT, 0.10000000149011612),
}
LINES = [
    "SNMPv2-MIB::sysDescr.0 = STRING: Router, Version 1 Second line",
    "SNMPv2-MIB::sysObjectID.0 = OID: SNMPv2-SMI::enterprises.9.1",
    "SNMPv2-MIB::sysUpTime.0 = Timeticks: (8652345) 1 day, 0:02:03.45",
    "SNMPv2-MIB::sysName.0 = STRING: 核心-1",
    "IF-MIB::ifPhysAddress.1 = STRING: 00:1B:21:0F:FF:00",
    "IF-MIB::ifOperStatus.1 = INTEGER: lowerLayerDown(7)",
    "RFC1213-MIB::ipAdEntAddr.10.0.0.1 = IpAddress: 10.0.0.1",
    "IF-MIB::ifName.1 = STRING: GE0/0/1",
    "IF-MIB::ifName.3 = STRING: GE0/0/3",
    f"IF-MIB::ifHCInOctets.3 = Counter64: {2**64 - 2}",
    "SNMPv2-SMI::enterprises.32473.1.0 = Hex-STRING: 00 1F FE",
    "SNMPv2-SMI::enterprises.32473.2.0 = Opaque: Float: 1.5",
    "SNMPv2-SMI::enterprises.32473.3.0 = Opaque: Float: 0.1",
]
NUMERIC = [
    "1.3.6.1.2.1.1.2.0 = OID: 1.3.6.1.4.1.9.1",
    "1.3.6.1.2.1.1.3.0 = Timeticks: 8652345",
    "1.3.6.1.2.1.2.2.1.6.1 = Hex-STRING: 00 1B 21 0F FF 00",
    "1.3.6.1.2.1.2.2.1.8.1 = INTEGER: 7",
]
MIB_2_ROWS = 10


def environment(folder: Path, **more: str) -> dict[str, str]:
    """An instance that has settings and no database."""
    return {
        "DCIM_DATA": str(folder),
        "DCIM_SECRET_KEY": "".join(f"{number:02x}" for number in os.urandom(32)),
        "DCIM_ENCRYPTION_KEYS": "k1:" + base64.b64encode(os.urandom(32)).decode(),
        "DCIM_SNMP_ALLOWED": "127.0.0.0/8,::1/128",
        "DCIM_SNMP_COMMUNITY": "public",
        **more,
    }


@dataclass
class Told:
    code: int
    out: str
    err: str
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.out.splitlines()


def walk(folder: Path, agent: Agent, *words: str, **more: str) -> Told:
    """Run the command beside an agent that it walks."""

    async def work() -> Told:
        async with Responder([agent]):
            host = f"[{agent.host}]" if ":" in agent.host else agent.host
            runner = click.testing.CliRunner(env=environment(folder, **more))
            line = ["snmp", "walk", f"{host}:{agent.port}", "--timeout", "0.3", *words]
            done = await asyncio.to_thread(runner.invoke, main, line)
            if done.exception and not isinstance(done.exception, SystemExit):
                raise done.exception
            return Told(done.exit_code, done.stdout, done.stderr)

    return asyncio.run(work())


@pytest.fixture(autouse=True)
def known(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are gathered once for all tests but the one that brings its own."""
    if "operators_own" not in request.node.name:
        monkeypatch.setattr("dcim.commands.walk.known_names", lambda ctx: COLLECTION)


# --- what rows look like


def test_all_there_is_by_name(tmp_path: Path) -> None:
    told = walk(tmp_path, Agent(StaticTree(OBJECTS)), ".1")
    assert (told.code, told.err) == (0, "")
    assert told.lines == LINES


def test_mib_2_unless_told_otherwise_and_bare_numbers(tmp_path: Path) -> None:
    told = walk(tmp_path, Agent(StaticTree(OBJECTS)))
    assert told.lines == LINES[:MIB_2_ROWS]
    bare = walk(tmp_path, Agent(StaticTree(OBJECTS)), "--numeric")
    assert len(bare.lines) == MIB_2_ROWS
    assert set(NUMERIC) < set(bare.lines)
    assert "::" not in bare.out


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        (["ifName"], LINES[7:9]),
        (["IF-MIB::ifName.3"], LINES[8:9]),
        (["sysUpTime.0"], LINES[2:3]),
        ([".1.3.6.1.2.1.31.1.1.1.6", "1.3.6.1.2.1.1.5.0"], [LINES[9], LINES[3]]),
        (["iso"], LINES),
    ],
)
@pytest.mark.parametrize("version", ["1", "2c", "3"])
def test_names_numbers_and_instances_in_every_version(
    tmp_path: Path, version: str, words: list[str], rows: list[str]
) -> None:
    tree = StaticTree(OBJECTS)
    if version == "3":
        said = ["--user", NOC.user, "--auth", NOC.auth, "--priv", NOC.priv]
        told = walk(
            tmp_path, SecureAgent(tree), *said, *words,
            DCIM_SNMP_AUTH=NOC.auth_password, DCIM_SNMP_PRIV=NOC.priv_password,
        )  # fmt: skip
    else:
        told = walk(tmp_path, Agent(tree), *(["--v1"] if version == "1" else []), *words)
    assert told.code == 0, told.err
    assert told.lines == [row for row in rows if version != "1" or "Counter64" not in row]


def test_one_document_that_loses_nothing(tmp_path: Path) -> None:
    told = walk(tmp_path, Agent(StaticTree(OBJECTS)), "--json", "iso", "1.3.6.1.9")
    document = json.loads(told.out)
    assert (document["complete"], document["problem"]) == (True, None)
    assert "1.3.6.1.9: the device has nothing" in told.err
    rows = {row["oid"]: row for row in document["rows"]}
    assert len(rows) == len(OBJECTS)
    assert rows["1.3.6.1.2.1.1.5.0"] == {
        "oid": "1.3.6.1.2.1.1.5.0", "name": "SNMPv2-MIB::sysName.0", "type": "OCTET STRING",
        "value": "核心-1".encode().hex(), "text": "核心-1",
    }  # fmt: skip
    assert rows["1.3.6.1.2.1.31.1.1.1.6.3"]["value"] == 2**64 - 2
    assert rows["1.3.6.1.2.1.2.2.1.8.1"]["text"] == "lowerLayerDown(7)"


NAMES = COLLECTION.names
VALUES = st.one_of(
    st.builds(Value, st.just(ber.OCTET_STRING), st.binary(max_size=600)),
    st.builds(Value, st.just(ber.OCTET_STRING), st.text().map(str.encode)),
    st.builds(Value, st.just(ber.OPAQUE), st.binary(max_size=40)),
    st.builds(Value, st.just(ber.IP_ADDRESS), st.binary(min_size=4, max_size=4)),
    st.builds(Value, st.just(ber.INTEGER), st.integers(-(2**63), 2**63)),
    st.builds(Value, st.just(ber.TIMETICKS), st.integers(0, 2**32 - 1)),
    st.builds(Value, st.just(ber.OPAQUE_DOUBLE), st.floats()),
    st.just(Value(ber.NULL, None)),
    st.just(ber.object_identifier((1, 3, 6, 1, 2, 1, 31))),
)


@given(st.sampled_from([*OBJECTS, (2, 5), (*IF_MAC, 9)]), VALUES, st.sampled_from([NAMES, None]))
def test_any_value_is_one_line_without_controls(oid: Oid, value: Value, names: Any) -> None:
    row = read_row(VarBind(oid, value), names)
    for text in (row.line(), row.name, row.text):
        assert not any(unicodedata.category(mark) in ("Cc", "Cs") for mark in text)
        assert len(text.splitlines()) <= 1
        assert not set("\u202a\u202e\u2066\u2069") & set(text)
    document = json.loads(row.to_json())
    if value.tag in (ber.OCTET_STRING, ber.OPAQUE):
        assert bytes.fromhex(document["value"]) == value.data
    elif isinstance(value.data, int):
        assert document["value"] == value.data


def test_hostile_text_moves_no_cursor_and_long_text_is_whole(tmp_path: Path) -> None:
    long = "x" * 1_000
    tree = StaticTree({(*SYSTEM, 4, 0): ber.octet_string(HOSTILE), (*SYSTEM, 5, 0): ber.text(long)})
    told = walk(tmp_path, Agent(tree, max_size=65_000))
    assert "\x1b" in HOSTILE.decode()
    assert not set("\x1b\x07\r\u202e") & set(told.out)
    assert len(told.lines) == 2
    assert told.lines[1].endswith(f"STRING: {long}")


# --- walks that can't be believed


@dataclass
class Scripted(Agent):
    """Says the rows of a list, whatever their order, a few at a time."""

    rows: Sequence[Oid] = ()
    at_once: int = 3
    said: int = 0

    def answer(self, packet: bytes) -> bytes | None:
        self.requests += 1
        request = ber.decode_message(packet)
        rows = self.rows[self.said : self.said + self.at_once]
        self.said += len(rows)
        if not rows and self.silent:
            return None
        binds = [VarBind(oid, ber.integer(7)) for oid in rows]
        return ber.encode_message(
            Message(
                request.version, request.community, ber.RESPONSE, request.request_id, 0, 0, binds
            )
        )


def rows_of(*lasts: int) -> list[Oid]:
    return [(*IF_OPER, last) for last in lasts]


UNSOUND = {
    "backwards": (rows_of(1, 2, 3, 4, 2, 5), "ifOperStatus.4", "8.4 to 1.3.6.1.2.1.2.2.1.8.2"),
    "repeats": (rows_of(1, 2, 3, 4, 4), "ifOperStatus.4", "8.4 to 1.3.6.1.2.1.2.2.1.8.4"),
    "out of the tree, backwards": (
        [*rows_of(1, 2), (*SYSTEM, 1, 0)], "ifOperStatus.2", "8.2 to 1.3.6.1.2.1.1.1.0",
    ),
    "ends early": (rows_of(1, 2, 3), "ifOperStatus.3", "answered with nothing"),
}  # fmt: skip


@pytest.mark.parametrize("as_json", [False, True], ids=["lines", "json"])
@pytest.mark.parametrize(("rows", "last", "why"), UNSOUND.values(), ids=UNSOUND)
def test_what_was_read_before_a_fault_is_printed(
    tmp_path: Path, rows: list[Oid], last: str, why: str, as_json: bool
) -> None:
    agent = Scripted(StaticTree({}), rows=rows)
    told = walk(tmp_path, agent, "ifOperStatus", *(["--json"] if as_json else []))
    assert told.code == 1
    assert why in told.err
    good = int(last.rpartition(".")[2])
    if as_json:
        document = json.loads(told.out)
        assert not document["complete"]
        assert why in document["problem"]
        assert len(document["rows"]) == good
        assert document["rows"][-1]["name"].endswith(last)
    else:
        assert len(told.lines) == good
        assert told.lines[-1].startswith(f"IF-MIB::{last} = ")


def test_an_agent_that_falls_silent_is_told_with_what_it_said(tmp_path: Path) -> None:
    agent = Scripted(StaticTree({}), rows=rows_of(1, 2, 3), silent=True)
    told = walk(tmp_path, agent, "--retries", "0")
    assert (told.code, len(told.lines)) == (1, 3)
    assert "No answer from" in told.err
    assert "(after 3 rows)" in told.err


def test_the_limit_is_told_when_it_is_reached_and_not_before(tmp_path: Path) -> None:
    cut = walk(tmp_path, Agent(StaticTree(OBJECTS)), "system", "ifName", "--most", "5", "--json")
    assert cut.code == 0
    assert "Stopped after 5 rows" in cut.err
    document = json.loads(cut.out)
    assert (len(document["rows"]), document["complete"]) == (5, False)
    whole = walk(tmp_path, Agent(StaticTree(OBJECTS)), "system", "ifName", "--most", "6")
    assert (whole.code, whole.err, len(whole.lines)) == (0, "", 6)


# --- what is asked, and of whom


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["ifHCInOctet"], "ifHCInOctets"),
        (["NO-SUCH-MIB::x"], "no module 'NO-SUCH-MIB' is known"),
        (["1.3.x"], "is no OID"),
        ([""], "is no OID"),
    ],
)
def test_a_wrong_name_is_told_before_anything_is_sent(
    tmp_path: Path, words: list[str], why: str
) -> None:
    agent = Agent(StaticTree(OBJECTS))
    told = walk(tmp_path, agent, *words)
    assert (told.code, told.out, agent.requests) == (1, "", 0)
    assert why in told.err
    assert "dcim snmp names TEXT" in told.err


def test_an_address_outside_the_allowed_networks_is_sent_nothing(tmp_path: Path) -> None:
    agent = Agent(StaticTree(OBJECTS))
    told = walk(tmp_path, agent, DCIM_SNMP_ALLOWED="192.0.2.0/24")
    assert (told.code, agent.requests) == (1, 0)
    assert "DCIM_SNMP_ALLOWED" in told.err
    assert walk(tmp_path, agent).code == 0  # the guard's control


def test_an_instance_that_is_not_there_and_ipv6(tmp_path: Path) -> None:
    agent = Agent(StaticTree(OBJECTS), host="::1")
    told = walk(tmp_path, agent, "sysName.9")
    assert (told.code, told.out) == (0, "")
    assert "sysName.9: the device has nothing at or below it." in told.err
    assert walk(tmp_path, agent, "sysName").lines == [LINES[3]]


def test_the_operators_own_names_are_used(tmp_path: Path) -> None:
    (tmp_path / "snmp_mibs").mkdir()
    (tmp_path / "snmp_mibs" / "fan.mib").write_text(
        "FAN-MIB DEFINITIONS ::= BEGIN IMPORTS enterprises FROM SNMPv2-SMI;\n"
        "fan OBJECT IDENTIFIER ::= { enterprises 32473 }\n"
        "fanState OBJECT-TYPE SYNTAX INTEGER { off(0), on(1) } MAX-ACCESS read-only\n"
        '  STATUS current DESCRIPTION "x" ::= { fan 9 }\nEND'
    )
    tree = StaticTree({(1, 3, 6, 1, 4, 1, 32473, 9, 4): ber.integer(1)})
    assert walk(tmp_path, Agent(tree), "fanState").lines == ["FAN-MIB::fanState.4 = INTEGER: on(1)"]


# --- the engine's walk, as it goes


def far(count: int) -> StaticTree:
    return StaticTree({(*IF_NAME, number): ber.text(f"p{number}") for number in range(count)})


def test_rows_come_while_the_walk_goes_on_and_an_abandoned_walk_frees_the_agent() -> None:
    agent = Agent(far(500))

    async def work() -> None:
        async with Responder([agent]), Engine() as engine:
            there = Target(agent.host, agent.port, community=b"public", timeout_s=1)
            async with aclosing(engine.walk_on(there, (1,))) as replies:
                first = await anext(replies)
            assert agent.requests == 1
            assert 0 < len(first) < 100
            whole = await asyncio.wait_for(engine.walk(there, (1, 3)), 10)
            assert len(whole) == 500

    asyncio.run(work())


def test_the_bounds_of_a_walk_are_the_callers() -> None:
    agent = Agent(far(300))

    async def read(engine: Engine, there: Target, limits: WalkLimits | None) -> int:
        return sum([len(rows) async for rows in engine.walk_on(there, IF_NAME, limits)])

    async def work() -> None:
        async with Responder([agent]), Engine(limits=WalkLimits(varbinds=100)) as engine:
            there = Target(agent.host, agent.port, community=b"public", timeout_s=1)
            with pytest.raises(WalkError, match="bounds"):
                await read(engine, there, None)
            assert await read(engine, there, WalkLimits()) == 300

    asyncio.run(work())


# --- beside Net-SNMP


@pytest.mark.skipif(not shutil.which("snmpbulkwalk"), reason="Net-SNMP's tools aren't installed")
@pytest.mark.parametrize("version", ["1", "2c"])
def test_net_snmp_prints_the_same_rows(tmp_path: Path, version: str) -> None:
    agent = Agent(StaticTree(OBJECTS))
    tool = "snmpwalk" if version == "1" else "snmpbulkwalk"

    async def theirs(words: Iterable[str]) -> list[str]:
        async with Responder([agent]):
            process = await asyncio.create_subprocess_exec(
                tool, f"-v{version}", "-c", "public", "-m", "", "-OneUt",
                f"127.0.0.1:{agent.port}", *words, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            out, _ = await process.communicate()
            return [line.rstrip() for line in out.decode().splitlines()]

    old = ["--v1"] if version == "1" else []
    for words in ([], ["1.3.6.1.4"], ["1.3.6.1.2.1.31.1.1.1.1.3"], ["1.3.6.1.2.1.2"]):
        ours = walk(tmp_path, agent, "--numeric", *old, *words).lines
        expected = asyncio.run(theirs(words))
        agent.port = 0
        rows = [
            line.lstrip(".")
            for line in expected
            if line.startswith(".1") and "No more variables" not in line
        ]
        assert [row.split(" = ")[0] for row in rows] == [row.split(" = ")[0] for row in ours]
        # They break a text of two lines, show UTF-8 as octets, times without their type, and
        # floats with six digits.
        apart = tuple(ber.format_oid((*SYSTEM, arc, 0)) for arc in (1, 3, 5))
        theirs_plain = [
            row.replace("OID: .", "OID: ").replace('"', "").replace("00000", "") for row in rows
        ]
        assert [row for row in theirs_plain if not row.startswith(apart)] == [
            row for row in ours if not row.startswith(apart)
        ]
