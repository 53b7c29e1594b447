"""Names of OIDs from MIB files of our own writing, under the enterprise number for examples."""

import contextlib
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.commands.snmp import show_probe
from dcim.snmp.mibs import sources
from dcim.snmp.mibs.display_hint import show_number, show_octets
from dcim.snmp.mibs.names import MibNameError, MibNames, Named, link
from dcim.snmp.mibs.sources import load_names
from dcim.snmp.mibs.text import MibError, Syntax, read_modules
from dcim.snmp.reading.probe import ProbeResult
from dcim.snmp.reading.profiles import load_catalogue
from dcim.snmp.reading.readings import Reading
from dcim.snmp.wire import ber, if_mib
from dcim.snmp.wire.ber import format_oid, parse_oid

ROOM = """
-- a room with fans; "quotes" and ::= in comments mean nothing
EXAMPLE-ROOM-MIB DEFINITIONS ::= BEGIN
IMPORTS MODULE-IDENTITY, OBJECT-TYPE, NOTIFICATION-TYPE, enterprises, Integer32 FROM SNMPv2-SMI
        TEXTUAL-CONVENTION, MacAddress FROM SNMPv2-TC;
exampleRoom MODULE-IDENTITY
    LAST-UPDATED "202601010000Z" ORGANIZATION "x" CONTACT-INFO "x"
    DESCRIPTION "Words with OBJECT-TYPE and ::= and
        a second line."
    ::= { enterprises example(32473) 7 }
FanState ::= TEXTUAL-CONVENTION STATUS current DESCRIPTION "x"
    SYNTAX INTEGER { off(0), on(1), broken(-1) }
Celsius ::= TEXTUAL-CONVENTION DISPLAY-HINT "d-1" STATUS current DESCRIPTION "x" SYNTAX Integer32
fanTable OBJECT-TYPE SYNTAX SEQUENCE OF FanEntry MAX-ACCESS not-accessible STATUS current
    DESCRIPTION "x" ::= { exampleRoom 1 }
fanEntry OBJECT-TYPE SYNTAX FanEntry MAX-ACCESS not-accessible STATUS current
    DESCRIPTION "x" INDEX { fanState } ::= { fanTable 1 }
FanEntry ::= SEQUENCE { fanState FanState, fanHeat Celsius }
fanState OBJECT-TYPE SYNTAX FanState MAX-ACCESS read-only STATUS current
    DESCRIPTION "x" DEFVAL { off } ::= { fanEntry 1 }
fanHeat OBJECT-TYPE SYNTAX Celsius (-400..1000) MAX-ACCESS read-only STATUS current
    DESCRIPTION "x" ::= { fanEntry 2 }
fanAddress OBJECT-TYPE SYNTAX MacAddress MAX-ACCESS read-only STATUS current
    DESCRIPTION "x" ::= { fanEntry 3 }
fanBroke NOTIFICATION-TYPE OBJECTS { fanState } STATUS current DESCRIPTION "x"
    ::= { exampleRoom 0 1 }
END
"""
# SMIv1, with the same name for another object, below an object of the other module.
OLD = """
EXAMPLE-OLD-MIB DEFINITIONS ::= BEGIN
IMPORTS enterprises FROM RFC1155-SMI OBJECT-TYPE FROM RFC-1212 TRAP-TYPE FROM RFC-1215
        exampleRoom FROM EXAMPLE-ROOM-MIB;
old OBJECT IDENTIFIER ::= { enterprises 32473 8 }
fanState OBJECT-TYPE SYNTAX INTEGER { slow(1), fast(2) } ACCESS read-only STATUS mandatory
    DESCRIPTION "x" ::= { old 1 }
annex OBJECT IDENTIFIER ::= { exampleRoom 99 }
fanFell TRAP-TYPE ENTERPRISE old VARIABLES { fanState } DESCRIPTION "x" ::= 4
END
"""
ROOT = (1, 3, 6, 1, 4, 1, 32473)


def names_of(*texts: str) -> tuple[MibNames, list[MibError]]:
    names = MibNames()
    names.add(Named("SNMPv2-SMI", "enterprises", ROOT[:-1]))
    modules = [one for at, text in enumerate(texts) for one in read_modules(text, f"file{at}")]
    return names, link(modules, names)


