"""More families' larger models, with values of our own; see `snmp_families`."""

from __future__ import annotations

from tests.unit.snmp_families import PF, RH, STATE, WH, A, Family, T, V, W


def vertiv_geist() -> Family:
    """Two units, three phases each, breakers, lines, 36 outlets; probes in Fahrenheit, one away."""
    made = Family("vertiv_geist", "1.3.6.1.4.1.21239.5")
    made.cells["2.1.7.0"] = 0
    metered = (
        (12, 3456, "3456 W", W),
        (14, 97, "0.97", PF),
        (15, 1234567, "1234.567 kWh", WH),
    )
    for unit in (1, 2):
        made.row("2.3.1.1", f"{unit}", {3: f"PDU {unit}", 5: 1})
        made.reads(
            "2.3.1.1",
            f"{unit}",
            "input",
            ((9, 12345, "12345 W", W), (11, 98, "0.98", PF), (12, 98765432, "98765.432 kWh", WH)),
        )
    made.row("2.3.1.1", "3", {3: "Lost", 5: 0, 9: 0, 11: 0, 12: 0})
    for part in range(1, 7):
        made.row("2.3.2.1", f"{part}", {3: f"Phase {part}"})
        phase = ((4, 2305, "230.5 V", V), (8, 1567, "15.67 A", A))
        made.reads("2.3.2.1", f"{part}", "phase", (*phase, *metered))
        made.row("2.3.3.1", f"{part}", {3: f"Circuit {part}"})
        breaker = ((4, 801, "8.01 A", A), (8, 2304, "230.4 V", V))
        made.reads("2.3.3.1", f"{part}", "bank", (*breaker, *metered))
        made.row("2.3.4.1", f"{part}", {3: f"Line {part}"})
        made.reads("2.3.4.1", f"{part}", "line", ((4, 1570, "15.7 A", A),))
    made.row("2.3.4.1", "7", {3: "Neutral"})
    made.reads("2.3.4.1", "7", "neutral", ((4, 230, "2.3 A", A),))
    for outlet in range(1, 37):
        made.row("2.3.6.1", f"{outlet}", {3: f"Outlet {outlet}"})
        readings = ((4, 2301, "230.1 V", V), (8, 52, "0.52 A", A))
        made.reads("2.3.6.1", f"{outlet}", "outlet", (*readings, *metered))
    for entry, humid in (("2.4.1", 0), ("2.5.1", 7), ("2.9.1", 6)):
        made.row(entry, "1", {3: f"Probe {entry}", 4: 1})
        made.reads(entry, "1", "ambient", ((5, 770, "25 °C", T),))
        if humid:
            made.reads(entry, "1", "ambient", ((humid, 44, "44 %", RH),))
        made.row(entry, "2", {3: f"Away {entry}", 4: 0, 5: 320, humid or 6: 0})
    made.row("2.8.1", "2", {3: "Away", 4: 0, 6: 0, 7: 0, 9: 1, 11: 0, 12: 1, 14: 0})
    made.row("2.8.1", "1", {3: "T3HD", 4: 2, 9: 1, 10: "A", 12: 0, 13: "B", 14: 320})
    made.reads(
        "2.8.1", "1", "ambient", ((6, 770, "25 °C", T), (7, 45, "45 %", RH), (11, 500, "10 °C", T))
    )
    return made


def geist_v4() -> Family:
    """A Watchdog with its own sensor and two probes, one of them away."""
    made = Family("geist_v4", "1.3.6.1.4.1.21239.5")
    made.cells["1.1.7.0"] = 1
    made.row("1.2.1", "1", {3: "Watchdog", 4: 1})
    made.reads("1.2.1", "1", "ambient", ((5, 231, "23.1 °C", T), (6, 47, "47 %", RH)))
    made.row("1.6.1", "1", {3: "Dew point", 4: 1})
    made.reads("1.6.1", "1", "ambient", ((5, 187, "18.7 °C", T), (6, 52, "52 %", RH)))
    made.reads("1.5.1", "1", "ambient", ((5, 250, "25 °C", T), (7, 41, "41 %", RH)))
    made.row("1.5.1", "1", {3: "Air flow", 4: 1})
    absent = {
        "1.2.1": (5, 6),
        "1.4.1": (5,),
        "1.5.1": (5, 7),
        "1.6.1": (5, 6),
        "1.8.1": (6, 7, 9, 11),
    }
    for entry, columns in absent.items():
        made.row(entry, "2", {3: "Away", 4: 0, **dict.fromkeys(columns, 0)})
    return made


