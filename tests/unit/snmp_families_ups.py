"""UPSs of three phases, with values of our own; see `snmp_families`."""

from __future__ import annotations

from tests.unit.snmp_families import HZ, LOAD, RH, STATE, WH, A, Family, T, V, W

CHARGE, RUNTIME = "charge", "runtime"


def cyberpower_ups() -> Family:
    """A card without UPS-MIB."""
    made = Family("cyberpower_ups", "1.3.6.1.4.1.3808.1.1.1")
    cells = {
        "2.1.1.0": (2, STATE, "2", "", "battery"),
        "4.1.1.0": (2, STATE, "2", "", "output"),
        "2.2.1.0": (97, CHARGE, "97", "%", "battery"),
        "2.2.2.0": (544, V, "54.4", "V", "battery"),
        "2.2.3.0": (27, T, "27", "°C", "battery"),
        "3.2.1.0": (2312, V, "231.2", "V", "input"),
        "3.2.4.0": (499, HZ, "49.9", "Hz", "input"),
        "4.2.1.0": (2301, V, "230.1", "V", "output"),
        "4.2.2.0": (500, HZ, "50", "Hz", "output"),
        "4.2.3.0": (41, LOAD, "41", "%", "output"),
        "4.2.4.0": (53, A, "5.3", "A", "output"),
        "4.2.5.0": (1180, W, "1180", "W", "output"),
    }
    for cell, (raw, kind, value, unit, place) in cells.items():
        made.read(cell, raw, (kind, value, unit, place))
    return made


def ups_mib(profile: str = "ups_mib", tenths: int = 1) -> Family:
    """Three lines in, out and by; a card may send tenths of a volt."""
    made = Family(profile, "1.3.6.1.2.1.33.1")
    cells = {
        "2.1.0": (2, STATE, "2", "", "battery"),
        "2.3.0": (47, RUNTIME, "47", "min", "battery"),
        "2.4.0": (93, CHARGE, "93", "%", "battery"),
        "2.5.0": (4321, V, "432.1", "V", "battery"),
        "2.6.0": (-12, A, "-1.2", "A", "battery"),
        "2.7.0": (26, T, "26", "°C", "battery"),
        "4.1.0": (3, STATE, "3", "", "output"),
        "4.2.0": (500, HZ, "50", "Hz", "output"),
        "5.1.0": (501, HZ, "50.1", "Hz", "bypass"),
    }
    for cell, (raw, kind, value, unit, place) in cells.items():
        made.read(cell, raw, (kind, value, unit, place))
    for line in (1, 2, 3):
        made.reads(
            "3.3.1",
            f"{line}",
            "input",
            (
                (2, 499, "49.9 Hz", HZ),
                (3, 231 * tenths, "231 V", V),
                (4, 153, "15.3 A", A),
                (5, 3400, "3400 W", W),
            ),
        )
        made.reads(
            "4.4.1",
            f"{line}",
            "output",
            (
                (2, 230 * tenths, "230 V", V),
                (3, 139, "13.9 A", A),
                (4, 3100, "3100 W", W),
                (5, 46, "46 %", LOAD),
            ),
        )
        made.reads(
            "5.3.1",
            f"{line}",
            "bypass",
            ((2, 232 * tenths, "232 V", V), (3, 1, "0.1 A", A), (4, 20, "20 W", W)),
        )
    made.row("3.3.1", "4", {2: -1, 3: -1, 4: -1, 5: 2**31 - 1})
    made.row("4.4.1", "4", {2: -1, 3: -1, 4: -1, 5: -1})
    made.row("5.3.1", "4", {2: -1, 3: -1, 4: -1})
    return made


def ups_mib_tenths() -> Family:
    return ups_mib("delta_ups", 10)


def unknown_ups() -> Family:
    return ups_mib("generic")