def test_names_numbers_and_values_of_the_operators_files(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "room.mib").write_text(ROOM)
    (tmp_path / "OLD").write_bytes(OLD.encode() + b"-- caf\xe9, in Latin-1\n")
    (tmp_path / "acme.yaml").write_text("profile: left to the profiles")
    found = load_names([tmp_path], load_catalogue())
    names = found.names
    assert found.problems == ()
    assert names.oid_of("EXAMPLE-ROOM-MIB::fanHeat.3") == (*ROOT, 7, 1, 1, 2, 3)
    assert names.name_of((*ROOT, 7, 1, 1, 1, 3)) == "EXAMPLE-ROOM-MIB::fanState.3"
    assert names.oid_of("annex") == (*ROOT, 7, 99)
    assert names.oid_of("fanFell") == (*ROOT, 8, 0, 4)
    assert names.name_of((*ROOT, 7, 0, 1)) == "EXAMPLE-ROOM-MIB::fanBroke"
    with pytest.raises(
        MibNameError, match=r"EXAMPLE-OLD-MIB::fanState .*EXAMPLE-ROOM-MIB::fanState"
    ):
        names.oid_of("fanState")
    assert names.oid_of("EXAMPLE-OLD-MIB::fanState.0") == (*ROOT, 8, 1, 0)
    room = (*ROOT, 7, 1, 1)
    assert names.show((*room, 1, 3), ber.integer(-1)).text == "broken(-1)"
    assert names.show((*room, 1, 3), ber.integer(5)).text == "5"
    assert names.show((*room, 2, 3), ber.integer(-215)).text == "-21.5"
    assert names.show((*room, 3, 3), ber.octet_string(b"\x00\x1b\x21\x0f")).text == "00:1B:21:0F"


def test_the_standard_objects() -> None:
    names = load_names([], load_catalogue()).names
    assert format_oid(names.oid_of("ifHCInOctets")) == "1.3.6.1.2.1.31.1.1.1.6"
    for name, oid in {
        "IF-MIB::ifHCOutOctets": if_mib.HC_OUT, "ifAlias": if_mib.ALIAS, "ifName": if_mib.NAME,
        "ifCounterDiscontinuityTime": if_mib.DISCONTINUITY, "ifHighSpeed": if_mib.HIGH_SPEED,
        "ifOutErrors": if_mib.OUT_ERRORS, "ifOperStatus": if_mib.OPER, "ifSpeed": if_mib.SPEED,
        "sysUpTime.0": if_mib.SYS_UPTIME, "snmpEngineTime.0": if_mib.ENGINE_TIME,
    }.items():  # fmt: skip
        assert names.oid_of(name) == oid
        assert names.name_of(oid).endswith(name)
    for module in names.by_module.values():
        for named in module.values():
            if len(named.oid) > 1:
                assert names.oid_of(str(named)) == named.oid
    assert names.show((*if_mib.OPER, 1), ber.integer(7)).text == "lowerLayerDown(7)"


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "no module begins"),
        ("A DEFINITIONS ::= BEGIN\nx OBJECT-TYPE SYNTAX INTEGER\n", 2, "has no ::="),
        ('A DEFINITIONS ::= BEGIN\n\nx OBJECT-TYPE SYNTAX B DESCRIPTION "a\n', 3, "never closed"),
        ("A DEFINITIONS ::= BEGIN\nx OBJECT IDENTIFIER ::= { iso y }\nEND", 2, "has no number"),
        ("A DEFINITIONS ::= BEGIN\nx OBJECT IDENTIFIER ::= { iso 4294967296 }", 2, "number up to"),
        ("A DEFINITIONS ::= BEGIN\nx OBJECT IDENTIFIER ::= { 1" + " 3" * 200 + " }", 2, "128 arcs"),
        ("A DEFINITIONS ::= BEGIN\nx INTEGER ::= 5 END", 2, "no definition of SMI"),
        ("A DEFINITIONS ::= BEGIN IMPORTS x;END", 1, "imported from nowhere"),
        (
            "A DEFINITIONS ::= BEGIN x OBJECT IDENTIFIER ::= { iso 1" + "0" * 99 + " }",
            1,
            "100 char",
        ),
        (
            (
                "A DEFINITIONS ::= BEGIN\nx OBJECT IDENTIFIER ::= { 1 3 }\n"
                "x OBJECT IDENTIFIER ::= { 1 3 }\nEND"
            ),
            3,
            "defined twice",
        ),
    ],
)
def test_a_broken_file_is_named_with_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(MibError, match=reason) as caught:
        read_modules(text, "broken.mib")
    assert (caught.value.file, caught.value.line) == ("broken.mib", line)


