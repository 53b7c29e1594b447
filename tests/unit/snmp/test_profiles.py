"""Profiles as data: what is wrong is named, and nothing is read that isn't there."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.snmp.reading.profiles import ProfileError, load_catalogue, read_profile, read_profiles
from dcim.snmp.reading.readings import interpret
from dcim.snmp.wire import ber
from dcim.snmp.wire.agent_text import clean_text
from dcim.snmp.wire.ber import Oid, Value
from dcim.snmp.wire.engine import Table

GOOD = """
profile: acme
title: Acme
source: ACME-MIB
match:
  - {sys_object_id: 1.3.6.1.4.1.99999}
tables:
  - name: acmeTable
    labels:
      name: 1.3.6.1.4.1.99999.1.2
      heat: 1.3.6.1.4.1.99999.1.4
    readings:
      - object: acmePower
        oid: 1.3.6.1.4.1.99999.1.1
        class: power
        unit: W
        scale: "10"
        sentinels: ["-1"]
        max: "5000"
        place: input
        label: "Unit {@0} {name}"
      - object: acmeTemp
        oid: 1.3.6.1.4.1.99999.1.3
        class: temperature
        unit: °C
        fahrenheit: {label: heat, in: ["1"]}
        place: ambient
        label: "{name}"
"""
ROOT = (1, 3, 6, 1, 4, 1, 99999, 1)


@dataclass
class Page:
    name: str
    words: str

    def read_text(self, encoding: str | None = None) -> str:
        return self.words


def answered(rows: dict[Oid, Value]) -> Table:
    table = Table([(*ROOT, column) for column in (1, 2, 3, 4)])
    for oid, value in rows.items():
        table[oid[:-1]][oid[-1:]] = value
    return table


def test_values_sentinels_limits_and_fahrenheit() -> None:
    profile = read_profile(GOOD, "acme.yaml")
    rows: dict[Oid, Value] = {
        (*ROOT, 1, 1): ber.integer(27),
        (*ROOT, 1, 2): ber.integer(-1),
        (*ROOT, 1, 3): ber.integer(501),
        (*ROOT, 1, 4): ber.octet_string(b"12"),
        (*ROOT, 1, 5): ber.octet_string(b"n/a"),
        (*ROOT, 2, 1): ber.octet_string("机柜 \x07A\u202e".encode()),
        (*ROOT, 3, 1): ber.gauge32(77),
        (*ROOT, 4, 1): ber.integer(1),
        (*ROOT, 3, 2): ber.gauge32(25),
    }
    got = {
        (r.kind, r.oid[-1]): (r.value, r.label) for r in interpret(answered(rows), profile.tables)
    }
    assert got == {
        ("power", 1): (Decimal(270), "Unit 1 机柜 A"),
        ("power", 4): (Decimal(120), "Unit 4"),
        ("temperature", 1): (Decimal(25), "机柜 A"),
        ("temperature", 2): (Decimal(25), ""),
    }


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("class: power", "class: powder", 13, "'powder' is none of"),
        ("unit: W", "unit: kW", 13, "'kW' is none of"),
        ("oid: 1.3.6.1.4.1.99999.1.1", "oid: acmePower", 13, "not a numeric OID"),
        ('label: "Unit {@0} {name}"', 'label: "{nam}"', 13, "no label column 'nam'"),
        ('scale: "10"', 'scale: "ten"', 13, "is no number"),
        ('scale: "10"', "colour: blue", 13, "unknown key 'colour'"),
        ("        unit: W\n", "        unit: W\n        unit: V\n", 17, "duplicate"),
        ("title: Acme\n", "", 2, "missing key 'title'"),
        ("match:", "match", 6, ""),
        ("place: input", "place: moon", 13, "'moon' is none of"),
        ("name: 1.3.6.1.4.1.99999.1.2", "name: {drop: '1'}", 10, "missing key 'oid'"),
        (
            "heat: 1.3.6.1.4.1.99999.1.4",
            "heat: {oid: 1.3.6.1.4.1.99999.1.4, scalar: 'true', drop: '1'}",
            11,
            "a scalar has none to drop",
        ),
        (
            "heat: 1.3.6.1.4.1.99999.1.4",
            "heat: {oid: 1.3.6.1.4.1.99999.1.4, words: [L1]}",
            11,
            "'words' maps values to words",
        ),
        ("    labels:\n", "    fallback: maybe\n    labels:\n", 8, "'maybe' is none of"),
    ],
)
def test_a_wrong_profile_names_file_line_and_reason(
    old: str, new: str, line: int, reason: str
) -> None:
    with pytest.raises(ProfileError) as caught:
        read_profile(GOOD.replace(old, new, 1), "acme.yaml")
    assert caught.value.file == "acme.yaml"
    assert reason in caught.value.reason
    assert caught.value.line in range(line - 1, line + 3)


def test_one_bad_profile_does_not_stop_the_others() -> None:
    lonely = GOOD.replace("profile: acme", "profile: lonely") + "include: [nobody]\n"
    catalogue = read_profiles(
        [Page("bad.yaml", "profile: ["), Page("acme.yaml", GOOD), Page("lonely.yaml", lonely)]
    )
    assert set(catalogue.profiles) == {"acme", "generic"}
    assert [error.file for error in catalogue.errors] == ["bad.yaml", "lonely"]
    found = catalogue.find((*ROOT[:-1], 7), "anything")
    assert found.name == "acme"
    assert catalogue.find((1, 3, 6, 1, 4, 1, 5), "").name == "generic"
    assert catalogue.find(None, "").name == "generic"


def test_a_site_overrides_by_name(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        GOOD.replace("profile: acme", "profile: apc_rpdu2"), encoding="utf-8"
    )
    (tmp_path / "broken.yaml").write_bytes(b"\xff\xfe")
    catalogue = load_catalogue(tmp_path)
    assert catalogue.profiles["apc_rpdu2"].title == "Acme"
    assert [error.file for error in catalogue.errors] == ["broken.yaml"]


def test_all_shipped_profiles_are_sound() -> None:
    catalogue = load_catalogue()
    assert not catalogue.errors
    assert len(catalogue.profiles) >= 25
    for profile in catalogue.profiles.values():
        assert profile.source
        assert catalogue.tables(profile) or profile.ports


HELPED = """
profile: helped
title: Helped
source: ACME-MIB
match: []
tables:
  - name: acmeTable
    labels:
      wire: {oid: 1.3.6.1.4.1.99999.1.2, words: {"1": L1, "4": neutral}}
      scale: {oid: 1.3.6.1.4.1.99999.1.4, scalar: "true"}
    where:
      - {label: wire, not_in: ["9"]}
    readings:
      - object: acmeCurrent
        oid: 1.3.6.1.4.1.99999.1.1
        class: current
        unit: A
        place: phase
        places: [{label: neutral$, place: neutral}]
        label: "Unit {@0} {wire}"
      - object: acmeTemp
        oid: 1.3.6.1.4.1.99999.1.3
        kinds_by: scale
        kinds:
          "1": {class: temperature, unit: °F}
          "2": {class: temperature, unit: K, scale: "0.1"}
          "3": {class: runtime, unit: s}
        place: ambient
        label: "{wire}"