def geist_v4_fahrenheit() -> Family:
    """The same Watchdog, set to Fahrenheit."""
    made = Family("geist_v4", "1.3.6.1.4.1.21239.5")
    made.cells["1.1.7.0"] = 0
    for entry, column in (("1.2.1", 5), ("1.4.1", 5), ("1.5.1", 5), ("1.6.1", 5), ("1.8.1", 6)):
        made.row(entry, "1", {3: f"Probe {entry}", 4: 1})
        made.reads(entry, "1", "ambient", ((column, 770, "25 °C", T),))
    made.row("1.8.1", "1", {9: 1, 10: "A", 12: 1, 13: "B"})
    made.reads("1.8.1", "1", "ambient", ((11, 500, "10 °C", T), (14, 1040, "40 °C", T)))
    made.row("1.8.1", "2", {3: "Unplugged", 4: 1, 9: 0, 11: 320, 12: 0, 14: 320})
    made.reads("1.8.1", "2", "ambient", ((6, 770, "25 °C", T),))
    return made


def geist_v3() -> Family:
    """The third module: a PDU of three phases, one of a single phase, probes."""
    made = Family("geist_v3", "1.3.6.1.4.1.21239.2")
    for unit, phases in ((1, 3), (2, 1)):
        made.row("25.1", f"{unit}", {3: f"RCM {unit}", 4: 1})
        for far in (0, 8, 16):
            row = (
                (5 + far, 5255, "5255 kWh", WH),
                (6 + far, 231, "231 V", V),
                (8 + far, 73, "7.3 A", A),
                (10 + far, 1640, "1640 W", W),
                (12 + far, 97, "0.97", PF),
            )
            if far < 8 * phases:
                made.reads("25.1", f"{unit}", "phase", row)
            else:
                made.row("25.1", f"{unit}", {column: 0 for column, *_ in row})
    made.row("2.1", "1", {3: "Climate", 4: 1})
    made.reads("2.1", "1", "ambient", ((5, 24, "24 °C", T), (7, 43, "43 %", RH)))
    for probe in (1, 2, 3):
        made.row("4.1", f"{probe}", {3: f"Probe {probe}", 4: int(probe < 3)})
    made.reads("4.1", "1", "ambient", ((5, 23, "23 °C", T),))
    made.reads("4.1", "2", "ambient", ((5, 31, "31 °C", T),))
    made.row("4.1", "3", {5: 0})
    made.row("2.1", "2", {3: "Away", 4: 0, 5: 0, 7: 0})
    lost = {column + far: 9 for column in (5, 6, 8, 10, 12) for far in (0, 8, 16)}
    made.row("25.1", "3", {3: "Lost", 4: 0, **lost})
    return made


def raritan_px() -> Family:
    """The first generation: three inlets, 24 outlets, probes of both kinds."""
    made = Family("raritan_px", "1.3.6.1.4.1.13742.4")
    made.reads("1.3.1", "0", "input", ((3, 4980, "4980 W", W),))
    made.reads("1.3.1", "0", "internal", ((5, 412, "41.2 °C", T),))
    for line in (1, 2, 3):
        row = ((7, 7310, "7.31 A", A), (8, 230500, "230.5 V", V), (9, 1660, "1660 W", W))
        made.reads("1.20.2.1", f"{line}", "phase", row)
    for outlet in range(1, 25):
        made.row("1.2.2.1", f"{outlet}", {2: f"Outlet {outlet}"})
        made.reads(
            "1.2.2.1",
            f"{outlet}",
            "outlet",
            (
                (4, 340, "0.34 A", A),
                (6, 230100, "230.1 V", V),
                (7, 75, "75 W", W),
                (31, 654321, "654.321 kWh", WH),
            ),
        )
    made.row("3.3.1", "4", {2: 10, 4: "Front", 16: 7, 17: 1})
    made.reads("3.3.1", "4", "ambient", ((41, 215, "21.5 °C", T),))
    made.row("3.3.1", "5", {2: 11, 4: "Front", 16: 9, 17: 0})
    made.reads("3.3.1", "5", "ambient", ((41, 39, "39 %", RH),))
    return made


