"""What is said about a doubtful number: a sentence with the numbers and the way out, by kind."""

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from dcim.errors import InvalidError
from dcim.metering.registers import Register
from dcim.meters.plausibility import Doubt
from dcim.records.fields import mark

Said = tuple[str, dict[str, str]]
WORDS = {
    "future": mark("The reading's time lies in the future; check the clock, or leave it empty."),
    "before_installed": mark(
        "This meter hangs since %(installed)s: a reading from before is of another meter."
    ),
    "after_removed": mark(
        "This meter was taken down at %(removed)s: a reading from after is of the next meter."
    ),
    "same_time": mark(
        "There is a reading of %(at)s already. If it is wrong, correct it on the meter's page."
    ),
    "above_next": mark(
        "%(value)s is more than the %(next)s read later, at %(next_at)s. Check the number and its"
        " time; if the later one is wrong, correct that one on the meter's page."
    ),
    "lower": mark(
        "%(value)s is less than the %(last)s of %(last_at)s. If the register began again at 0, say"
        " so (%(if_rolled)s kWh were used then). If the meter was changed, end it on its page. If"
        " the last reading was wrong, correct that one."
    ),
    "not_newest": mark("A later reading is there already, of %(newest)s: this one is older."),
    "rolled_over": mark("The register began again at 0: %(mwh)s kWh since the last reading."),
    "above_breaker": mark(
        "%(mwh)s kWh in %(span_ms)s h is more than the breaker carries by its rating (%(most_mwh)s"
        " kWh at %(rated_mw)s kW). Check the digits, the decimal point and the multiplier."
    ),
    "next_above_breaker": mark(
        "Then %(mwh)s kWh passed in the %(span_ms)s h until the %(next)s read at %(next_at)s; the"
        " breaker carries %(most_mwh)s kWh at its %(rated_mw)s kW. Check the number and its time;"
        " if the later one is wrong, correct that one on the meter's page."
    ),
    "far_above": mark(
        "%(mwh)s kWh since the last reading; by the months before about %(expected_mwh)s kWh were"
        " to be expected. Check the digits."
    ),
    "far_below": mark(
        "Only %(mwh)s kWh since the last reading; by the months before about %(expected_mwh)s kWh"
        " were to be expected. Check the digits."
    ),
    "standing": mark(
        "The same number as %(span_ms)s h ago: nothing was used, or the meter stands still."
    ),
}
IMPOSSIBLE_POWER = mark(
    "%(mwh)s kWh in %(span_ms)s h can't have passed: the breaker carries %(most_mwh)s kWh at its"
    " %(rated_mw)s kW, and would have tripped. Check the digits, the decimal point, the multiplier,"
    " and the last reading; if that was wrong, correct it first."
)
INSTANTS = ("installed", "removed", "at", "next_at", "last_at", "newest")
STEPS = ("value", "next", "last")


class DoubtsError(InvalidError):
    """Warnings without a reason. `said` has a sentence for each; the error's own is the first."""

    def __init__(self, doubts: Sequence[Doubt], register: Register, zone: str) -> None:
        self.said = [say_doubt(doubt, register, zone) for doubt in doubts]
        message, places = self.said[0]
        kinds = [doubt.kind for doubt in doubts]
        super().__init__(message, {"doubt_reason": kinds}, **places)


def refuse_impossible(doubts: Sequence[Doubt], register: Register, zone: str) -> InvalidError:
    message, places = say_doubt(doubts[0], register, zone)
    where = (
        "read_at" if doubts[0].kind in ("future", "before_installed", "after_removed") else "value"
    )
    return InvalidError(message, {where: [doubt.kind for doubt in doubts]}, **places)


def say_doubt(doubt: Doubt, register: Register, zone: str) -> Said:
    """(msgid, its places): instants as the site's clocks show them, energy in kWh."""
    places = {}
    for name, number in doubt.numbers.items():
        if name in INSTANTS:
            local = dt.datetime.fromtimestamp(number / 1000, ZoneInfo(zone))
            places[name] = f"{local:%Y-%m-%d %H:%M}"
        elif name in STEPS:
            places[name] = register.write(number)
        elif name == "span_ms":
            places[name] = say_thousandths(number // 3600)
        else:
            places[name] = say_thousandths(number // 1000)
    message = WORDS[doubt.kind]
    if doubt.kind == "above_breaker" and doubt.impossible:
        message = IMPOSSIBLE_POWER
    return message, places


def say_thousandths(number: int) -> str:
    """Thousandths as a number with up to three decimals: 1500 is "1.5", 1234000 "1,234"."""
    whole, part = divmod(number, 1000)
    return f"{whole:,}" + (f".{part:03d}".rstrip("0") if part else "")
