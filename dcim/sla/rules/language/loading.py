"""Terms from their YAML text: read, checked, hashed; refusals name the place and the choices."""

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

from dcim.metering.charging import Mode
from dcim.sla.rules.language import checks
from dcim.sla.rules.language.credit_loading import read_credit
from dcim.sla.rules.language.tree import Problem, Reader, TermsRefusedError, hash_node, parse_text
from dcim.sla.rules.quantities import (
    ROUNDING,
    Amount,
    plain,
    read_amount,
    read_duration,
    read_money,
    read_number,
    read_percent,
    read_rate,
    read_value,
)
from dcim.sla.rules.terms import Exclusion, Metric, Range, Target, Termination, Terms, Usage

_ID = re.compile(r"[a-z][a-z0-9_-]{0,39}")


def load_terms(text: str) -> Terms:
    """Terms of a YAML text; TermsRefusedError lists every problem found."""
    node = parse_text(text)
    problems: list[Problem] = []
    top = Reader(node, "", problems)
    if problems:
        raise TermsRefusedError(problems)
    currency = top.need("currency", _currency, "XXX")
    rounding, decimals = top.need("rounding", _money_rounding, ("half_up", 2))
    rent = top.group("rent")
    caps = top.group("caps")
    terms = Terms(
        name=top.text("terms"),
        version=top.text("version"),
        title=top.both_languages("title"),
        currency=currency,
        rounding=rounding,
        decimals=decimals,
        timezone=top.need("time_zone", _zone, "UTC"),
        period=cast(Any, top.choose("period", ("calendar_month",))),
        rent_clause=rent.text("clause", "") if rent else "",
        prorate=cast(Any, rent.choose("prorate", ("days", "none"), "days") if rent else "days"),
        metrics=tuple(
            _metric(name, words, currency) for name, words in top.named_groups("metrics")
        ),
        usage=tuple(_usage(name, words, currency) for name, words in top.named_groups("usage")),
        cap_item=_cap(caps, "item", currency) if caps else None,
        cap_month=_cap(caps, "month", currency) if caps else None,
        cap_clause=caps.text("clause", "") if caps else "",
        combine_credits=cast(Any, top.choose("combine_credits", ("sum", "max"), "sum")),
        termination=tuple(_termination(words) for words in top.entries("termination")),
        sha256=hash_node(node),
    )
    for part in (rent, caps):
        if part:
            part.finish()
    top.finish()
    known = {metric.id for metric in terms.metrics}
    for right in terms.termination:
        for name in right.metrics:
            if name not in known:
                top.refuse("termination", f"{name!r} is no metric of these terms", tuple(known))
    if not problems:
        checks.refuse_contradictions(terms, top)
    if problems:
        raise TermsRefusedError(problems)
    return replace(terms, warnings=tuple(checks.find_oddities(terms)))


