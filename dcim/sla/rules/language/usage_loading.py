"""The part of the terms that is billed by measurement, read from its words."""

from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from dcim.metering.charging import Mode
from dcim.sla.rules.language import checks
from dcim.sla.rules.language.exclusion_loading import read_hours
from dcim.sla.rules.language.metric_loading import required_texts
from dcim.sla.rules.language.tree import NAME, Reader
from dcim.sla.rules.quantities import (
    plain,
    read_duration,
    read_money,
    read_number,
    read_percent,
    read_rate,
)
from dcim.sla.rules.terms import Usage


def read_usage(name: str, words: Reader, currency: str) -> Usage:
    """One kind of usage and its prices; problems are added to the reader."""
    if not NAME.fullmatch(name):
        words.refuse("", "a usage's name is lower case letters, digits, - and _")
    method = words.choose("method", ("percentile", "energy", "demand"))
    basis = Usage(
        id=name,
        title=words.both_languages("title"),
        clause=words.text("clause", ""),
        applies_to=required_texts(words, "applies_to"),
        method=cast(Any, method),
    )

    def price(text: str) -> Decimal:
        return read_money(text, currency)

    if method == "percentile":
        basis = _percentile_usage(basis, words, currency)
    else:
        basis = replace(
            basis,
            interval_ms=words.read("interval", read_duration, 900_000),
            price_over=words.need("price", price, Decimal(0)),
            pue=words.read("pue", read_number, Decimal(1)),
        )
    if basis.interval_ms <= 0 or 86_400_000 % basis.interval_ms:
        words.refuse("interval", "a day must be a whole number of billing intervals")
    words.finish()
    return basis


def _percentile_usage(basis: Usage, words: Reader, currency: str) -> Usage:
    def price(text: str) -> Any:
        return text if text in ("item", "none") else read_money(text, currency)

    mode = cast(Mode, words.choose("mode", tuple(checks.MODE_NAMES), "month_95"))
    checks.refuse_idle_words(words, mode)

    def idle(key: str) -> bool:
        return mode in checks.IDLE_WORDS[key]

    percentile = basis.percentile
    if not idle("percentile"):
        percentile = words.need("percentile", read_number, Decimal(95))
    if not 0 < percentile <= 100:
        words.refuse("percentile", f"{plain(percentile)} lies outside 0 to 100")
    thousand = int(words.choose("thousand", ("1000", "1024"), "1000"))

    def rate(text: str) -> Any:
        return text if text in ("item", "none") else read_rate(text, thousand)

    def choose(key: str, choices: tuple[str, ...]) -> Any:
        return getattr(basis, key) if idle(key) else words.choose(key, choices)

    prices = words.group("price")
    if prices is None:
        words.refuse("price", "is missing")
    usage = replace(
        basis,
        mode=mode,
        night=basis.night if idle("night") else words.need("night", read_hours, basis.night),
        interval_ms=words.need("interval", read_duration, 300_000),
        percentile=percentile,
        direction=choose(
            "direction",
            ("higher_percentile", "percentile_of_higher", "percentile_of_sum", "in", "out"),
        ),
        rank=choose("rank", ("nearest", "discard_ceil", "round", "interpolate")),
        missing=choose("missing", ("dropped", "zero")),
        min_cover=words.need("min_cover", read_percent, Decimal(50)),
        thousand=thousand,
        round_up_bps=words.read("round_up", lambda text: read_rate(text, thousand), 0),
        commit=words.read("commit", rate, "none"),
        price_committed=prices.read("committed", price, "none") if prices else "none",
        price_over=prices.need("over", price, Decimal(0))
        if prices and mode != "flat"
        else Decimal(0),
    )
    if not 0 < usage.min_cover <= 100:
        words.refuse("min_cover", "lies above 0 % and at most at 100 %")
    if usage.price_over == "none":
        words.refuse("price", "over: a price or item")
    if mode == "flat" and "none" in (usage.commit, usage.price_committed):
        words.refuse("mode", "flat (包端口) needs a commit and price.committed")
    if mode == "traffic" and usage.price_committed != "none":
        words.refuse("price", "committed has no meaning with mode traffic (按流量)")
    if prices:
        prices.finish()
    return usage
