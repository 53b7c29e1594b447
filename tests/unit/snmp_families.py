"""Larger models of each family, with values of our own: what their tables say, what must come out.

Every family is a chain or a three-phase model with many outlets and probes, some of them absent.
A cell is `column.index: raw value`; what isn't in `wanted` must not come out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

Raw = int | str
# class, value, unit, place
Wanted = tuple[str, str, str, str]


@dataclass
class Family:
    """One simulated device; OIDs in `cells` and `wanted` follow `root`."""

    profile: str
    root: str
    cells: dict[str, Raw] = field(default_factory=dict)
    wanted: dict[str, Wanted] = field(default_factory=dict)

    def row(self, entry: str, index: str, cells: dict[int, Raw]) -> None:
        """Add helping or meaningless cells of one row."""
        self.cells.update({f"{entry}.{column}.{index}": raw for column, raw in cells.items()})

    def read(self, cell: str, raw: Raw, wanted: Wanted) -> None:
        """Add a cell that is a reading."""
        self.cells[cell] = raw
        self.wanted[cell] = wanted

    def reads(
        self, entry: str, index: str, place: str, cells: Iterable[tuple[int, Raw, str, str]]
    ) -> None:
        """Add readings of one row: column, raw, value with unit, class."""
        for column, raw, value, kind in cells:
            number, _, unit = value.partition(" ")
            self.read(f"{entry}.{column}.{index}", raw, (kind, number, unit, place))


A, V, W = "current", "voltage", "power"
WH, PF, T, RH = "energy", "power_factor", "temperature", "humidity"
HZ, LOAD, STATE = "frequency", "load", "state"


def apc_rpdu2() -> Family:
    """Two cascaded units, three phases, six banks and 24 metered outlets each, four probes."""
    made = Family("apc_rpdu2", "1.3.6.1.4.1.318.1.1.26")
    for unit in (1, 2):
        made.row("4.3.1", f"{unit}", {2: unit, 3: f"R{unit}"})
        made.reads(
            "4.3.1",
            f"{unit}",
            "input",
            ((5, 523, "5230 W", W), (9, 81237, "8123.7 kWh", WH), (17, 97, "0.97", PF)),
        )
        for phase in (1, 2, 3):
            index = f"{3 * (unit - 1) + phase}"
            made.row("6.3.1", index, {2: unit, 3: phase})
            made.reads(
                "6.3.1",
                index,
                "phase",
                (
                    (5, 78 + phase, f"{7.8 + phase / 10:.1f} A", A),
                    (6, 230, "230 V", V),
                    (7, 174, "1740 W", W),
                    (9, 96, "0.96", PF),
                ),
            )
        for bank in range(1, 7):
            index = f"{6 * (unit - 1) + bank}"
            made.row("8.3.1", index, {2: unit, 3: bank})
            made.reads("8.3.1", index, "bank", ((5, 40 + bank, f"{(40 + bank) / 10} A", A),))
        for outlet in range(1, 25):
            index = f"{24 * (unit - 1) + outlet}"
            made.row("9.4.3.1", index, {2: unit, 3: f"Outlet {outlet}", 4: outlet})
            made.reads(
                "9.4.3.1",
                index,
                "outlet",
                (
                    (6, outlet, f"{outlet / 10} A", A),
                    (7, 23 * outlet, f"{23 * outlet} W", W),
                    (11, 1000 + outlet, f"{100 + outlet / 10} kWh", WH),
                ),
            )
    probe = "10.2.2.1"
    made.row(probe, "1", {2: 1, 3: "Front", 4: 1, 6: 2, 9: 4, 11: 4})
    made.reads(probe, "1", "ambient", ((8, 243, "24.3 °C", T), (10, 41, "41 %", RH)))
    # A temperature probe alone, a slot without one, one that was lost.
    made.row(probe, "2", {2: 1, 3: "Rear", 4: 2, 6: 2, 9: 4, 11: 1, 10: 0})
    made.reads(probe, "2", "ambient", ((8, 371, "37.1 °C", T),))
    made.row(probe, "3", {2: 2, 3: "None", 4: 1, 6: 1, 8: 0, 9: 1, 10: 0, 11: 1})
    made.row(probe, "4", {2: 2, 3: "Lost", 4: 2, 6: 3, 8: 250, 9: 4, 10: 40, 11: 4})
    return made


def apc_rpdu() -> Family:
    """The old tables: three phases, then banks; an outlet that isn't metered."""
    made = Family("apc_rpdu", "1.3.6.1.4.1.318.1.1.12")
    made.reads("1", "0", "input", ((15, 400, "400 V", V), (16, 6120, "6120 W", W)))
    made.reads("1", "0", "input", ((17, 985, "0.985", PF),))
    for row in range(1, 7):
        bank = row - 3 if row > 3 else 0
        made.row("2.3.1.1", f"{row}", {4: (row - 1) % 3 + 1, 5: bank})
        made.reads("2.3.1.1", f"{row}", "bank" if bank else "phase", ((2, 93, "9.3 A", A),))
    for outlet in range(1, 25):
        made.row("3.5.1.1", f"{outlet}", {2: f"Outlet {outlet}"})
        made.reads("3.5.1.1", f"{outlet}", "outlet", ((7, 12, "1.2 A", A),))
    made.row("3.5.1.1", "25", {2: "Outlet 25", 7: -1})
    made.cells["3.1.5.0"] = 24
    return made