def cyberpower_pdu() -> Family:
    """A daisy chain's host: two units, phases, banks, 24 outlets each, two probes."""
    made = Family("cyberpower_pdu", "1.3.6.1.4.1.3808.1.1")
    for unit in (1, 2):
        made.row("6.3.4.1", f"{unit}", {2: unit, 3: f"PDU {unit}"})
        made.reads(
            "6.3.4.1",
            f"{unit}",
            "input",
            (
                (5, 243, "24.3 A", A),
                (9, 70123, "7012.3 kWh", WH),
                (16, 96, "0.96", PF),
                (18, 5210, "5210 W", W),
            ),
        )
        for part in (1, 2, 3):
            index = f"{3 * (unit - 1) + part}"
            made.row("6.4.4.1", index, {2: unit, 3: part})
            made.reads(
                "6.4.4.1",
                index,
                "phase",
                (
                    (5, 81, "8.1 A", A),
                    (6, 2304, "230.4 V", V),
                    (7, 1780, "1780 W", W),
                    (9, 95, "0.95", PF),
                ),
            )
            made.row("6.5.4.1", index, {2: unit, 3: part})
            made.reads("6.5.4.1", index, "bank", ((5, 79, "7.9 A", A),))
        for outlet in range(1, 25):
            index = f"{24 * (unit - 1) + outlet}"
            made.row("6.6.2.4.1", index, {2: unit, 3: outlet, 4: f"Outlet {outlet}"})
            made.reads(
                "6.6.2.4.1",
                index,
                "outlet",
                ((6, 7, "0.7 A", A), (7, 155, "155 W", W), (11, 2468, "246.8 kWh", WH)),
            )
    made.cells["8.2.2.0"] = 2
    for probe in (1, 2):
        made.row("8.1.2.1", f"{probe}", {3: f"Probe {probe}"})
        made.reads("8.2.3.1", f"{probe}", "ambient", ((3, 7700, "25 °C", T),))
        made.reads("8.3.2.1", f"{probe}", "ambient", ((3, 4512, "45.12 %", RH),))
    made.row("8.3.2.1", "3", {3: 0})
    return made


def cyberpower_pdu_old() -> Family:
    """The first ePDU tables: a phase with two banks, outlets, the old probe in Fahrenheit."""
    made = Family("cyberpower_pdu", "1.3.6.1.4.1.3808.1.1")
    for row, bank in ((1, 0), (2, 1), (3, 2)):
        made.row("3.2.3.1.1", f"{row}", {4: 1, 5: bank})
        made.reads(
            "3.2.3.1.1",
            f"{row}",
            "bank" if bank else "phase",
            (
                (2, 112, "11.2 A", A),
                (6, 2298, "229.8 V", V),
                (7, 2450, "2450 W", W),
                (9, 95, "0.95", PF),
                (10, 61234, "6123.4 kWh", WH),
            ),
        )
    for outlet in range(1, 25):
        made.row("3.3.5.1.1", f"{outlet}", {2: f"Outlet {outlet}"})
        made.reads("3.3.5.1.1", f"{outlet}", "outlet", ((7, 4, "0.4 A", A), (8, 88, "88 W", W)))
    made.row("3.3.5.1.1", "25", {7: -1, 8: -1})
    made.read("4.2.1.0", 770, (T, "25", "°C", "ambient"))
    made.read("4.3.1.0", 43, (RH, "43", "%", "ambient"))
    return made


