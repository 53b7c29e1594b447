"""Profiles follow their MIBs: larger models than the recordings show come out right as well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.snmp.reading.profiles import PLACES, Column, Kind, TableSpec, load_catalogue
from dcim.snmp.reading.readings import Reading, interpret
from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Oid
from dcim.snmp.wire.engine import Table
from tests.unit import snmp_families, snmp_families_more, snmp_families_ups
from tests.unit.snmp_families import Family

CATALOGUE = load_catalogue()
MODELS: list[Callable[[], Family]] = [
    *snmp_families.MODELS,
    *snmp_families_more.MODELS,
    *snmp_families_ups.MODELS,
]
IDS = [model.__name__.strip("<>") for model in MODELS]


def specs(family: Family) -> list[TableSpec]:
    return CATALOGUE.tables(CATALOGUE.profiles[family.profile])


def answered(family: Family, tables: list[TableSpec]) -> Table:
    """Lay a family's cells into the columns its profile reads."""
    columns = {column.oid for spec in tables for column in spec.columns}
    columns |= {label.oid for spec in tables for label in spec.labels.values()}
    table = Table(columns)
    for cell, raw in family.cells.items():
        oid = ber.parse_oid(f"{family.root}.{cell}")
        for length in range(len(oid) - 1, 0, -1):
            if oid[:length] in table:
                value = ber.integer(raw) if isinstance(raw, int) else ber.text(raw)
                table[oid[:length]][oid[length:]] = value
                break
    return table


def told(readings: list[Reading]) -> dict[Oid, tuple[str, Decimal, str, str]]:
    return {one.oid: (one.kind, one.value, one.unit, one.place) for one in readings}


def wanted(family: Family) -> dict[Oid, tuple[str, Decimal, str, str]]:
    return {
        ber.parse_oid(f"{family.root}.{cell}"): (kind, Decimal(value), unit, place)
        for cell, (kind, value, unit, place) in family.wanted.items()
    }


@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_a_larger_model_comes_out(model: Callable[[], Family]) -> None:
    family = model()
    tables = specs(family)
    got, want = told(interpret(answered(family, tables), tables)), wanted(family)
    missing = {ber.format_oid(oid): want[oid] for oid in want.keys() - got.keys()}
    extra = {ber.format_oid(oid): got[oid] for oid in got.keys() - want.keys()}
    assert not missing
    assert not extra
    wrong = {ber.format_oid(oid): (got[oid], want[oid]) for oid in want if got[oid] != want[oid]}
    assert not wrong


@pytest.mark.parametrize(
    ("identity", "profile"),
    [
        ("1.3.6.1.4.1.21239.42.1.50", "vertiv_geist"),
        ("1.3.6.1.4.1.21239.5.1", "geist_v4"),
        ("1.3.6.1.4.1.21239.2", "geist_v3"),
        ("1.3.6.1.4.1.21239.9", "geist"),
        ("1.3.6.1.4.1.13742.4", "raritan_px"),
        ("1.3.6.1.4.1.13742.6", "raritan_pdu2"),
        ("1.3.6.1.4.1.318.1.3.4.5", "apc_rpdu2"),
        ("1.3.6.1.4.1.318.1.3.4.4", "apc_rpdu"),
        ("1.3.6.1.4.1.318.1.3.2.9", "apc_ups"),
        ("1.3.6.1.4.1.534.6.6.7", "eaton_epdu"),
        ("1.3.6.1.4.1.534.1", "eaton_ups"),
        ("1.3.6.1.4.1.3808.1.1.1", "cyberpower_ups"),
        ("1.3.6.1.4.1.3808.1.1.3", "cyberpower_pdu"),
        ("1.3.6.1.4.1.3854.3.2.1", "akcp"),
        ("1.3.6.1.4.1.4242.1", "generic"),
    ],
)
def test_a_family_is_known_by_its_identity(identity: str, profile: str) -> None:
    assert CATALOGUE.find(ber.parse_oid(identity), "any model").name == profile


@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_names_tell_things_of_a_place_apart(model: Callable[[], Family]) -> None:
    """Readings are grouped by place and label; two things must not share them."""
    family = model()
    tables = specs(family)
    seen: dict[tuple[str, str, str], Oid] = {}
    doubled = []
    for one in interpret(answered(family, tables), tables):
        first = seen.setdefault((one.kind, one.place, one.label), one.oid)
        if first != one.oid and one.oid[-2:] != first[-2:]:
            doubled.append((one.kind, one.place, one.label))
    assert not [key for key in doubled if key[0] not in ("state", "runtime")]