def apc_ups() -> Family:
    """A Symmetra: three phases in, out and on the bypass; probes of two kinds of card."""
    made = Family("apc_ups", "1.3.6.1.4.1.318.1.1")
    cells = {
        "1.2.3.1.0": (987, CHARGE, "98.7", "%", "battery"),
        "1.2.3.2.0": (263, T, "26.3", "°C", "internal"),
        "1.2.3.4.0": (1932, V, "193.2", "V", "battery"),
        "1.2.3.5.0": (31, A, "3.1", "A", "battery"),
        "1.4.3.6.0": (123456, WH, "1234.56", "kWh", "output"),
        "1.4.2.8.0": (9300, W, "9300", "W", "output"),
    }
    for cell, (raw, kind, value, unit, place) in cells.items():
        made.read(cell, raw, (kind, value, unit, place))
    for table, source, place in ((1, 2, "input"), (2, 3, "bypass")):
        made.row("1.9.2.2.1", f"{table}", {5: source})
        made.read(f"1.9.2.2.1.4.{table}", 500, (HZ, "50", "Hz", "input"))
        for phase in (1, 2, 3):
            made.reads(
                "1.9.2.3.1",
                f"{table}.1.{phase}",
                place,
                ((3, 231, "231 V", V), (6, 146, "14.6 A", A), (9, 3310, "3310 W", W)),
            )
    made.row("1.9.2.3.1", "1.1.4", {3: -1, 6: -1, 9: -1})
    made.read("1.9.3.2.1.4.1", 501, (HZ, "50.1", "Hz", "output"))
    for phase in (1, 2, 3):
        made.reads(
            "1.9.3.3.1",
            f"1.1.{phase}",
            "output",
            (
                (3, 230, "230 V", V),
                (4, 139, "13.9 A", A),
                (10, 39, "39 %", LOAD),
                (13, 3100, "3100 W", W),
            ),
        )
    made.row("25.1.2.1", "1.1", {3: "Front", 10: 2})
    made.reads("25.1.2.1", "1.1", "ambient", ((6, 24, "24 °C", T), (7, 41, "41 %", RH)))
    made.row("25.1.2.1", "2.1", {3: "Rear", 10: 2, 7: -1})
    made.reads("25.1.2.1", "2.1", "ambient", ((6, 33, "33 °C", T),))
    made.row("25.1.2.1", "2.2", {3: "None", 6: 0, 7: 0, 10: 1})
    made.row("10.2.3.2.1", "1", {2: "Card probe", 3: 2, 5: 2})
    made.reads("10.2.3.2.1", "1", "ambient", ((4, 77, "25 °C", T), (6, 45, "45 %", RH)))
    made.row("10.2.3.2.1", "2", {2: "None", 3: 1, 4: 0, 5: 2, 6: 0})
    return made


def eaton_xups() -> Family:
    """A Powerware card without UPS-MIB; XUPS-MIB's fourth object is the humidity."""
    made = Family("eaton_ups", "1.3.6.1.4.1.534.1")
    cells = {
        "2.1.0": (1800, RUNTIME, "30", "min", "battery"),
        "2.2.0": (216, V, "216", "V", "battery"),
        "2.4.0": (88, CHARGE, "88", "%", "battery"),
        "3.1.0": (499, HZ, "49.9", "Hz", "input"),
        "4.1.0": (44, LOAD, "44", "%", "output"),
        "4.2.0": (500, HZ, "50", "Hz", "output"),
        "4.5.0": (3, STATE, "3", "", "output"),
        "4.7.0": (7654321, WH, "7654.321", "kWh", "output"),
        "5.1.0": (500, HZ, "50", "Hz", "bypass"),
        "6.1.0": (22, T, "22", "°C", "ambient"),
        "6.4.0": (46, RH, "46", "%", "ambient"),
        "6.5.0": (31, T, "31", "°C", "ambient"),
        "6.6.0": (37, RH, "37", "%", "ambient"),
    }
    for cell, (raw, kind, value, unit, place) in cells.items():
        made.read(cell, raw, (kind, value, unit, place))
    made.cells |= {"6.2.0": 5, "6.3.0": 40}
    for line in (1, 2, 3):
        made.row("3.4.1", f"{line}", {3: 15})
        made.reads(
            "3.4.1",
            f"{line}",
            "input",
            ((2, 231, "231 V", V), (7, 153, "15.3 A", A), (4, 3400, "3400 W", W)),
        )
        made.row("4.4.1", f"{line}", {3: 14})
        made.reads(
            "4.4.1",
            f"{line}",
            "output",
            ((2, 230, "230 V", V), (7, 139, "13.9 A", A), (4, 3100, "3100 W", W)),
        )
        made.reads(
            "5.3.1",
            f"{line}",
            "bypass",
            ((2, 232, "232 V", V), (5, 2, "0.2 A", A), (6, 30, "30 W", W)),
        )
    return made