def test_what_cannot_be_placed_is_told_once_and_stops_nothing_else() -> None:
    names, problems = names_of(
        "A DEFINITIONS ::= BEGIN IMPORTS enterprises FROM SNMPv2-SMI z FROM GONE;\n"
        "a OBJECT IDENTIFIER ::= { b 1 }\nb OBJECT IDENTIFIER ::= { c 1 }\n"
        "c OBJECT IDENTIFIER ::= { a 1 }\nlost OBJECT IDENTIFIER ::= { z 1 }\n"
        "lost2 OBJECT IDENTIFIER ::= { z 2 }\nbelow OBJECT IDENTIFIER ::= { lost 3 }\n"
        "astray OBJECT IDENTIFIER ::= { nobody 3 }\n"
        "good OBJECT IDENTIFIER ::= { enterprises 32473 }\nEND",
        "A DEFINITIONS ::= BEGIN END",
    )
    assert [(one.file, one.line, one.reason) for one in problems] == [
        ("file1", 1, "module A was read already, from file0"),
        ("file0", 2, "a lies below itself"),
        ("file0", 5, "module GONE is missing: z is imported from it"),
        ("file0", 8, "nobody is neither defined nor imported"),
    ]
    assert set(names.by_module["A"]) == {"good"}


def test_a_chain_longer_than_an_oid_may_be_is_refused() -> None:
    links = "".join(f"n{at + 1} OBJECT IDENTIFIER ::= {{ n{at} 1 }}\n" for at in range(5000))
    names, problems = names_of(
        "A DEFINITIONS ::= BEGIN\nn0 OBJECT IDENTIFIER ::= { 1 3 }\n" + links + "END"
    )
    assert any("can't be" in one.reason for one in problems)
    assert max(len(one.oid) for one in names.by_module["A"].values()) == ber.MAX_ARCS


def test_one_bad_file_stops_no_other_and_bounds_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "LARGEST_FILE", 10_000)
    (tmp_path / "a.mib").write_text("A DEFINITIONS ::= BEGIN\n{{{{")
    (tmp_path / "b.mib").write_text("-" * 10_001)
    (tmp_path / "c.mib").write_bytes(b"\n\n\x00")
    (tmp_path / "d.mib").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "room.mib").write_text(ROOM)
    found = load_names([tmp_path, tmp_path / "absent"], load_catalogue())
    assert [(Path(one.file).name, one.line) for one in found.problems] == [
        ("a.mib", 2),
        ("b.mib", 1),
        ("c.mib", 3),
    ]
    assert found.names.oid_of("exampleRoom") == (*ROOT, 7)
    monkeypatch.setattr(sources, "MOST_FILES", 1)
    bounded = load_names([tmp_path], load_catalogue())
    assert "the rest is left" in bounded.problems[-1].reason
    with pytest.raises(MibNameError):
        bounded.names.oid_of("exampleRoom")


NAMES = names_of(ROOM, OLD)[0]
ARCS = st.lists(st.integers(0, ber.MAX_ARC), max_size=20)


@given(st.sampled_from([(), (7,), (7, 1, 1, 1), (7, 1, 1, 2), (8, 1), (9,)]), ARCS)
def test_a_number_comes_back_from_its_name(below: tuple[int, ...], arcs: list[int]) -> None:
    oid = (*ROOT, *below, *arcs)
    assert NAMES.oid_of(NAMES.name_of(oid)) == oid
    assert NAMES.oid_of(format_oid(oid)) == oid


@given(st.text(max_size=200))
def test_any_text_as_a_name_gives_an_oid_or_the_named_error(text: str) -> None:
    for words in (text, f"EXAMPLE-ROOM-MIB::{text}", f"fanHeat.{text}"):
        with contextlib.suppress(MibNameError):
            assert parse_oid(format_oid(NAMES.oid_of(words)))


