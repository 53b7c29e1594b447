"""How figures are written: money, percentages, durations, instants, rates, in zh and en."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

CURRENCY_SIGNS = {"CNY": "¥", "USD": "US$", "EUR": "€", "HKD": "HK$", "GBP": "£", "SGD": "S$"}
MINUS = "\N{MINUS SIGN}"
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]

# What could turn text around, hide it, or has no glyph in the fonts a statement embeds.
UNSAFE = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\ufff0-\ufffb\ue000-\uf8ff\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
UNBROKEN = re.compile(r"(?<=\b[A-Z]{3}) (?=\d)|(?<=\d) (?=%|°C)")  # CNY 5, 99.9 %
PICTOGRAPHS = re.compile("[\U0001f000-\U0001faff]")


def plain(text: object, limit: int = 300) -> str:
    """Text from outside, fit to be printed: composed, without controls, cut to `limit`."""
    value = unicodedata.normalize("NFC", str(text))
    value = PICTOGRAPHS.sub("\N{WHITE SQUARE}", UNSAFE.sub("", value.replace("\n", " ")))
    return value if len(value) <= limit else value[: limit - 1] + "…"


def pick(texts: Mapping[str, str] | None, language: str) -> str:
    """The language's text of a {"zh", "en"} pair; the other one when that is empty."""
    if not texts:
        return ""
    text = plain(texts.get(language) or texts.get("en") or texts.get("zh") or "", 1200)
    return UNBROKEN.sub("\N{NO-BREAK SPACE}", text)


def grouped(value: Decimal, places: int) -> str:
    """1234.5 with two places: 1,234.50, with a real minus."""
    quantum = Decimal(1).scaleb(-places)
    rounded = value.quantize(quantum, ROUND_HALF_UP)
    text = f"{abs(rounded):,.{places}f}"
    return f"{MINUS}{text}" if rounded < 0 else text


def amount(value: str | Decimal) -> str:
    """Money, always with two places: every line as it is booked."""
    return grouped(Decimal(value), 2)


def is_zero(value: str | Decimal) -> bool:
    return Decimal(value) == 0


def money(value: str | Decimal, currency: str) -> str:
    """Money with its currency sign before the figure and the minus before both."""
    number = Decimal(value)
    sign = CURRENCY_SIGNS.get(currency, f"{plain(currency, 8)} ")
    return f"{MINUS if number < 0 else ''}{sign}{amount(abs(number))}"


def percentage(value: str | None, downtime_s: float = 0) -> str:
    """Three places, cut instead of rounded, so that 100 is written only when nothing was lost."""
    if value is None:
        return "–"
    number = Decimal(value)
    shown = number.quantize(Decimal("0.001"), ROUND_DOWN)
    if downtime_s > 0 and shown >= 100:
        shown = Decimal("99.999")
    text = f"{shown:,.3f}"
    return "100" if shown == 100 else text


def trimmed(value: str | float | Decimal | None, places: int = 3) -> str:
    """A decimal without trailing zeros, grouped."""
    if value is None:
        return "–"
    text = grouped(Decimal(str(value)), places)
    return text.rstrip("0").rstrip(".") if "." in text else text


def minutes(seconds: float) -> str:
    """Minutes: one decimal below 100, none above; never 0 when there was something."""
    value = Decimal(str(seconds)) / 60
    if value == 0:
        return "0"
    if value < Decimal("0.1"):
        return "< 0.1"
    return trimmed(value, 1 if value < 100 else 0)


def duration(seconds: float, language: str) -> str:
    """4440 s: 1 h 14 min / 1 小时 14 分; never 0 when there was something."""
    if 0 < seconds < 1:
        return "< 1 秒" if language == "zh" else "< 1 s"
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    mins, secs = divmod(rest, 60)
    zh = language == "zh"
    parts = []
    if hours:
        parts.append(f"{hours:,} {'小时' if zh else 'h'}")
    if mins:
        parts.append(f"{mins} {'分' if zh else 'min'}")
    if secs or not parts:
        parts.append(f"{secs} {'秒' if zh else 's'}")
    return " ".join(parts)


class Clock:
    """Instants of a statement written in its contract's zone."""

    def __init__(self, zone: str, language: str) -> None:
        self.zone = ZoneInfo(zone)
        self.language = language

    def local(self, instant: str) -> datetime:
        return datetime.fromisoformat(instant).astimezone(self.zone)

    def minute(self, instant: str | None) -> str:
        """10-12 03:20; seconds only where they are not zero."""
        if instant is None:
            return "–"
        value = self.local(instant)
        return f"{value:%m-%d %H:%M:%S}" if value.second else f"{value:%m-%d %H:%M}"

    def until(self, start: str, end: str | None) -> str:
        """The end of an interval, without the day when it is the day of the start."""
        if end is None:
            return "…"
        same = self.local(start).date() == self.local(end).date()
        text = self.minute(end)
        return text[6:] if same else text

    def full(self, instant: str) -> str:
        return f"{self.local(instant):%Y-%m-%d %H:%M}"

    def offset(self, instant: str) -> str:
        """UTC+8"""
        delta = self.local(instant).utcoffset() or timedelta()
        total = int(delta.total_seconds()) // 60
        sign = "+" if total >= 0 else MINUS
        hours, rest = divmod(abs(total), 60)
        return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")

    def month(self, label: str) -> str:
        """2026-10: October 2026 / 2026 年 10 月; another label stays as it is."""
        if not re.fullmatch(r"\d{4}-\d{2}", label):
            return plain(label)
        year, month = int(label[:4]), int(label[5:])
        return f"{year} 年 {month} 月" if self.language == "zh" else f"{MONTHS[month - 1]} {year}"

    def day_word(self, day: date) -> str:
        if self.language == "zh":
            return f"{day.month}月{day.day}日"
        return f"{MONTHS[day.month - 1][:3]} {day.day}"

    def midnights(self, start: str, end: str, step: int) -> list[tuple[int, date]]:
        """Every `step`-th local midnight of [start, end): (epoch ms, day)."""
        found: list[tuple[int, date]] = []
        day = self.local(start).date()
        last = datetime.fromisoformat(end)
        while True:
            instant = datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)
            if instant >= last:
                return found
            if instant >= datetime.fromisoformat(start):
                found.append((epoch(instant), day))
            day += timedelta(days=step)


def epoch(instant: str | datetime) -> int:
    """UTC epoch milliseconds."""
    value = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return round(value.timestamp() * 1000)


def bit_rate(bps: int | None) -> str:
    """Mbps with three significant places at most: 2,456.789 Mbps."""
    if bps is None:
        return "–"
    return f"{trimmed(Decimal(bps) / 1_000_000, 3)} Mbps"


def kilowatts(watts: str | float | None) -> str:
    return "–" if watts is None else f"{grouped(Decimal(str(watts)) / 1000, 2)} kW"


def kilowatt_hours(watt_hours: str | float | None) -> str:
    return "–" if watt_hours is None else grouped(Decimal(str(watt_hours)) / 1000, 1)


def celsius(millis: int | None) -> str:
    return "–" if millis is None else f"{grouped(Decimal(millis) / 1000, 1)} °C"