def _currency(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise ValueError(f"{text!r} is no currency code such as CNY")
    return text


def _money_rounding(text: str) -> tuple[str, int]:
    found = re.fullmatch(r"(\w+) to (1|0\.0{0,3}1)", text)
    if not found or found[1] not in ROUNDING:
        raise ValueError(f"{text!r} must read like 'half_up to 0.01' ({', '.join(ROUNDING)})")
    return found[1], len(found[2].partition(".")[2])


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{text!r} is no time zone such as Asia/Shanghai") from error
    return text


def _cap(caps: Reader, key: str, currency: str) -> Amount | None:
    amount = caps.read(key, lambda text: read_amount(text, currency), None)
    if amount is not None and amount.kind == "days":
        caps.refuse(key, "a cap is a percentage of the fee or a sum of money")
    return amount


def _metric(name: str, words: Reader, currency: str) -> Metric:
    if not _ID.fullmatch(name):
        words.refuse("", "a metric's name is lower case letters, digits, - and _")
    combine, at_least_down = words.need("combine", _combine, ("single", 1))
    clock = words.group("clock")
    unknown = words.group("unknown")
    limit = words.group("limit")
    bounds, unit = read_limit(limit) if limit else (None, "")
    qualify_ms, strictly = words.read("qualify", _qualify, (0, False))
    denominator, fixed_ms = words.read("denominator", _denominator, ("service", 0))
    metric = Metric(
        id=name,
        title=words.both_languages("title"),
        clause=words.text("clause", ""),
        kind=words.text("kind"),
        applies_to=_required_texts(words, "applies_to"),
        observe=words.text("observe"),
        combine=cast(Any, combine),
        at_least_down=at_least_down,
        target=_target(words),
        event_rounding=words.need("event_rounding", _event_rounding, cast(Any, ("none", 1))),
        limit=bounds,
        limit_unit=unit,
        qualify_ms=qualify_ms,
        qualify_strictly=strictly,
        counts_from=cast(Any, words.choose("counts_from", ("start", "threshold"), "start")),
        clock_start=cast(
            Any, clock.choose("start", ("event", "ticket"), "event") if clock else "event"
        ),
        clock_stop=cast(
            Any,
            clock.choose("stop", ("restored", "ticket_closed"), "restored")
            if clock
            else "restored",
        ),
        unknown=cast(
            Any,
            unknown.choose("counts_as", ("left_out", "up", "down"), "left_out")
            if unknown
            else "left_out",
        ),
        bridge_ms=unknown.read("bridge", read_duration, 0) if unknown else 0,
        bridge_up_ms=unknown.read("bridge_up", read_duration, 0) if unknown else 0,
        min_coverage=unknown.read("min_coverage", read_percent, Decimal(0))
        if unknown
        else Decimal(0),
        review_when=cast(
            Any,
            unknown.choose("review_when", ("verdict", "credit"), "verdict")
            if unknown
            else "verdict",
        ),
        denominator=cast(Any, denominator),
        fixed_ms=fixed_ms,
        exclude=tuple(_exclusion(entry) for entry in words.entries("exclude")),
        eligible=words.texts("eligible"),
        credit=read_credit(words, currency),
    )
    for part in (clock, unknown):
        if part:
            part.finish()
    words.finish()
    return metric


def _required_texts(words: Reader, key: str) -> tuple[str, ...]:
    texts = words.texts(key)
    if not texts:
        words.refuse(key, "is missing: the kind of item it is about, for example cabinet")
    return texts


def _combine(text: str) -> tuple[str, int]:
    if text in ("single", "any", "all"):
        return text, 1
    found = re.fullmatch(r"at_least ([1-9][0-9]?) down", text)
    if not found:
        raise ValueError(f"{text!r} must be single, any, all, or like 'at_least 2 down'")
    return "at_least", int(found[1])


def _qualify(text: str) -> tuple[int, bool]:
    found = re.fullmatch(r"(at_least|longer_than) (.+)", text)
    if not found:
        raise ValueError(f"{text!r} must read like 'at_least 60 s' or 'longer_than 5 min'")
    return read_duration(found[2]), found[1] == "longer_than"


def _event_rounding(text: str) -> tuple[Any, int]:
    if text == "none":
        return "none", 1
    found = re.fullmatch(r"(up|down) to (.+)", text)
    if not found:
        raise ValueError(f"{text!r} must be none, or like 'up to 1 min'")
    unit = read_duration(found[2])
    if unit <= 0:
        raise ValueError("the unit of rounding must be longer than nothing")
    return found[1], unit


def _denominator(text: str) -> tuple[str, int]:
    if text in ("service", "period"):
        return text, 0
    found = re.fullmatch(r"fixed (.+)", text)
    if not found:
        raise ValueError(f"{text!r} must be service, period, or like 'fixed 43200 min'")
    length = read_duration(found[1])
    if length <= 0:
        raise ValueError("a fixed denominator must be longer than nothing")
    return "fixed", length


def read_limit(words: Reader) -> tuple[Range, str]:
    """Measured values within which all is well."""
    units: list[str] = []

    def value(text: str) -> Decimal:
        number, unit = read_value(text)
        units.append(unit)
        return Decimal(number)

    bounds = checks.read_range(words, value)
    words.finish()
    if len(set(units)) > 1:
        words.refuse("", f"one unit, not {' and '.join(units)}")
    if bounds.low is None and bounds.high is None:
        words.refuse("", "needs at least one bound", ("from", "above", "up_to", "below"))
    return bounds, units[0] if units else ""


def _target(words: Reader) -> Target:
    target = Target()
    parts = words.texts("target")
    if not parts:
        words.refuse(
            "target",
            "is missing",
            ("no downtime", "availability >= 99.9 %", "downtime <= 44 min", "events <= 3"),
        )
    for part in parts:
        try:
            target = _add_target(target, part)
        except ValueError as error:
            words.refuse("target", str(error))
    given = words.has("governs")
    governs = words.choose("governs", ("percent", "minutes", "both"), "both")
    if given and (target.availability is None or target.downtime_ms is None):
        words.refuse("governs", "has a meaning only where percent and minutes are both stated")
    return replace(target, governs=cast(Any, governs), governs_stated=given)


def _add_target(target: Target, text: str) -> Target:
    if text == "no downtime" and target.downtime_ms is None:
        return replace(target, downtime_ms=0)
    found = re.fullmatch(r"(availability|downtime|events) (>=|<=|<) (.+)", text)
    if found and found[1] == "availability" and found[2] == ">=" and target.availability is None:
        percent = read_percent(found[3])
        if not 0 < percent <= 100:
            raise ValueError("an availability lies above 0 % and at most at 100 %")
        return replace(target, availability=percent)
    if found and found[1] == "downtime" and found[2] != ">=" and target.downtime_ms is None:
        return replace(
            target, downtime_ms=read_duration(found[3]), downtime_inclusive=found[2] == "<="
        )
    if found and found[1] == "events" and found[2] == "<=" and target.events is None:
        return replace(target, events=int(read_number(found[3])))
    raise ValueError(
        f"{text!r} must read like 'no downtime', 'availability >= 99.9 %', 'downtime <= 44 min', "
        "'downtime < 44 min' or 'events <= 3', each kind once"
    )


def _exclusion(words: Reader) -> Exclusion:
    exclusion = Exclusion(
        kind=words.text("class"),
        effect=cast(Any, words.choose("effect", ("out_of_both", "not_down"))),
        notice_ms=words.read("notice", read_duration, None),
        window=words.read("window", _window, None),
        at_most_ms=words.read("at_most", read_duration, None),
        per_period_ms=words.read("per_period", read_duration, None),
    )
    words.finish()
    return exclusion


def _window(text: str) -> tuple[int, int]:
    found = re.fullmatch(
        r"([01][0-9]|2[0-3]):([0-5][0-9])\s*-\s*([01][0-9]|2[0-4]):([0-5][0-9])", text
    )
    if not found:
        raise ValueError(f"{text!r} must read like 00:00-06:00")
    start, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    if start == end or end > 1440:
        raise ValueError(f"{text!r} is empty or ends after 24:00")
    return start, end


def _termination(words: Reader) -> Termination:
    found = words.need("when", _termination_rule, cast(Any, ("downtime_pct", Decimal(0))))
    right = Termination(
        metrics=words.texts("metrics"),
        measure=found[0],
        more_than=found[1],
        window_ms=None
        if words.text("window", "period") == "period"
        else words.need("window", read_duration, None),
        each_longer_ms=words.read("each_longer_than", read_duration, 0),
        notice_ms=words.read("notice", read_duration, None),
    )
    words.finish()
    return right


def _termination_rule(text: str) -> tuple[Any, Decimal]:
    found = re.fullmatch(r"(downtime|events|one event) > (.+)", text)
    if not found:
        raise ValueError(
            f"{text!r} must read like 'downtime > 1 %', 'downtime > 24 h', 'events > 3' "
            "or 'one event > 72 h'"
        )
    if found[1] == "events":
        return "events", read_number(found[2])
    if found[1] == "one event":
        return "one_event", Decimal(read_duration(found[2]))
    if found[2].endswith("%"):
        return "downtime_pct", read_percent(found[2])
    return "downtime", Decimal(read_duration(found[2]))


def _usage(name: str, words: Reader, currency: str) -> Usage:
    if not _ID.fullmatch(name):
        words.refuse("", "a usage's name is lower case letters, digits, - and _")
    method = words.choose("method", ("percentile", "energy", "demand"))
    basis = Usage(
        id=name,
        title=words.both_languages("title"),
        clause=words.text("clause", ""),
        applies_to=_required_texts(words, "applies_to"),
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
        night=basis.night if idle("night") else words.need("night", _window, basis.night),
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
