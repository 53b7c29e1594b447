"""Power billed by circuit, ampere, kW, kWh or demand, read from its words."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from dcim.errors import Message, message_of
from dcim.sla.rules.language.exclusion_loading import read_hours
from dcim.sla.rules.language.tree import Reader
from dcim.sla.rules.language.usage_price_loading import (
    OVER_CHOICES,
    read_money_limits,
    read_over,
    read_price_or_rows,
    read_share,
)
from dcim.sla.rules.quantities import (
    plain,
    read_duration,
    read_money,
    read_number,
    read_percent,
    read_quantity,
)
from dcim.sla.rules.terms import HourPrice, PowerTerms, Usage

DAY_MINUTES = 1440
QUARTER_MS = 900_000
NEW_WORDS = {
    "energy": ("included", "by_hours", "min_coverage", "at_least", "at_most"),
    "demand": ("window", "min_coverage", "at_least", "at_most"),
}


INCLUDED_BY = ("month", "interval")
INCLUDED_FROM = ("all_hours", "dearest", "cheapest")


def read_power(basis: Usage, words: Reader, currency: str) -> Usage:
    if basis.method in ("energy", "demand"):
        return _read_meters(basis, words, currency)
    least, most = read_money_limits(words, currency)
    usage = replace(basis, at_least=least, at_most=most)
    if basis.method == "committed_power":
        return _read_committed(usage, words, currency)
    unit = "A" if basis.method == "breakered" else "circuit"
    price = read_price_or_rows(words, "price", currency, _reader(unit))
    return replace(usage, price_over=price, power=PowerTerms())


def _reader(unit: str) -> Callable[[str], Decimal]:
    return lambda text: read_quantity(text, {unit: 1}, Message("the price"))


def _read_meters(basis: Usage, words: Reader, currency: str) -> Usage:
    """Energy and demand; `power` stays None where they say no more than at first."""
    energy = basis.method == "energy"
    new = any(words.has(key) for key in NEW_WORDS[basis.method])
    measured = energy and (words.node.words or {}).get("pue") is not None
    measured = measured and words.text("pue") == "measured"
    usage = replace(
        basis,
        interval_ms=words.read("interval", read_duration, QUARTER_MS),
        pue=Decimal(1) if measured else words.read("pue", _read_pue, Decimal(1)),
    )
    power = PowerTerms(
        pue_measured=measured,
        min_coverage=words.read("min_coverage", read_percent, Decimal(0)),
        window=None if energy else words.read("window", read_hours, None),
    )
    if energy:
        power = _read_free(power, words)
        power = replace(power, by_hours=_read_hours_prices(usage, words, currency))
        power = replace(power, included_by_interval=_read_free_by(power, words))
        power = replace(power, included_from=_read_free_hours(power, words))
    if power.by_hours:
        if words.has("price"):
            words.refuse(
                "price", Message("stands beside by_hours, which names the prices: one of them")
            )
    else:
        unit = "kWh" if energy else "kW"
        price = read_price_or_rows(words, "price", currency, _reader(unit))
        usage = replace(usage, price_over=price)
    if new or measured or not isinstance(usage.price_over, Decimal):
        usage = replace(usage, power=power)
    least, most = read_money_limits(words, currency)
    return replace(usage, at_least=least, at_most=most)


def _read_free_by(power: PowerTerms, words: Reader) -> bool:
    if not words.has("included_by"):
        return False
    by_interval = words.choose("included_by", INCLUDED_BY) == "interval"
    if not power.free_kw:
        words.refuse(
            "included_by", Message("has a meaning only for kW that are included"), ("3 kW",)
        )
    return by_interval


def _read_free_hours(power: PowerTerms, words: Reader) -> Any:
    """Of which hours' energy the included is taken: to be said where there are both."""
    if power.included_by_interval:
        if words.has("included_from"):
            words.refuse("included_from", Message("has no meaning with included_by: interval"))
        return None
    if power.by_hours and (power.free_kwh or power.free_kw):
        return words.choose("included_from", INCLUDED_FROM)
    if words.has("included_from"):
        words.refuse("included_from", Message("has no meaning without both included and by_hours"))
    return None


def _read_pue(text: str) -> Decimal:
    try:
        return read_number(text)
    except ValueError as error:
        raise ValueError(
            Message("%(text)r must be a plain number such as 1.5, or measured", text=text)
        ) from error