def apc_rpdu_switched() -> Family:
    """A PDU that switches its outlets and doesn't meter them."""
    made = Family("apc_rpdu", "1.3.6.1.4.1.318.1.1.12", {"3.1.5.0": 0})
    made.row("2.3.1.1", "1", {4: 1, 5: 0})
    made.reads("2.3.1.1", "1", "phase", ((2, 93, "9.3 A", A),))
    for outlet in range(1, 9):
        made.row("3.5.1.1", f"{outlet}", {2: f"Outlet {outlet}", 7: 0})
    return made


def raritan_pdu2() -> Family:
    """Two inlets of three poles, six branches, a panel's circuits, 36 outlets, eight sensors."""
    made = Family("raritan_pdu2", "1.3.6.1.4.1.13742.6")
    # sensorType: digits, raw, value
    common = {1: (3, 7310, "7.31 A", A), 4: (0, 231, "231 V", V), 5: (0, 1650, "1650 W", W)}
    more = {7: (2, 97, "0.97", PF), 8: (0, 734210, "734.21 kWh", WH)}

    def sensors(
        config: str, live: str, index: str, place: str, kinds: dict[int, tuple[int, Raw, str, str]]
    ) -> None:
        for kind, (digits, raw, value, name) in kinds.items():
            made.cells[f"{config}.7.{index}.{kind}"] = digits
            made.cells[f"{live}.2.{index}.{kind}"] = 1
            made.reads(live, f"{index}.{kind}", place, ((4, raw, value, name),))

    for inlet in (1, 2):
        made.row("3.3.3.1", f"1.{inlet}", {2: f"I{inlet}"})
        sensors("3.3.4.1", "5.2.3.1", f"1.{inlet}", "input", {**common, **more})
        sensors("3.3.4.1", "5.2.3.1", f"1.{inlet}", "input", {23: (1, 500, "50 Hz", HZ)})
        for pole in (1, 2, 3):
            sensors("3.3.6.1", "5.2.4.1", f"1.{inlet}.{pole}", "phase", {**common, **more})
        # Apparent power has no class; a sensor that isn't available has no value.
        made.row("3.3.4.1", f"1.{inlet}.6", {7: 0})
        made.row("5.2.3.1", f"1.{inlet}.6", {2: 1, 4: 1700})
        made.row("3.3.6.1", f"1.{inlet}.4.1", {7: 3})
        made.row("5.2.4.1", f"1.{inlet}.4.1", {2: 2, 4: 0})
    for branch in range(1, 7):
        made.row("3.4.3.1", f"1.{branch}", {2: f"B{branch}", 3: ""})
        sensors("3.4.4.1", "5.3.3.1", f"1.{branch}", "bank", {1: (3, 4210, "4.21 A", A)})
        made.reads("5.3.3.1", f"1.{branch}.15", "bank", ((3, branch % 2, f"{branch % 2}", STATE),))
    for circuit in (1, 7):
        made.row("3.11.2.1", f"3.{circuit}", {3: f"Rack {circuit}"})
        sensors("3.11.4.1", "5.8.3.1", f"3.{circuit}", "bank", {**common, **more})
    for outlet in range(1, 37):
        made.row("3.5.3.1", f"1.{outlet}", {2: f"{outlet}", 3: ""})
        sensors("3.5.4.1", "5.4.3.1", f"1.{outlet}", "outlet", {**common, **more})
    # A sensor that the hardware lacks is there, with zeros; a breaker without a state says -1.
    for config, live, index in (
        ("3.3.4.1", "5.2.3.1", "1.3"),
        ("3.4.4.1", "5.3.3.1", "1.7"),
        ("3.5.4.1", "5.4.3.1", "1.37"),
        ("3.11.4.1", "5.8.3.1", "3.9"),
    ):
        for kind in (1, 4, 5, 7, 8, 15):
            made.row(config, f"{index}.{kind}", {7: 0})
            made.row(live, f"{index}.{kind}", {2: 2, 3: 1, 4: 0})
    made.row("5.3.3.1", "1.8.15", {2: 1, 3: -1, 4: 0})
    external = {  # number: type, unit, digits, available, raw, what comes out
        1: (10, 7, 1, 1, 236, ("24", 23.6)),
        2: (10, 14, 1, 1, 770, ("25", 25.0)),
        3: (11, 9, 0, 1, 44, ("44", 44)),
        4: (10, 7, 1, 2, 0, None),
        5: (13, 11, 0, 1, 60, None),
    }
    for number, (kind, unit, digits, available, raw, out) in external.items():
        made.row("3.6.3.1", f"1.{number}", {2: kind, 4: f"S{number}", 16: unit, 17: digits})
        made.row("5.5.3.1", f"1.{number}", {2: available, 3: 4, 4: raw})
        if out:
            name = (T, f"{out[1]}", "°C") if kind == 10 else (RH, f"{out[1]}", "%")
            made.wanted[f"5.5.3.1.4.1.{number}"] = (*name, "ambient")
    for number, kind, state in ((6, 20, 4), (7, 17, 11), (8, 43, -1)):
        made.row("3.6.3.1", f"1.{number}", {2: kind, 4: f"S{number}", 16: -1, 17: 0})
        made.row("5.5.3.1", f"1.{number}", {2: 1, 3: state, 4: 0})
        if state >= 0:
            made.wanted[f"5.5.3.1.3.1.{number}"] = (STATE, f"{state}", "", "ambient")
    return made


