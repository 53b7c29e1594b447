"""Caps of an item, a month, a year and an invoice, after the combination; least payout last."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from dcim.sla.rules.facts import Facts, Past, Period
from dcim.sla.rules.money.bases import INVOICE, NEXT_INVOICE, PAID
from dcim.sla.rules.money.combination import Recredit, combine
from dcim.sla.rules.periods import day_start
from dcim.sla.rules.quantities import Amount, grouped, money
from dcim.sla.rules.results import CapLine, MetricResult
from dcim.sla.rules.terms import Terms, Text

PAST_CREDITS: Text = {
    "zh": "本年度以往账期已抵扣的金额 (past)",
    "en": "what earlier periods of the year were credited (past)",
}


def find_unknown(
    terms: Terms, results: list[MetricResult], facts: Facts, period: Period
) -> list[Text]:
    """Facts the contract's caps need and nobody knows; none where nothing is credited."""
    credited = [result for result in results if result.credit.amount > 0 or _claimable(result)]
    if not credited:
        return []
    missing: list[Text] = []
    if terms.cap_year is not None and credited_before(terms, facts, period) is None:
        missing.append(PAST_CREDITS)
    if terms.caps_of == "paid":
        whole = terms.cap_month is not None or terms.cap_year is not None
        asked = list(facts.items) if whole else [result.item for result in credited]
        if any(item.paid is None for item in asked):
            missing.append(PAID)
    settle = terms.settle
    if settle is not None and settle.carry_forward is False and invoice_of(terms, facts) is None:
        missing.append(INVOICE if settle.on == "this_invoice" else NEXT_INVOICE)
    return missing


def _claimable(result: MetricResult) -> bool:
    return result.settlement is not None and result.settlement.claimable > 0


def invoice_of(terms: Terms, facts: Facts) -> Decimal | None:
    """The invoice the credits are taken off."""
    later = terms.settle is not None and terms.settle.on == "next_invoice"
    return facts.next_invoice if later else facts.invoice


def cap_lines(
    terms: Terms,
    results: list[MetricResult],
    earned: dict[str, Decimal],
    facts: Facts,
    period: Period,
    recredit: Recredit,
) -> tuple[list[CapLine], dict[str, Text]]:
    """Combination and caps within each item first, then over all; and results left open.

    The facts that `find_unknown` names must be there.
    """
    lines: list[CapLine] = []
    opened: dict[str, Text] = {}
    credits = Decimal(0)
    for name in dict.fromkeys(result.item.id for result in results):
        mine = [result for result in results if result.item.id == name]
        combined, open_here = combine(terms, mine, earned, recredit)
        opened |= open_here
        left = sum((earned[result.id] for result in mine), Decimal(0))
        left -= sum((line.amount for line in combined), Decimal(0))
        lines += combined
        item = mine[0].item
        cap = _cap(terms, terms.cap_item, item.mrc if terms.caps_of == "fee" else item.paid)
        if cap is not None and left > cap:
            lines.append(
                CapLine(f"cap:item:{name}", name, left - cap, _say_cap(cap, terms, "item"))
            )
            left = cap
        credits += left
    for key, most, text in _contract_caps(terms, facts, period):
        if credits > most:
            lines.append(CapLine(key, None, credits - most, text))
            credits = most
    if 0 < credits < terms.min_payout:
        text = {
            "zh": f"不足最低支付额 {terms.min_payout} {terms.currency}，不予支付",
            "en": f"below the least that is paid, {terms.currency} {terms.min_payout}",
        }
        lines.append(CapLine("cap:min_payout", None, credits, text))
    return lines, opened


def _contract_caps(terms: Terms, facts: Facts, period: Period) -> list[tuple[str, Decimal, Text]]:
    fees = sum((item.mrc for item in facts.items), Decimal(0))
    if terms.caps_of == "paid":
        fees = sum((item.paid or Decimal(0) for item in facts.items), Decimal(0))
    caps: list[tuple[str, Decimal, Text]] = []
    month = _cap(terms, terms.cap_month, fees)
    if month is not None:
        caps.append(("cap:month", month, _say_cap(month, terms, "month")))
    year = _cap(terms, terms.cap_year, fees * 12)
    if year is not None:
        before = credited_before(terms, facts, period) or Decimal(0)
        left = max(year - before, Decimal(0))
        text = {
            "zh": f"年度抵扣上限 {year} {terms.currency}，此前已抵扣 {grouped(before)}",
            "en": f"Cap of the year's credits, {terms.currency} {year}, "
            f"{grouped(before)} given before",
        }
        caps.append(("cap:year", left, text))
    invoice = invoice_of(terms, facts)
    if terms.settle is not None and terms.settle.carry_forward is False and invoice is not None:
        text = {
            "zh": f"抵扣不超过账单金额 {invoice} {terms.currency}，余额不结转",
            "en": f"No more than the invoice, {terms.currency} {invoice}; the rest lapses",
        }
        caps.append(("cap:invoice", invoice, text))
    return caps


def credited_before(terms: Terms, facts: Facts, period: Period) -> Decimal | None:
    """What the year's earlier periods gave; None unless they are known without a gap."""
    begin = year_start(terms, period)
    in_year = [past for past in facts.past if begin <= past.start and past.end <= period.start]
    since = max(begin, min((item.start for item in facts.items), default=begin))
    if not reaches(in_year, since, period.start):
        return None
    return sum((past.credited for past in in_year), Decimal(0))


def year_start(terms: Terms, period: Period) -> int:
    """First instant of the calendar year, or of the twelve months that end with the period."""
    zone = ZoneInfo(terms.timezone)
    if terms.year_is == "calendar_year":
        first = datetime.fromtimestamp(period.start / 1000, UTC).astimezone(zone).date()
        return day_start(date(first.year, 1, 1), terms.timezone)
    end = datetime.fromtimestamp(period.end / 1000, UTC).astimezone(zone).date()
    leap_day = (end.month, end.day) == (2, 29)
    back = end.replace(year=end.year - 1, day=28 if leap_day else end.day)
    return day_start(back, terms.timezone)


def reaches(past: list[Past], since: int, until: int) -> bool:
    """Whether the periods cover [since, until) without a gap."""
    at = since
    for one in sorted(past, key=lambda one: (one.start, one.end)):
        if one.start <= at:
            at = max(at, one.end)
    return at >= until


def _cap(terms: Terms, cap: Amount | None, base: Decimal | None) -> Decimal | None:
    if cap is None:
        return None
    exact = (
        Fraction(base or 0) * Fraction(cap.value) / 100
        if cap.kind == "percent"
        else Fraction(cap.value)
    )
    return money(exact, terms.decimals, terms.rounding)


def _say_cap(cap: Decimal, terms: Terms, what: str) -> Text:
    if what == "item":
        return {
            "zh": f"单项服务抵扣上限 {cap} {terms.currency}",
            "en": f"Cap of the item's credits, {terms.currency} {cap}",
        }
    return {
        "zh": f"当月抵扣上限 {cap} {terms.currency}",
        "en": f"Cap of the month's credits, {terms.currency} {cap}",
    }