"""


@pytest.mark.parametrize(
    ("scale", "raw", "out"),
    [
        (1, 77, ("temperature", Decimal(25), "°C")),
        (2, 2982, ("temperature", Decimal("25.05"), "°C")),
        (3, 100, ("runtime", Decimal("1.67"), "min")),
        (4, 77, None),
    ],
)
def test_one_scalar_tells_the_unit_of_a_whole_table(
    scale: int, raw: int, out: tuple[str, Decimal, str] | None
) -> None:
    profile = read_profile(HELPED, "helped.yaml")
    table = answered({(*ROOT, 4, 0): ber.integer(scale), (*ROOT, 3, 7): ber.integer(raw)})
    got = [(one.kind, one.value, one.unit) for one in interpret(table, profile.tables)]
    assert got == ([out] if out else [])


def test_what_no_house_can_use_is_no_reading_and_breaks_nothing() -> None:
    hot = HELPED.replace("unit: °F", 'unit: °F, scale: "1000000000000"')
    tables = read_profile(hot, "helped.yaml").tables
    rows: dict[Oid, Value] = {(*ROOT, 4, 0): ber.integer(1), (*ROOT, 3, 1): ber.integer(7)}
    assert [one.oid[-1] for one in interpret(answered(rows), tables)] == [1]
    rows[*ROOT, 3, 2] = ber.counter64(2**63)
    assert [one.oid[-1] for one in interpret(answered(rows), tables)] == [1]


def test_words_stand_for_values_in_labels_and_conditions_see_the_values() -> None:
    profile = read_profile(HELPED, "helped.yaml")
    rows: dict[Oid, Value] = {}
    for index, wire in ((1, 1), (2, 4), (3, 5), (4, 9)):
        rows |= {(*ROOT, 1, index): ber.integer(6), (*ROOT, 2, index): ber.integer(wire)}
    got = [(one.label, one.place) for one in interpret(answered(rows), profile.tables)]
    assert got == [("Unit 1 L1", "phase"), ("Unit 2 neutral", "neutral"), ("Unit 3 5", "phase")]


@pytest.mark.parametrize("raw", [2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1, 2**64 - 1])
def test_a_full_register_is_no_reading(raw: int) -> None:
    open_ended = read_profile(GOOD.replace('        max: "5000"\n', ""), "acme.yaml").tables
    value = ber.integer(raw) if raw < 2**31 else ber.counter64(raw)
    assert interpret(answered({(*ROOT, 1, 1): value}), open_ended) == []
    beside = ber.integer(raw + 1) if raw < 2**31 - 1 else ber.counter64(raw - 1)
    assert len(interpret(answered({(*ROOT, 1, 1): beside}), open_ended)) == 1


def test_a_fallback_gives_only_what_no_earlier_one_has_given() -> None:
    def page(name: str, column: int, more: str = "", flag: str = "") -> Page:
        words = f"""