def sentry4(*, fahrenheit: bool = False) -> Family:
    """A master and a link unit: cords, lines, phases, branches, 24 outlets each, lost probes."""
    made = Family("sentry4", "1.3.6.1.4.1.1718.4.1")
    made.cells["9.1.10.0"] = int(fahrenheit)
    for unit in (1, 2):
        letter = "AB"[unit - 1]
        made.row("3.2.1", f"{unit}.1", {2: f"{letter}A", 3: "Cord"})
        made.reads(
            "3.3.1",
            f"{unit}.1",
            "cord",
            (
                (3, 6210, "6210 W", W),
                (7, 287, "28.7 %", LOAD),
                (8, 98, "0.98", PF),
                (10, 95213, "9521.3 kWh", WH),
                (11, 500, "50 Hz", HZ),
            ),
        )
        for part in (1, 2, 3):
            index = f"{unit}.1.{part}"
            made.row("4.2.1", index, {4: f"{letter}A:L{part}"})
            made.row("5.2.1", index, {4: f"{letter}A:L{part}-N"})
            made.row("7.2.1", index, {4: f"{letter}A:BR{part}"})
            made.reads("4.3.1", index, "line", ((3, 912, "9.12 A", A), (5, 285, "28.5 %", LOAD)))
            made.reads(
                "5.3.1",
                index,
                "phase",
                (
                    (3, 2304, "230.4 V", V),
                    (6, 905, "9.05 A", A),
                    (8, 2070, "2070 W", W),
                    (10, 99, "0.99", PF),
                    (13, 31737, "3173.7 kWh", WH),
                ),
            )
            made.reads("7.3.1", index, "bank", ((3, 456, "4.56 A", A), (5, 286, "28.6 %", LOAD)))
        for outlet in range(1, 25):
            index = f"{unit}.1.{outlet}"
            made.row("8.2.1", index, {2: f"{letter}A{outlet}", 3: f"Outlet {outlet}"})
            made.reads(
                "8.3.1",
                index,
                "outlet",
                (
                    (3, 75, "0.75 A", A),
                    (6, 2301, "230.1 V", V),
                    (7, 168, "168 W", W),
                    (10, 97, "0.97", PF),
                    (14, 812345, "812.345 kWh", WH),
                ),
            )
        made.row("8.3.1", f"{unit}.1.25", {3: -1, 6: -1, 7: -1, 10: -1, 14: -1})
        for sensors in ("9.2.1", "10.2.1", "11.2.1"):
            made.row(sensors, f"{unit}.1", {3: f"{letter}1"})
        value = "25 °C" if fahrenheit else "77 °C"
        made.reads("9.3.1", f"{unit}.1", "ambient", ((1, 770, value, T),))
        made.row("9.3.1", f"{unit}.2", {1: -410})
        made.reads("10.3.1", f"{unit}.1", "ambient", ((1, 38, "38 %", RH),))
        made.row("10.3.1", f"{unit}.2", {1: -1})
        made.reads("11.3.1", f"{unit}.1", "ambient", ((1, 18, "18", STATE),))
        made.row("12.3.1", f"{unit}.1", {1: 7})
    return made