def enlogic_pdu() -> Family:
    """Two units of a chain, three phases, breakers, 24 outlets each, six sensors."""
    made = Family("enlogic_pdu", "1.3.6.1.4.1.38446.1")
    for unit in (1, 2):
        made.reads(
            "2.4.1", f"{unit}", "input", ((4, 5120, "5120 W", W), (9, 91234, "9123.4 kWh", WH))
        )
        for part in (1, 2, 3):
            index = f"{unit}.{part}"
            made.reads(
                "3.4.1",
                index,
                "phase",
                (
                    (5, 742, "7.42 A", A),
                    (6, 231, "231 V", V),
                    (7, 1690, "1690 W", W),
                    (9, 98, "0.98", PF),
                ),
            )
            made.row("4.4.1", index, {3: f"CB{part}"})
            made.reads("4.4.1", index, "bank", ((5, 371, "3.71 A", A),))
        made.row("4.4.1", f"{unit}.4", {3: "NA", 5: 0})
        for outlet in range(1, 25):
            index = f"{unit}.{outlet}"
            made.row("5.9.1", index, {3: f"Outlet {outlet}"})
            made.reads(
                "5.9.1",
                index,
                "outlet",
                (
                    (5, 31, "0.31 A", A),
                    (6, 70, "70 W", W),
                    (7, 97, "0.97", PF),
                    (11, 4321, "432.1 kWh", WH),
                ),
            )
    sensors = {  # type, unit, comm, state
        1: (1, 1, 2, 2),
        2: (1, 2, 2, 2),
        3: (2, 3, 2, 2),
        4: (3, 0, 2, 1),
        5: (1, 1, 1, 0),
        6: (9, 4, 2, 2),
    }
    for number, (kind, unit, comm, state) in sensors.items():
        index = f"1.{number}"
        made.row("6.2.1", index, {6: kind, 7: unit})
        made.row("6.4.1", index, {2: f"S{number}", 4: comm, 5: state, 6: 23})
    made.reads("6.4.1", "1.1", "ambient", ((8, 236, "23.6 °C", T),))
    made.reads("6.4.1", "1.2", "ambient", ((8, 770, "25 °C", T),))
    made.reads("6.4.1", "1.3", "ambient", ((6, 44, "44 %", RH),))
    made.reads("6.4.1", "1.4", "ambient", ((6, 1, "1", STATE),))
    made.row("6.4.1", "1.5", {8: 0})
    return made


def enlogic_pdu_first() -> Family:
    """Firmware without the high-precision value: whole degrees."""
    made = Family("enlogic_pdu", "1.3.6.1.4.1.38446.1")
    made.row("6.2.1", "1.1", {6: 1, 7: 2})
    made.row("6.4.1", "1.1", {2: "S1", 4: 2, 5: 2})
    made.reads("6.4.1", "1.1", "ambient", ((6, 77, "25 °C", T),))
    return made


def apc_emu() -> Family:
    """Both generations in Fahrenheit; probes that are away."""
    made = Family("apc_emu", "1.3.6.1.4.1.318.1.1.10")
    made.cells |= {"3.12.11.0": 2, "4.2.1.0": 2}
    for probe in range(1, 5):
        made.row("3.13.1.1", f"{probe}", {2: f"Probe {probe}", 10: 2})
        made.reads("3.13.1.1", f"{probe}", "ambient", ((3, 77, "25 °C", T), (6, 40, "40 %", RH)))
    made.row("3.13.1.1", "5", {2: "Away", 3: 77, 6: 40, 10: 1})
    for module in (0, 1):
        made.row("4.2.3.1", f"{module}.1", {3: "Sensor", 7: 2})
        made.reads("4.2.3.1", f"{module}.1", "ambient", ((5, 50, "10 °C", T), (6, 41, "41 %", RH)))
        made.row("4.2.3.1", f"{module}.2", {3: "Lost", 5: 77, 6: 40, 7: 3})
        made.row("4.2.3.1", f"{module}.3", {3: "-", 5: -1, 6: -1, 7: 2})
    for probe, unit, raw in ((1, 1, 25), (2, 2, 77)):
        made.row("2.3.2.1", f"{probe}", {2: f"Card probe {probe}", 3: 2, 5: unit})
        made.reads("2.3.2.1", f"{probe}", "ambient", ((4, raw, "25 °C", T), (6, 39, "39 %", RH)))
    made.row("2.3.2.1", "3", {2: "Unplugged", 3: 1, 4: 25, 5: 1, 6: 39})
    made.row("2.3.2.1", "4", {2: "No humidity", 3: 2, 4: -1, 5: 1, 6: 0})
    made.row("3.13.1.1", "6", {2: "No values", 3: -1, 6: 0, 10: 2})
    return made