profile: {name}
title: {name}
source: ACME-MIB
match: []
{more}
tables:
  - name: {name}Table
{flag}
    labels: {{}}
    readings:
      - object: x
        oid: 1.3.6.1.4.1.99999.1.{column}
        class: power
        unit: W
        place: input
        label: x
"""
        return Page(f"{name}.yaml", words)

    own = '    fallback: "true"'
    catalogue = read_profiles(
        [
            page("first", 1, "fallback: [second, third]"),
            page("second", 2),
            page("third", 3, "", own),
            page("alone", 4, "fallback: [second]", own),
        ]
    )
    assert not catalogue.errors
    cells: dict[Oid, Value] = {(*ROOT, column, 1): ber.integer(column) for column in (1, 2, 3, 4)}

    def given_by(name: str, *columns: int) -> list[int]:
        tables = catalogue.tables(catalogue.profiles[name])
        rows = {oid: value for oid, value in cells.items() if oid[-2] in columns}
        return [int(one.value) for one in interpret(answered(rows), tables)]

    assert given_by("first", 1, 2, 3) == [1]
    assert given_by("first", 2, 3) == [2]
    assert given_by("first", 3) == [3]
    assert given_by("alone", 2, 4) == [4]
    assert given_by("alone", 2) == [2]


@given(st.binary(max_size=600))
def test_network_text_is_made_harmless(octets: bytes) -> None:
    words = clean_text(ber.octet_string(octets))
    assert len(words) <= 255
    assert all(ord(mark) >= 32 and not 0x7F <= ord(mark) <= 0x9F for mark in words)
    assert not set(words) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e")


def test_chinese_of_either_encoding_is_read() -> None:
    assert clean_text(ber.octet_string("上联端口".encode("gb18030"))) == "上联端口"
    assert clean_text(ber.octet_string("上联\r\n端口\x00".encode())) == "上联 端口"
    assert clean_text(None) == ""