@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_another_scale_or_no_sentinel_is_noticed(model: Callable[[], Family]) -> None:
    """The control: with any reading column scaled by ten, or any guard gone, the table is wrong."""
    family = model()
    tables = specs(family)
    table, want = answered(family, tables), wanted(family)
    assert told(interpret(table, tables)) == want
    level = [replace(spec, rank=0) for spec in tables]
    guarded = int(told(interpret(table, level)) != want)
    for at, spec in enumerate(tables):
        for position, column in enumerate(spec.columns):
            without = told(interpret(table, _with(tables, at, position, None)))
            if without != want:
                other = _scaled(column)
                if other != column:
                    assert told(interpret(table, _with(tables, at, position, other))) != want
            bare = replace(column, where=(), sentinels=frozenset(), low=None, high=None)
            guarded += told(interpret(table, _with(tables, at, position, bare))) != want
    columns = [column.oid for spec in tables for column in spec.columns]
    cells = (ber.parse_oid(f"{family.root}.{cell}") for cell in family.cells)
    left_out = [
        oid for oid in cells if oid not in want and any(oid[: len(one)] == one for one in columns)
    ]
    assert guarded or not left_out


_UNIT = {
    **{"power": "W", "energy": "kWh", "current": "A", "voltage": "V", "temperature": "°C"},
    **{"humidity": "%", "frequency": "Hz", "power_factor": "", "load": "%", "charge": "%"},
    **{"runtime": "min", "state": ""},
}
_RAW = st.one_of(
    st.integers(-(2**31), 2**31 - 1).map(ber.integer),
    st.integers(0, 2**64 - 1).map(ber.counter64),
    st.integers(-10, 300).map(ber.integer),
    st.binary(max_size=20).map(ber.octet_string),
    st.from_regex(r"-?[0-9]{1,19}(\.[0-9]{1,3})?", fullmatch=True).map(ber.text),
)


@given(st.sampled_from(sorted(CATALOGUE.profiles)), st.data())
def test_no_answer_breaks_a_profile_and_each_class_has_its_unit(
    name: str, data: st.DataObject
) -> None:
    tables = CATALOGUE.tables(CATALOGUE.profiles[name])
    columns = {column.oid for spec in tables for column in spec.columns}
    columns |= {label.oid for spec in tables for label in spec.labels.values()}
    table = Table(columns)
    indexes = data.draw(st.lists(st.lists(st.integers(0, 30), max_size=4).map(tuple), max_size=3))
    for column in columns:
        for index in [*indexes, (0,)]:
            table[column][index] = data.draw(_RAW)
    for one in interpret(table, tables):
        assert one.value.is_finite()
        assert one.unit == _UNIT[one.kind]
        assert one.place in PLACES
        assert not (one.place == "transceiver" and one.kind in ("power", "current"))


# Families whose MIBs say that a negative value (or -1) is none; the others have unsigned columns.
_MINUS_ONE = (
    *("apc_rpdu2", "apc_rpdu", "sentry3", "sentry4", "eaton_epdu", "cyberpower_pdu"),
    *("cyberpower_ups", "enlogic_pdu", "ups_mib", "apc_ups", "eaton_ups", "delta_ups"),
)


@pytest.mark.parametrize(
    "model",
    [model for model in MODELS if model().profile in _MINUS_ONE],
    ids=lambda it: it.__name__,
)
def test_minus_one_is_no_reading_in_any_column(model: Callable[[], Family]) -> None:
    family = model()
    tables = specs(family)
    emptied = set()
    for cell, (kind, _, _, place) in family.wanted.items():
        signed = kind == "temperature" or (kind, place) == ("current", "battery")
        if kind != "state" and not signed:
            family.cells[cell] = -1
            emptied.add(ber.parse_oid(f"{family.root}.{cell}"))
    assert not [one for one in interpret(answered(family, tables), tables) if one.oid in emptied]


@pytest.mark.parametrize("model", MODELS, ids=IDS)
@pytest.mark.parametrize("raw", [-1, 10001])
def test_a_humidity_is_a_share(model: Callable[[], Family], raw: int) -> None:
    family = model()
    tables = specs(family)
    cells = [cell for cell, (kind, *_) in family.wanted.items() if kind == "humidity"]
    family.cells |= dict.fromkeys(cells, raw)
    assert not [
        one for one in interpret(answered(family, tables), tables) if one.kind == "humidity"
    ]


def _scaled(column: Column) -> Column:
    """Make every scale of a column ten times what it is, but those of states."""

    def scaled(kind: Kind) -> Kind:
        return kind if kind.name == "state" else replace(kind, scale=kind.scale * 10)

    above = column.above and (column.above[0], column.above[1] * 10)
    kinds = {key: scaled(kind) for key, kind in column.kinds.items()}
    return replace(column, kind=column.kind and scaled(column.kind), kinds=kinds, above=above)


def _with(
    tables: list[TableSpec], at: int, position: int, column: Column | None
) -> list[TableSpec]:
    columns = list(tables[at].columns)
    columns[position : position + 1] = [column] if column else []
    return [*tables[:at], replace(tables[at], columns=tuple(columns)), *tables[at + 1 :]]