def eaton_xups_whole() -> Family:
    """An older card: whole amperes."""
    made = Family("eaton_ups", "1.3.6.1.4.1.534.1")
    for line in (1, 2, 3):
        made.reads("3.4.1", f"{line}", "input", ((3, 15, "15 A", A),))
        made.reads("4.4.1", f"{line}", "output", ((3, 14, "14 A", A),))
    return made


def eaton_mg() -> Family:
    """An MGE card without UPS-MIB."""
    made = Family("eaton_ups", "1.3.6.1.4.1.705.1")
    cells = {
        "5.1.0": (1500, RUNTIME, "25", "min", "battery"),
        "5.2.0": (91, CHARGE, "91", "%", "battery"),
        "5.5.0": (1085, V, "108.5", "V", "battery"),
        "5.6.0": (14, A, "1.4", "A", "battery"),
        "7.3.0": (2, STATE, "2", "", "output"),
        "8.1.0": (241, T, "24.1", "°C", "ambient"),
        "8.2.0": (432, RH, "43.2", "%", "ambient"),
    }
    for cell, (raw, kind, value, unit, place) in cells.items():
        made.read(cell, raw, (kind, value, unit, place))
    made.cells["5.7.0"] = 0
    for line in (1, 2, 3):
        made.reads(
            "6.2.1",
            f"{line}",
            "input",
            ((2, 2312, "231.2 V", V), (3, 499, "49.9 Hz", HZ), (6, 82, "8.2 A", A)),
        )
        made.reads(
            "7.2.1",
            f"{line}",
            "output",
            (
                (2, 2301, "230.1 V", V),
                (3, 500, "50 Hz", HZ),
                (4, 36, "36 %", LOAD),
                (5, 79, "7.9 A", A),
            ),
        )
    return made


def delta_ups(lines: int = 3) -> Family:
    """DeltaUPS-MIB names each line's objects; a one-phase UPS answers zeros for the others."""
    made = Family("delta_ups", "1.3.6.1.4.1.2254.2.4")
    cells = {
        "7.5.0": (42, RUNTIME, "42", "min", "battery"),
        "7.6.0": (2211, V, "221.1", "V", "battery"),
        "7.8.0": (96, CHARGE, "96", "%", "battery"),
        "7.9.0": (24, T, "24", "°C", "battery"),
        "5.1.0": (0, STATE, "0", "", "output"),
        "5.2.0": (500, HZ, "50", "Hz", "output"),
        "6.1.0": (500, HZ, "50", "Hz", "bypass"),
    }
    for cell, (raw, kind, value, unit, place) in cells.items():
        made.read(cell, raw, (kind, value, unit, place))
    made.cells |= {"4.1.0": lines, "5.3.0": lines, "6.2.0": lines}
    for line in (1, 2, 3):
        far = 3 * (line - 1)
        wide = 4 * (line - 1)
        row = (
            (f"4.{2 + far}.0", 499, (HZ, "49.9", "Hz", "input")),
            (f"4.{3 + far}.0", 2313, (V, "231.3", "V", "input")),
            (f"4.{4 + far}.0", 101, (A, "10.1", "A", "input")),
            (f"5.{4 + wide}.0", 2302, (V, "230.2", "V", "output")),
            (f"5.{5 + wide}.0", 94, (A, "9.4", "A", "output")),
            (f"5.{6 + wide}.0", 2000, (W, "2000", "W", "output")),
            (f"5.{7 + wide}.0", 36, (LOAD, "36", "%", "output")),
            (f"6.{3 + far}.0", 2308, (V, "230.8", "V", "bypass")),
            (f"6.{4 + far}.0", 2, (A, "0.2", "A", "bypass")),
            (f"6.{5 + far}.0", 40, (W, "40", "W", "bypass")),
        )
        for cell, raw, want in row:
            if line <= lines:
                made.read(cell, raw, want)
            else:
                made.cells[cell] = 0
    return made


def delta_ups_one_line() -> Family:
    return delta_ups(1)


MODELS = [
    cyberpower_ups,
    ups_mib,
    ups_mib_tenths,
    unknown_ups,
    apc_ups,
    eaton_xups,
    eaton_xups_whole,
    eaton_mg,
    delta_ups,
    delta_ups_one_line,
]