PIECES = st.sampled_from(
    [
        *ROOM.split(),
        *OLD.split(),
        "{",
        "}",
        "::=",
        "(",
        "MACRO",
        "[",
        '"',
        "'",
        "\n",
        "--",
        "é",
        "-",
    ]
)


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=60), st.integers(0, len(ROOM)), st.text(max_size=5))
def test_any_file_gives_modules_or_the_named_error(pieces: list[str], at: int, noise: str) -> None:
    head = "A DEFINITIONS ::= BEGIN "
    for text in (" ".join(pieces), head + " ".join(pieces), ROOM[:at] + noise + ROOM[at:]):
        lines: list[int] = []
        try:
            modules = read_modules(text, "any")
        except MibError as error:
            lines.append(error.line)
        else:
            link(modules, MibNames())
        assert all(1 <= line <= text.count("\n") + 1 for line in lines)


@given(st.binary(max_size=600), st.text("0123456789*xdoat-:.,", max_size=12))
def test_any_hint_shows_any_value(octets: bytes, hint: str) -> None:
    show_octets(octets, hint)
    show_number(int.from_bytes(octets[:8], "big", signed=True), hint)
    named = Named("M", "x", (1, 3), Syntax("OCTET STRING", {}, hint))
    names = MibNames()
    names.add(named)
    assert len(names.show((1, 3, 0), ber.octet_string(octets)).text) <= 255


def test_hints_of_rfc_2579() -> None:
    when = bytes((1992 >> 8, 1992 & 255, 5, 26, 13, 30, 15, 0)) + b"-" + bytes((4, 0))
    assert show_octets(when, "2d-1d-1d,1d:1d:1d.1d,1a1d:1d") == "1992-5-26,13:30:15.0,-4:0"
    assert show_octets(b"\x03abcX", "*1x:/1x") == "61:62:63/58"
    assert show_octets(b"\xff", "255a") is None
    assert show_number(5, "d-2") == "0.05"
    assert show_number(255, "x") == "ff"


def run(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dcim.cli", "--data", str(tmp_path), "snmp", *words],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_commands_as_a_newcomer_calls_them(tmp_path: Path) -> None:
    folder = tmp_path / "snmp_mibs"
    folder.mkdir()
    (folder / "room.mib").write_text(ROOM)
    (folder / "bad.mib").write_text("A DEFINITIONS ::= BEGIN\n?")
    both = run(tmp_path, "names", "ifHCInOctets.5", "1.3.6.1.4.1.32473.7.1.1.2.9")
    assert both.returncode == 0, both.stderr
    assert both.stdout.splitlines() == [
        "1.3.6.1.2.1.31.1.1.1.6.5  IF-MIB::ifHCInOctets.5",
        "1.3.6.1.4.1.32473.7.1.1.2.9  EXAMPLE-ROOM-MIB::fanHeat.9",
    ]
    assert "bad.mib:2:" in both.stderr
    unknown = run(tmp_path, "names", "ifhcinoctets", "ifName")
    assert unknown.returncode == 1
    assert "ifHCInOctets is" in unknown.stderr
    assert unknown.stdout == "1.3.6.1.2.1.31.1.1.1.1  IF-MIB::ifName\n"
    listed = run(tmp_path, "mibs")
    assert listed.returncode == 1
    assert "EXAMPLE-ROOM-MIB" in listed.stdout
    assert "bad.mib:2:" in listed.stderr
    (folder / "bad.mib").unlink()
    assert run(tmp_path, "mibs").returncode == 0


def test_a_probe_shows_names_beside_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    heat = (*ROOT, 7, 1, 1, 2, 9)
    reading = Reading("temperature", heat, "Fan 9", Decimal("21.5"), "°C", "internal")
    show_probe(ProbeResult("fans", "d", format_oid((*ROOT, 7)), "x", [], [reading]), NAMES)
    shown = capsys.readouterr().out
    assert f"{format_oid((*ROOT, 7))}  EXAMPLE-ROOM-MIB::exampleRoom" in shown
    assert f"{format_oid(heat)}  EXAMPLE-ROOM-MIB::fanHeat.9" in shown
    show_probe(ProbeResult("no identity", "d", "", "x", [], []), NAMES)