def _read_free(power: PowerTerms, words: Reader) -> PowerTerms:
    """So many kWh a month, or so many kW through all hours in service."""
    free = words.text("included", "")
    if free.endswith("kW"):
        return replace(power, free_kw=words.need("included", _reader("kW"), Decimal(0)))
    return replace(power, free_kwh=words.read("included", _reader("kWh"), Decimal(0)))


def _read_hours_prices(usage: Usage, words: Reader, currency: str) -> tuple[HourPrice, ...]:
    rows = []
    for entry in words.entries("by_hours"):
        hours = []
        for text in entry.texts("hours"):
            try:
                hours.append(read_hours(text))
            except ValueError as error:
                entry.refuse("hours", message_of(error))
        if not entry.has("hours"):
            entry.refuse("hours", Message("is missing, for example [08:00-11:00, 18:00-21:00]"))
        rows.append(
            HourPrice(
                entry.both_languages("name"),
                tuple(hours),
                entry.need("price", lambda text: read_money(text, currency), Decimal(0)),
            )
        )
        entry.finish()
    if rows:
        _refuse_flaws(usage, words, rows)
    return tuple(rows)


def _refuse_flaws(usage: Usage, words: Reader, rows: list[HourPrice]) -> None:
    """Every minute of the day has one price, and no billing interval has two."""
    prices = [0] * DAY_MINUTES
    for row in rows:
        for start, end in row.hours:
            length = (end - start) % DAY_MINUTES or DAY_MINUTES
            for minute in range(start, start + length):
                prices[minute % DAY_MINUTES] += 1
            cut = usage.interval_ms > 0 and start * 60_000 % usage.interval_ms
            if cut or (usage.interval_ms > 0 and end * 60_000 % usage.interval_ms):
                words.refuse(
                    "by_hours",
                    Message(
                        "%(start)s-%(end)s cuts through a billing interval of %(minutes)s min",
                        start=_clock(start),
                        end=_clock(end),
                        minutes=plain(Decimal(usage.interval_ms) / 60000),
                    ),
                )
    bare = next((minute for minute, count in enumerate(prices) if count == 0), None)
    if bare is not None:
        words.refuse("by_hours", Message("%(time)s has no price", time=_clock(bare)))
    double = next((minute for minute, count in enumerate(prices) if count > 1), None)
    if double is not None:
        words.refuse("by_hours", Message("%(time)s has two prices", time=_clock(double)))


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _read_committed(basis: Usage, words: Reader, currency: str) -> Usage:
    unit = words.choose("unit", ("kW", "kVA", "A"))
    amount = _reader(unit)

    def commit(text: str) -> Any:
        if text in ("item", "none"):
            return text
        return read_share(text, "rating") or amount(text)

    def price(text: str) -> Any:
        return text if text in ("item", "none") else read_money(text, currency)

    how = words.choose("measured_as", ("percentile", "highest", "mean"))
    usage = replace(
        basis,
        interval_ms=words.read("interval", read_duration, QUARTER_MS),
        missing=cast(Any, words.choose("missing", ("dropped", "zero", "carry"))),
    )
    if how == "percentile":
        percentile = words.need("percentile", read_number, Decimal(95))
        if not 0 < percentile <= 100:
            words.refuse(
                "percentile",
                Message("%(percentile)s lies outside 0 to 100", percentile=plain(percentile)),
            )
        rank = words.choose("rank", ("nearest", "discard_ceil", "round", "interpolate"))
        usage = replace(usage, percentile=percentile, rank=cast(Any, rank))
    prices = words.group("price")
    committed: Any = "none"
    over: Any = Decimal(0)
    factor = None
    if prices is None:
        words.refuse("price", Message("is missing"))
    else:
        committed = prices.read("committed", price, "none")
        over, factor = read_over(prices, currency, amount)
        if factor is not None and committed == "none":
            prices.refuse(
                "over", Message("is a multiple of price.committed, which isn't there"), OVER_CHOICES
            )
        prices.finish()
    power = PowerTerms(
        unit=cast(Any, unit),
        measured_as=cast(Any, how),
        commit=words.read("commit", commit, "none"),
        round_up=words.read("round_up", amount, Decimal(0)),
        price_committed=committed,
        min_coverage=words.read("min_coverage", read_percent, Decimal(0)),
    )
    if power.commit == "none" and committed != "none":
        words.refuse(
            "commit", Message("is missing: what price.committed is for"), ("item", f"5 {unit}")
        )
    return replace(usage, price_over=over, over_factor=factor, power=power)