def sentry3() -> Family:
    """Two towers of three infeeds, branches, 24 outlets; a Fahrenheit probe, one lost."""
    made = Family("sentry3", "1.3.6.1.4.1.1718.3.2")
    for tower in (1, 2):
        made.row("1.1", f"{tower}", {2: "AB"[tower - 1], 3: f"Tower {tower}"})
        made.reads(
            "1.1",
            f"{tower}",
            "cord",
            (
                (10, 312, "31.2 %", LOAD),
                (11, 5430, "5430 W", W),
                (13, 96, "0.96", PF),
                (14, 7421, "7421 kWh", WH),
                (15, 50, "50 Hz", HZ),
            ),
        )
        for feed in (1, 2, 3):
            index = f"{tower}.{feed}"
            made.row("2.1", index, {2: f"{tower}{feed}", 3: "Feed", 23: f"L{feed}-N"})
            made.reads(
                "2.1",
                index,
                "input",
                (
                    (7, 803, "8.03 A", A),
                    (11, 3987, "398.7 V", V),
                    (12, 1810, "1810 W", W),
                    (14, 98, "0.98", PF),
                    (16, 24736, "2473.6 kWh", WH),
                    (20, 251, "25.1 %", LOAD),
                ),
            )
            made.reads("2.1", index, "phase", ((18, 2302, "230.2 V", V), (19, 801, "8.01 A", A)))
            made.row("7.1", f"{index}.1", {2: f"{tower}{feed}1"})
            made.reads("7.1", f"{index}.1", "bank", ((7, 401, "4.01 A", A),))
            for outlet in range(1, 9):
                made.row("3.1", f"{index}.{outlet}", {2: f"{tower}{feed}{outlet}"})
                made.reads(
                    "3.1",
                    f"{index}.{outlet}",
                    "outlet",
                    (
                        (7, 41, "0.41 A", A),
                        (13, 2299, "229.9 V", V),
                        (14, 90, "90 W", W),
                        (16, 95, "0.95", PF),
                        (18, 123456, "123.456 kWh", WH),
                    ),
                )
    made.row("2.1", "2.4", {7: -1, 11: -1, 12: -1, 14: -1, 16: -1, 18: -1, 19: -1, 20: -1})
    made.row("5.1", "1.1", {3: "Front", 4: 0, 13: 1})
    made.reads("5.1", "1.1", "ambient", ((6, 770, "25 °C", T), (10, 39, "39 %", RH)))
    made.row("5.1", "1.2", {3: "Rear", 4: 2, 6: 770, 10: 39, 13: 1})
    made.row("5.1", "2.1", {3: "Bad", 4: 0, 6: -1, 10: -1, 13: 0})
    made.reads("4.1", "1", "ambient", ((6, 1, "1", STATE),))
    made.row("4.1", "2", {6: 2})
    made.reads("6.1", "1.1", "ambient", ((4, 0, "0", STATE),))
    return made


