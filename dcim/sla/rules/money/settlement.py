"""What credits become: claimed or not, off which invoice, vouchers, days of extension."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from dcim.sla.rules.facts import Facts, Period
from dcim.sla.rules.money.bases import day_worth
from dcim.sla.rules.money.caps import cap_lines, find_unknown, invoice_of
from dcim.sla.rules.money.claims import CALENDAR, Standing, find_standing
from dcim.sla.rules.money.combination import Recredit, keep_events
from dcim.sla.rules.outcomes import Event
from dcim.sla.rules.quantities import fixed, grouped
from dcim.sla.rules.results import CapLine, Extension, MetricResult, Settlement, State
from dcim.sla.rules.review import say_hole, say_unknown_facts
from dcim.sla.rules.steps import Given
from dcim.sla.rules.terms import Settle, Terms, Text

FEE: Text = {"zh": "服务项月费 (mrc)", "en": "the item's monthly fee (mrc)"}
KINDS: dict[str, Text] = {
    "credit": {"zh": "账单抵扣", "en": "a credit"},
    "voucher": {"zh": "代金券", "en": "a voucher"},
    "extension": {"zh": "延长服务期", "en": "an extension of the term"},
}
INVOICES: dict[str, Text] = {
    "this_invoice": {"zh": "本期账单", "en": "this invoice"},
    "next_invoice": {"zh": "下期账单", "en": "the next invoice"},
}


@dataclass(frozen=True)
class Settled:
    results: tuple[MetricResult, ...]
    caps: tuple[CapLine, ...]
    held_caps: tuple[CapLine, ...]
    credit_total: Decimal
    claimable_total: Decimal
    voucher_total: Decimal
    extensions: tuple[Extension, ...]
    carried: Decimal | None
    capped: bool  # by a cap of the contract, not merely by the combination


def settle_result(
    result: MetricResult, terms: Terms, facts: Facts, period: Period, recredit: Recredit
) -> MetricResult:
    """With its settlement, and only what is claimed booked; unchanged where nothing is said."""
    settle = terms.settle
    if settle is None or result.result != "breached" or not result.credit.amount:
        return result
    if not settle.on_claim:
        return replace(result, settlement=_settlement(settle, "given", result.credit, period))
    # What isn't located in time, a late answer for instance, belongs to the whole period.
    events = result.outcome.events or (Event(period.start, period.end, (), 0),)
    standing = find_standing(settle, result.id, events, facts, period, terms.timezone)
    if standing is None:
        return result.left_open(say_unknown_facts([CALENDAR]))
    whole = result.credit
    booked = _credit_of(result, standing.claimed, len(events), recredit)
    chosen = (*standing.claimed, *standing.open)
    possible = _credit_of(result, chosen, len(events), recredit)
    if booked.review or possible.review:
        return result.left_open(say_hole())
    claimable = max(possible.amount - booked.amount, Decimal(0))
    note = _say_standing(standing, terms, whole.amount, booked.amount, claimable)
    state: State = "given" if booked.amount else "claimable"
    if not booked.amount and not claimable:
        state = "late" if standing.claimed_at is not None else "not_claimed"
        state = "refused" if standing.refused is not None else state
    nothing = whole.amount * 0
    settlement = _settlement(settle, state, booked, period, claimable, standing)
    lost = state in ("late", "refused", "not_claimed")
    return replace(
        result,
        result="not_eligible" if lost else "breached",
        credit=booked if booked.amount else replace(whole, amount=nothing),
        at_least=booked.amount,
        at_most=nothing if lost else booked.amount + claimable,
        notes=(*result.notes, note),
        settlement=settlement,
    )


def _credit_of(
    result: MetricResult, chosen: tuple[Event, ...], count: int, recredit: Recredit
) -> Given:
    """The credit of some of the outages, never more than that of all."""
    if not chosen:
        return replace(result.credit, amount=result.credit.amount * 0)
    if len(chosen) == count:
        return result.credit
    events = tuple(event for event in result.outcome.events if event in chosen)
    given = recredit(result, keep_events(result.metric, result.outcome, events))
    return replace(given, amount=min(given.amount, result.credit.amount))


def _settlement(
    settle: Settle,
    state: State,
    given: Given,
    period: Period,
    claimable: Decimal | None = None,
    standing: Standing | None = None,
) -> Settlement:
    kind, on = KINDS[settle.kind], INVOICES[settle.on]
    text = kind
    if settle.kind == "credit":
        text = {"zh": f"{kind['zh']}（{on['zh']}）", "en": f"{kind['en']} on {on['en']}"}
    return Settlement(
        kind=settle.kind,
        on=settle.on,
        state=state,
        amount=given.amount,
        claimable=claimable if claimable is not None else given.amount * 0,
        until=standing.until if standing else None,
        claimed_at=standing.claimed_at if standing else None,
        expires_at=period.end + settle.expires_ms if settle.expires_ms is not None else None,
        text=text,
    )


MINUTE_MS = 60_000


def _say_standing(
    standing: Standing, terms: Terms, whole: Decimal, booked: Decimal, claimable: Decimal
) -> Text:
    # Told to the second where minutes alone would say that the claim was in time.
    by_second = standing.claimed_at is not None and (
        standing.claimed_at // MINUTE_MS == standing.until // MINUTE_MS
    )

    def stamp(at: int) -> str:
        moment = datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(terms.timezone))
        return f"{moment:%Y-%m-%d %H:%M:%S}" if by_second else f"{moment:%Y-%m-%d %H:%M}"

    until, currency = stamp(standing.until), terms.currency
    at = "" if standing.claimed_at is None else stamp(standing.claimed_at)
    refused = standing.refused
    no: Text = {"zh": "", "en": ""}
    if refused is not None:
        no = {
            "zh": f"{stamp(refused.made_at)} 的申请未获接受：{refused.refused}",
            "en": f"the claim of {stamp(refused.made_at)} was refused: {refused.refused}",
        }
    if claimable:
        more = grouped(claimable)
        zh = f"须申请：{more} {currency} 可申请至 {until}"
        en = f"only on claim: {currency} {more} may be claimed until {until}"
        return {
            "zh": f"{zh}；{no['zh']}" if refused else zh,
            "en": f"{en}; {no['en']}" if refused else en,
        }
    if not booked:
        if refused:
            return no
        if at:
            return {
                "zh": f"申请逾期：{at} 提出，期限为 {until}",
                "en": f"claimed too late: on {at}, the deadline was {until}",
            }
        return {
            "zh": f"未在期限 {until} 之前申请",
            "en": f"not claimed before the deadline, {until}",
        }
    zh, en = f"已于 {at} 申请（期限 {until}）", f"claimed on {at} (deadline {until})"
    if standing.lost:
        lost, count = grouped(max(whole - booked, Decimal(0))), len(standing.lost)
        zh += f"；{count} 次中断未按期申请，不计 {lost} {currency}"
        en += f"; outages not claimed in time: {count}, {currency} {lost} lapse"
    return {"zh": zh, "en": en}


def settle_credits(
    terms: Terms,
    results: list[MetricResult],
    facts: Facts,
    period: Period,
    recredit: Recredit,
) -> Settled:
    """Combination, caps and totals; what is no money off an invoice is kept apart."""
    unknown = find_unknown(terms, results, facts, period)
    if unknown:
        note = say_unknown_facts(unknown)
        results = [r.left_open(note) if _earned(r) else r for r in results]
    lines, opened = cap_lines(terms, results, _booked(results), facts, period, recredit)
    for _ in range(len(results)):  # a result left open frees what it took from the others
        if not opened:
            break
        results = [r.left_open(say_hole()) if r.id in opened else r for r in results]
        lines, opened = cap_lines(terms, results, _booked(results), facts, period, recredit)
    booked = _booked(results)
    total = _sum(booked.values()) - _sum(line.amount for line in lines)
    everything = {result.id: _earned(result) for result in results}
    nothing = Decimal(0).quantize(Decimal(1).scaleb(-terms.decimals))
    claimable = nothing
    if everything != booked:
        more, _ = cap_lines(terms, results, everything, facts, period, recredit)
        at_most = _sum(everything.values()) - _sum(line.amount for line in more)
        claimable = max(at_most - total, nothing)
    capped = any(line.key.startswith(CONTRACT_CAPS) for line in lines)
    kind = terms.settle.kind if terms.settle is not None else "credit"
    if kind == "credit":
        carried = _carried(terms, facts, total)
        return Settled(
            tuple(results), tuple(lines), (), total, claimable, nothing, (), carried, capped
        )
    vouchers = total if kind == "voucher" else nothing
    extensions: tuple[Extension, ...] = ()
    if kind == "extension":
        results, extensions = _extend(terms, results, lines, facts)
    held = [replace(r, credit=replace(r.credit, amount=nothing)) for r in results]
    return Settled(
        tuple(held), (), tuple(lines), nothing, claimable, vouchers, extensions, None, capped
    )


CONTRACT_CAPS = ("cap:item", "cap:month", "cap:year")


def _earned(result: MetricResult) -> Decimal:
    claimable = result.settlement.claimable if result.settlement else Decimal(0)
    return result.credit.amount + claimable


def _booked(results: list[MetricResult]) -> dict[str, Decimal]:
    return {result.id: result.credit.amount for result in results}


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def _carried(terms: Terms, facts: Facts, total: Decimal) -> Decimal | None:
    """What the invoice can't take; None where nothing is carried or the invoice isn't known."""
    invoice = invoice_of(terms, facts)
    if terms.settle is None or not terms.settle.carry_forward or invoice is None:
        return None
    return max(total - invoice, Decimal(0))


def _extend(
    terms: Terms, results: list[MetricResult], lines: list[CapLine], facts: Facts
) -> tuple[list[MetricResult], tuple[Extension, ...]]:
    """Days in place of money, item by item; an item without a fee is left to a person."""
    settle = terms.settle
    if settle is None:
        return results, ()
    extensions: list[Extension] = []
    kept = list(results)
    for name in dict.fromkeys(result.item.id for result in results):
        mine = [result for result in results if result.item.id == name]
        amount = _sum(result.credit.amount for result in mine)
        amount -= _sum(line.amount for line in lines if line.item == name)
        if not amount:
            continue
        day = day_worth(settle.day_value, Fraction(mine[0].item.mrc), facts.days_in_period)
        if not day:
            note = say_unknown_facts([FEE])
            kept = [r.left_open(note) if r in mine and r.credit.amount else r for r in kept]
            continue
        extensions.append(Extension(name, amount, _days(Fraction(amount) / day, settle)))
    return kept, tuple(extensions)


def _days(exact: Fraction, settle: Settle) -> Decimal:
    if settle.whole_days == "up":
        return Decimal(exact.__ceil__())
    return Decimal(exact.__floor__()) if settle.whole_days == "down" else fixed(exact, 2)
