"""Bandwidth billed by measurement, read from its words."""

from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from dcim.errors import Message
from dcim.metering.charging import Mode
from dcim.sla.rules.language import checks
from dcim.sla.rules.language.exclusion_loading import read_hours
from dcim.sla.rules.language.tree import NAME, Reader
from dcim.sla.rules.language.usage_price_loading import (
    OVER_CHOICES,
    read_limit,
    read_over,
    read_share,
    refuse_crossed,
)
from dcim.sla.rules.quantities import (
    plain,
    read_duration,
    read_money,
    read_number,
    read_percent,
    read_quantity,
    read_rate,
)
from dcim.sla.rules.terms import Share, Usage, ValidDays

OCTET_UNITS = ("B", "kB", "MB", "GB")


def read_bandwidth(basis: Usage, words: Reader, currency: str) -> Usage:
    mode = cast(Mode, words.choose("mode", tuple(checks.MODE_NAMES), "month_95"))
    checks.refuse_idle_words(words, mode)

    def idle(key: str) -> bool:
        return mode in checks.IDLE_WORDS[key]

    percentile = basis.percentile
    if not idle("percentile"):
        percentile = words.need("percentile", read_number, Decimal(95))
    if not 0 < percentile <= 100:
        words.refuse(
            "percentile",
            Message("%(percentile)s lies outside 0 to 100", percentile=plain(percentile)),
        )
    thousand = int(words.choose("thousand", ("1000", "1024"), "1000"))

    def rate(text: str) -> Any:
        return text if text in ("item", "none") else read_rate(text, thousand)

    def choose(key: str, choices: tuple[str, ...]) -> Any:
        return getattr(basis, key) if idle(key) else words.choose(key, choices)

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
        missing=choose("missing", ("dropped", "zero", "carry")),
        min_cover=words.need("min_cover", read_percent, Decimal(50)),
        thousand=thousand,
        round_up_bps=words.read("round_up", lambda text: read_rate(text, thousand), 0),
        port=words.read("port", rate, "none"),
        commit=words.read("commit", lambda text: read_share(text, "port") or rate(text), "none"),
    )
    if not 0 < usage.min_cover <= 100:
        words.refuse("min_cover", Message("lies above 0 % and at most at 100 %"))
    usage = _read_prices(usage, words, currency)
    return _read_rest(usage, words, currency)


def _read_prices(usage: Usage, words: Reader, currency: str) -> Usage:
    prices = words.group("price")
    if prices is None:
        words.refuse("price", Message("is missing"))
        return usage

    def price(text: str) -> Any:
        return text if text in ("item", "none") else read_money(text, currency)

    def quantity(text: str) -> Decimal:
        """Bounds of rows in what the price is of."""
        if usage.mode == "traffic":
            return read_data(text, usage.thousand)
        return Decimal(read_rate(text, usage.thousand)) / usage.thousand**2

    committed: Any = prices.read("committed", price, "none")
    over: Any = Decimal(0)
    factor = None
    if usage.mode != "flat":
        over, factor = read_over(prices, currency, quantity)
    if usage.mode == "flat" and "none" in (usage.commit, committed):
        words.refuse("mode", Message("flat (包端口) needs a commit and price.committed"))
    if usage.mode == "traffic" and committed != "none":
        words.refuse("price", Message("committed has no meaning with mode traffic (按流量)"))
    if factor is not None and committed == "none":
        prices.refuse(
            "over", Message("is a multiple of price.committed, which isn't there"), OVER_CHOICES
        )
    prices.finish()
    return replace(usage, price_committed=committed, price_over=over, over_factor=factor)


def read_data(text: str, thousand: int) -> Decimal:
    """GB."""
    return read_quantity(text, {"GB": 1, "TB": thousand}, Message("data"))