def eaton_epdu(*, totals: bool = True) -> Family:
    """Two strapped three-phase units: a row or a table of totals, a neutral, 30 outlets, probes."""
    made = Family("eaton_epdu", "1.3.6.1.4.1.534.6")
    for unit in (0, 1):
        made.cells[f"6.7.1.2.1.9.{unit}"] = unit  # the second unit counts in Fahrenheit
        made.reads("6.7.3.1.1", f"{unit}.1", "input", ((3, 500, "50 Hz", HZ),))
        for phase in (1, 2, 3):
            index = f"{unit}.1.{phase}"
            made.row("6.7.3.2.1", index, {2: phase + 1})
            made.reads("6.7.3.2.1", index, "phase", ((3, 231450, "231.45 V", V),))
            made.row("6.7.3.3.1", index, {2: phase + 2})
            made.reads(
                "6.7.3.3.1", index, "phase", ((4, 9120, "9.12 A", A), (11, 57, "57 %", LOAD))
            )
        made.row("6.7.3.3.1", f"{unit}.1.4", {2: 2})
        made.reads("6.7.3.3.1", f"{unit}.1.4", "neutral", ((4, 1210, "1.21 A", A),))
        for part in (1, 2, 3, 4):
            index = f"{unit}.1.{part}"
            made.row("6.7.3.4.1", index, {2: part, 4: 6180, 5: 10370367, 7: 960})
            if part < 4 or not totals:
                place, watts = ("phase", 2060) if part < 4 else ("input", 6180)
                made.reads(
                    "6.7.3.4.1",
                    index,
                    place,
                    (
                        (4, watts, f"{watts} W", W),
                        (5, 3456789, "3456.789 kWh", WH),
                        (7, 958, "0.958", PF),
                    ),
                )
        if totals:
            made.reads(
                "6.7.3.5.1",
                f"{unit}.1",
                "input",
                (
                    (4, 6180, "6180 W", W),
                    (5, 4123456789, "4123456.789 kWh", WH),
                    (7, 961, "0.961", PF),
                ),
            )
        for group in range(1, 7):
            index = f"{unit}.{group}"
            made.row("6.7.5.1.1", index, {3: f"Section {group}"})
            made.reads("6.7.5.1.1", index, "bank", ((5, 1, "1", STATE),))
            made.reads("6.7.5.3.1", index, "bank", ((3, 230100, "230.1 V", V),))
            made.reads("6.7.5.4.1", index, "bank", ((3, 3050, "3.05 A", A), (10, 19, "19 %", LOAD)))
            made.reads(
                "6.7.5.5.1",
                index,
                "bank",
                ((3, 690, "690 W", W), (4, 512345, "512.345 kWh", WH), (6, 970, "0.97", PF)),
            )
        for outlet in range(1, 31):
            index = f"{unit}.{outlet}"
            made.row("6.7.6.1.1", index, {3: f"Outlet {outlet}", 6: f"A{outlet}"})
            made.reads("6.7.6.3.1", index, "outlet", ((2, 230050, "230.05 V", V),))
            made.reads("6.7.6.4.1", index, "outlet", ((3, 612, "0.612 A", A),))
            made.reads(
                "6.7.6.5.1",
                index,
                "outlet",
                ((3, 138, "138 W", W), (4, 98765, "98.765 kWh", WH), (6, 985, "0.985", PF)),
            )
        # A dead feed, a group without breaker and a contact that's bad say nothing.
        made.row("6.7.3.1.1", f"{unit}.2", {3: 0})
        made.row("6.7.3.2.1", f"{unit}.2.1", {2: 2, 3: 0})
        made.row("6.7.5.1.1", f"{unit}.7", {3: "Section 7", 5: 0})
        made.row("6.7.5.3.1", f"{unit}.7", {3: 0})
        made.row("6.7.6.3.1", f"{unit}.31", {2: 0})
        made.row("6.7.7.3.1", f"{unit}.3", {2: "Bad", 3: 1, 4: -1})
        made.row("6.7.6.4.1", f"{unit}.31", {3: -1})
        made.row("6.7.6.5.1", f"{unit}.31", {3: -1, 6: -1})
        made.row("6.7.7.1.1", f"{unit}.1", {2: "Probe", 3: 1})
        value = "25 °C" if unit else "77 °C"
        made.reads("6.7.7.1.1", f"{unit}.1", "ambient", ((4, 770, value, T),))
        made.row("6.7.7.1.1", f"{unit}.2", {2: "None", 3: 0, 4: 0})
        made.row("6.7.7.2.1", f"{unit}.1", {2: "Probe", 3: 1})
        made.reads("6.7.7.2.1", f"{unit}.1", "ambient", ((4, 418, "41.8 %", RH),))
        made.row("6.7.7.2.1", f"{unit}.2", {2: "None", 3: -1, 4: 0})
        made.row("6.7.7.3.1", f"{unit}.1", {2: "Door", 3: 1})
        made.reads("6.7.7.3.1", f"{unit}.1", "ambient", ((4, 0, "0", STATE),))
        made.row("6.7.7.3.1", f"{unit}.2", {2: "None", 3: 0, 4: -1})
    # Probes of the second generation, in tenths of a kelvin; one is disabled.
    made.cells["8.1.2.5.0"] = 2
    made.row("8.1.2.2.1", "1.1", {1: "EMP", 2: 1})
    made.reads("8.1.2.3.1", "1.1", "ambient", ((3, 2962, "23.05 °C", T),))
    made.row("8.1.2.2.1", "2.1", {1: "Off", 2: 0})
    made.row("8.1.2.3.1", "2.1", {3: 2962})
    made.row("8.1.3.2.1", "2.1", {1: "Off", 2: 0})
    made.row("8.1.3.3.1", "2.1", {3: 455})
    made.reads("8.1.3.3.1", "1.1", "ambient", ((3, 455, "45.5 %", RH),))
    return made


def sentry4_fahrenheit() -> Family:
    return sentry4(fahrenheit=True)


def eaton_epdu_row_of_totals() -> Family:
    return eaton_epdu(totals=False)


MODELS = [
    apc_rpdu2,
    apc_rpdu,
    apc_rpdu_switched,
    raritan_pdu2,
    sentry4,
    sentry4_fahrenheit,
    sentry3,
    eaton_epdu,
    eaton_epdu_row_of_totals,
]