def akcp() -> Family:
    """A sensorProbe8, and the later boxes whose unit is a letter."""
    made = Family("akcp", "1.3.6.1.4.1.3854")
    for port in range(8):
        here = port % 2 == 0
        made.row("1.2.2.1.16.1", f"{port}", {1: f"T{port}", 5: 1 if here else 2, 12: port // 4})
        made.row("1.2.2.1.17.1", f"{port}", {1: f"H{port}", 5: 1 if here else 2})
        made.row("1.2.2.1.18.1", f"{port}", {1: f"D{port}", 4: 1 if here else 2})
        if here:
            value = "23.4 °C" if port // 4 else "25 °C"
            raw = 234 if port // 4 else 770
            made.reads("1.2.2.1.16.1", f"{port}", "ambient", ((14, raw, value, T),))
            made.reads("1.2.2.1.17.1", f"{port}", "ambient", ((3, 42, "42 %", RH),))
            made.reads("1.2.2.1.18.1", f"{port}", "ambient", ((3, 4, "4", STATE),))
        else:
            made.cells[f"1.2.2.1.16.1.14.{port}"] = 199
            made.cells[f"1.2.2.1.17.1.3.{port}"] = 0
            made.cells[f"1.2.2.1.18.1.3.{port}"] = 1
    for root in ("3.5", "2.3"):
        for port, letter, raw, value in ((0, "C", 231, "23.1 °C"), (1, "F", 770, "25 °C")):
            index = f"0.0.{port}.0.0"
            made.row(f"{root}.2.1", index, {2: f"Port {port}", 5: letter, 8: 1})
            made.reads(f"{root}.2.1", index, "ambient", ((20, raw, value, T),))
            made.row(f"{root}.3.1", index, {2: f"Port {port}", 8: 1})
            made.reads(f"{root}.3.1", index, "ambient", ((4, 48, "48 %", RH),))
        made.row(f"{root}.2.1", "0.0.2.0.0", {2: "Away", 5: "C", 8: 2, 20: 0})
        made.row(f"{root}.3.1", "0.0.2.0.0", {2: "Away", 8: 2, 4: 0})
    return made


def akcp_whole_degrees() -> Family:
    """Older firmware of each box has no raw value."""
    made = Family("akcp", "1.3.6.1.4.1.3854")
    made.row("1.2.2.1.16.1", "0", {1: "T0", 5: 1, 12: 0})
    made.reads("1.2.2.1.16.1", "0", "ambient", ((3, 77, "25 °C", T),))
    made.row("3.5.2.1", "0.0.0.0.0", {2: "Port 0", 5: "F", 8: 1})
    made.reads("3.5.2.1", "0.0.0.0.0", "ambient", ((4, 50, "10 °C", T),))
    made.row("3.5.2.1", "0.0.1.0.0", {2: "Port 1", 4: 23, 5: "C", 8: 2})
    return made


def entity_sensors() -> Family:
    """ENTITY-SENSOR-MIB: scales, precisions, supplies; what isn't ok, and a transceiver's bias."""
    made = Family("generic", "1.3.6.1.2.1")
    rows = {  # type, scale, precision, status, raw, name: what comes out
        1: (8, 9, 1, 1, 415, "Chassis", (T, "41.5", "°C", "internal")),
        2: (8, 8, 0, 1, 24000, "Inlet air", (T, "24", "°C", "ambient")),
        3: (6, 9, 0, 1, 412, "Supply 1 input", (W, "412", "W", "internal")),
        4: (5, 8, 0, 1, 1850, "Supply 1 current", (A, "1.85", "A", "internal")),
        5: (4, 9, 2, 1, 1203, "Supply 1 volts", (V, "12.03", "V", "internal")),
        # RFC 3433: a negative precision counts accurate digits.
        6: (3, 9, -2, 1, 230, "Supply 2 input volts", (V, "230", "V", "internal")),
        7: (6, 10, 2, 1, 123, "Supply 2 input", (W, "1230", "W", "internal")),
        8: (8, 9, 1, 1, 381, "Xcvr for Ethernet1", (T, "38.1", "°C", "transceiver")),
        9: (5, 7, 0, 1, 6500, "Xcvr for Ethernet1 bias", None),
        10: (6, 7, 0, 1, 540, "Xcvr for Ethernet1 Rx Power", None),
        11: (8, 9, 0, 2, 0, "Supply 3", None),
        12: (10, 9, 0, 1, 4200, "Fan", None),
    }
    for index, (kind, scale, digits, status, raw, name, out) in rows.items():
        made.row("47.1.1.1.1", f"{index}", {7: name})
        made.row("99.1.1.1", f"{index}", {1: kind, 2: scale, 3: digits, 4: raw, 5: status})
        if out:
            made.wanted[f"99.1.1.1.4.{index}"] = out
    return made


def cisco() -> Family:
    """Supplies and boards of a modular switch; optics are nobody's power."""
    made = Family("cisco", "1.3.6.1")
    rows = {  # type, scale, precision, status, raw, name: what comes out
        1: (8, 9, 0, 1, 41, "module-1 Outlet", (T, "41", "°C", "internal")),
        2: (8, 9, 0, 1, 24, "Fan tray intake", (T, "24", "°C", "ambient")),
        3: (6, 9, 3, 1, 412000, "PowerSupply-1 Sensor-1", (W, "412", "W", "internal")),
        4: (5, 8, 0, 1, 1850, "PowerSupply-1 Sensor-2", (A, "1.85", "A", "internal")),
        5: (8, 9, 2, 1, 3412, "TwentyFiveGigE1/0/1 Module", (T, "34.12", "°C", "transceiver")),
        6: (5, 8, 2, 1, 650, "FiftyGigE1/0/2 Bias", None),
        7: (6, 8, 3, 1, 540, "HundredGigE1/0/49 Rx Power", None),
        8: (14, 9, 1, 1, -53, "Te1/1/1 Receive Power", None),
        9: (8, 9, 0, 3, 0, "module-2 Outlet", None),
    }
    for index, (kind, scale, digits, status, raw, name, out) in rows.items():
        made.row("2.1.47.1.1.1.1", f"{index}", {7: name})
        cells = {1: kind, 2: scale, 3: digits, 4: raw, 5: status}
        made.row("4.1.9.9.91.1.1.1.1", f"{index}", dict(cells))
        if out:
            made.wanted[f"4.1.9.9.91.1.1.1.1.4.{index}"] = out
    made.row("4.1.9.9.13.1.3.1", "1", {2: "Chassis", 6: 1})
    made.reads("4.1.9.9.13.1.3.1", "1", "internal", ((3, 38, "38 °C", T),))
    made.row("4.1.9.9.13.1.2.1", "1", {2: "12 V", 7: 1})
    made.reads("4.1.9.9.13.1.2.1", "1", "internal", ((3, 12015, "12.015 V", V),))
    made.row("4.1.9.9.13.1.2.1", "2", {2: "Away", 3: 12000, 7: 5})
    made.row("4.1.9.9.13.1.3.1", "2", {2: "Away", 3: 25, 6: 5})
    for entry, state in (("4.1.9.9.13.1.3.1", 6), ("4.1.9.9.13.1.2.1", 7)):
        made.row(entry, "3", {2: "No sensor", 3: 0, state: 1})
    return made


def h3c_comware() -> Family:
    """Boards and optics; what isn't supported is the largest integer."""
    made = Family("h3c_comware", "1.3.6.1")
    made.reads("4.1.25506.2.6.1.1.1.1", "101", "internal", ((12, 47, "47 °C", T),))
    made.row("4.1.25506.2.6.1.1.1.1", "102", {12: 65535})
    optics = "4.1.25506.2.70.1.1.1"
    for port in (1, 2, 3, 4):
        made.row("2.1.31.1.1.1", f"{port}", {1: f"Ten-GigabitEthernet1/0/{port}"})
        made.reads(optics, f"{port}", "transceiver", ((15, 38, "38 °C", T), (16, 331, "3.31 V", V)))
    made.row(optics, "5", {9: -530, 15: 2**31 - 1, 16: 2**31 - 1, 17: 650})
    return made


def mikrotik_six() -> Family:
    """RouterOS 6 has scalars of its own."""
    made = Family("mikrotik", "1.3.6.1.4.1.14988.1.1.3")
    made.read("8.0", 241, (V, "24.1", "V", "internal"))
    made.read("10.0", 385, (T, "38.5", "°C", "internal"))
    made.read("12.0", 198, (W, "19.8", "W", "internal"))
    made.read("13.0", 823, (A, "0.823", "A", "internal"))
    return made


MODELS = [
    vertiv_geist,
    geist_v4,
    geist_v4_fahrenheit,
    geist_v3,
    raritan_px,
    cyberpower_pdu,
    cyberpower_pdu_old,
    enlogic_pdu,
    enlogic_pdu_first,
    apc_emu,
    akcp,
    akcp_whole_degrees,
    entity_sensors,
    cisco,
    h3c_comware,
    mikrotik_six,
]