def _read_rest(usage: Usage, words: Reader, currency: str) -> Usage:
    """Least and most, pools, days that count, months in part, what is included."""

    def limit(text: str) -> Any:
        return read_limit(text, currency, usage.thousand)

    usage = replace(
        usage,
        at_least=words.read("at_least", limit, None),
        at_most=words.read("at_most", limit, None),
        pool=words.read("pool", _read_pool, ""),
        pool_overage=cast(Any, words.choose("pool_overage", ("pool", "members"), "pool")),
        partial_month=cast(
            Any, words.choose("partial_month", ("as_measured", "by_days", "zero"), "as_measured")
        ),
        included=words.read("included", lambda text: read_data(text, usage.thousand), Decimal(0)),
    )
    usage = replace(
        usage,
        rank_of_ms=words.read("rank_of", read_duration, 0),
        peak_of_ms=words.read("peak_of", read_duration, 0),
    )
    length = usage.rank_of_ms
    if words.has("rank_of") and (length <= 0 or length % usage.interval_ms):
        words.refuse("rank_of", Message("must be a whole number of intervals"), ("30 d",))
    if length and usage.rank == "interpolate":
        words.refuse("rank_of", Message("can't be interpolated: another rank"), ("rank: nearest",))
    part = usage.peak_of_ms
    if words.has("peak_of") and (
        part <= 0 or usage.interval_ms % part or part == usage.interval_ms
    ):
        words.refuse(
            "peak_of", Message("an interval must be a whole number of such parts, at least two")
        )
    below = words.group("valid_days")
    if below is not None and part:
        words.refuse("valid_days", Message("can't be told from the peaks of peak_of: one of them"))
    if below is not None:
        usage = replace(usage, valid_days=_read_valid_days(below, usage))
        if usage.partial_month == "by_days":
            words.refuse(
                "partial_month", Message("valid_days counts the days already: one of them")
            )
    if words.has("pool_overage") and not usage.pool:
        words.refuse("pool_overage", Message("has no meaning without a pool"), ("pool: contract",))
    _refuse_limits(usage, words)
    return usage


def _read_pool(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError(
            Message(
                "%(text)r must be contract, site, or the lower case name of a group in the orders",
                text=text,
            )
        )
    return text


def _read_valid_days(words: Reader, usage: Usage) -> ValidDays:
    def above(text: str) -> tuple[int, str]:
        if text.endswith("bit/s"):
            return read_rate(text, usage.thousand), "bit/s"
        units = {unit: usage.thousand**power for power, unit in enumerate(OCTET_UNITS)}
        octets = read_quantity(text, units, Message("data, or a rate such as 1 kbit/s"))
        if octets != int(octets):
            raise ValueError(Message("%(text)r is a fraction of a byte", text=text))
        return int(octets), "B"

    least, unit = words.need("above", above, (0, "B"))
    points = words.choose("points", ("all_days", "valid_days"), "all_days")
    if points == "valid_days" and usage.missing != "dropped":
        words.refuse(
            "points", Message("points of other days can only be left out with missing: dropped")
        )
    words.finish()
    return ValidDays(least, cast(Any, unit), cast(Any, points))


def _refuse_limits(usage: Usage, words: Reader) -> None:
    shares = isinstance(usage.commit, Share)
    for key, limit in (("at_least", usage.at_least), ("at_most", usage.at_most)):
        if limit is None:
            continue
        shares = shares or limit.kind == "port"
        if limit.kind != "money" and usage.mode in ("flat", "traffic"):
            words.refuse(key, Message("must be a sum of money with mode %(mode)s", mode=usage.mode))
        if limit.kind == "commit" and usage.commit == "none":
            words.refuse(
                key, Message("is a share of a commit, which isn't there"), ("20 % of port",)
            )
        if key == "at_least" and limit.kind == "commit" and limit.value <= 100:
            words.refuse(
                key,
                Message("changes nothing: the commit is charged whole anyway"),
                ("20 % of port",),
            )
    if shares and usage.port == "none":
        words.refuse(
            "port", Message("is missing: what the share is of"), ("port: item", "port: 10 Gbit/s")
        )
    refuse_crossed(words, usage.at_least, usage.at_most)
