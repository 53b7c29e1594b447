"""Rights to terminate, over this period and those before; what isn't known is never "not"."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from dcim.sla.rules.facts import Facts, Past, PastResult, Period
from dcim.sla.rules.intervals import Interval, clip, total
from dcim.sla.rules.language.termination_words import say_when
from dcim.sla.rules.outcomes import Event, Outcome
from dcim.sla.rules.periods import months_before
from dcim.sla.rules.quantities import fixed, plain, say_duration, say_span
from dcim.sla.rules.results import MetricResult, Right
from dcim.sla.rules.terms import Termination, Terms, Text

NOT_KNOWN = "not known"


@dataclass(frozen=True)
class _Outage:
    start: int
    end: int
    parts: tuple[Interval, ...]
    counted_ms: int


def find_rights(
    terms: Terms, results: Sequence[MetricResult], capped: bool, facts: Facts, period: Period
) -> tuple[Right, ...]:
    """One for each rule and result it concerns; of caps one for each rule, named `contract`."""
    rights: list[Right] = []
    promises = join_parts(results, facts)
    for rule in terms.termination:
        if rule.measure == "caps_reached":
            right = _caps_right(rule, capped, facts, period, terms.timezone)
            rights.append(_dated(right, facts, period))
            continue
        for result in promises:
            if rule.metrics and result.metric.promise not in rule.metrics:
                continue
            if rule.only_if is not None:
                name, wanted = rule.only_if
                holds = result.item.conditions.get(name)
                if holds is None:
                    rights.append(_unclear(rule, result, name))
                    continue
                if holds is not wanted:
                    continue
            right = (
                _missed_right(rule, result, facts, period)
                if rule.measure == "missed_periods"
                else _window_right(rule, result, facts, period)
            )
            rights.append(_dated(right, facts, period))
    return tuple(rights)


def join_parts(results: Sequence[MetricResult], facts: Facts) -> list[MetricResult]:
    """What several versions of the terms said of one promise within the period, as one: its
    outages together, missed where one of them was."""
    parts: dict[tuple[str, str], list[MetricResult]] = {}
    for result in results:
        parts.setdefault((result.metric.promise, result.item.id), []).append(result)
    items = {item.id: item for item in facts.items}
    joined = []
    for (promise, item_id), found in parts.items():
        last = found[-1]
        if last.metric.part is None:
            joined.append(last)
            continue
        found.sort(key=lambda one: one.item.start)
        open_ones = [one for one in found if one.result == "needs_review"]
        joined.append(
            replace(
                last,
                id=f"{promise}.{item_id}",
                metric=replace(last.metric, id=promise, title=last.metric.whole_title, part=None),
                item=items.get(item_id, last.item),
                result=open_ones[0].result if open_ones else last.result,
                outcome=_join_outcomes([one.outcome for one in found]),
                best=_join_outcomes([one.best for one in found]),
                worst=_join_outcomes([one.worst for one in found]),
            )
        )
    return joined


def _join_outcomes(outcomes: Sequence[Outcome]) -> Outcome:
    missed = [one.missed for one in outcomes]
    events: list[Event] = []
    for event in (event for one in outcomes for event in one.events):
        last = events[-1] if events else None
        if last and last.parts and event.parts and last.parts[-1][1] == event.parts[0][0]:
            # An outage over the turn from one version to the next is one.
            counted = last.counted_ms + event.counted_ms
            events[-1] = Event(last.start, event.end, (*last.parts, *event.parts), counted)
        else:
            events.append(event)
    return replace(
        outcomes[-1],
        missed=True if True in missed else None if None in missed else False,
        events=tuple(events),
        downtime_ms=sum(one.downtime_ms for one in outcomes),
    )


def _dated(right: Right, facts: Facts, period: Period) -> Right:
    rule = right.rule
    if rule.exercise_ms is None:
        return right
    until = period.end + rule.exercise_ms
    length = say_duration(rule.exercise_ms)
    text = {
        "zh": f"{right.text['zh']}，须在账期结束后 {length[0]}内行使",
        "en": f"{right.text['en']}, to be exercised within {length[1]} of the period's end",
    }
    lapsed = right.reached and facts.as_of is not None and facts.as_of > until
    return Right(
        right.metric,
        rule,
        right.reached,
        right.value,
        text,
        right.known,
        until if right.reached else None,
        lapsed,
    )


def _unclear(rule: Termination, result: MetricResult, name: str) -> Right:
    title = result.metric.title
    text = {
        "zh": f"{title['zh']}：解约权取决于未核实的条件（{name}）",
        "en": f"{title['en']}: the right to terminate hangs on a condition not established "
        f"({name})",
    }
    return Right(result.id, rule, False, NOT_KNOWN, text, known=False)


def known_before(past: Sequence[Past], name: str, until: int) -> list[Past]:
    """Earlier periods that name the result, without a gap before `until`; the last one first."""
    chain: list[Past] = []
    at = until
    for one in sorted(past, key=lambda one: (one.end, one.start), reverse=True):
        if one.end == at and one.start < at and (not name or name in one.results):
            chain.append(one)
            at = one.start
    return chain


def _outages(
    rule: Termination, result: MetricResult, outcome: Outcome, facts: Facts, period: Period
) -> list[_Outage]:
    """Outages of the result, in order.

    Without the word `any` the period alone is looked at. An outage over the turn of a period is
    one, whatever the two periods counted of it.
    """
    if not rule.reaches_back:
        return [_Outage(e.start, e.end, e.parts, e.counted_ms) for e in outcome.events]
    found = [_Outage(e.parts[0][0], e.end, e.parts, e.counted_ms) for e in outcome.events]
    turns = {period.start}
    for past in facts.past:
        if past.end > period.start or result.id not in past.results:
            continue
        turns.add(past.start)
        for start, end in past.results[result.id].events:
            begin, stop = max(start, past.start), min(end, past.end)
            if begin < stop:
                found.append(_Outage(begin, stop, ((begin, stop),), stop - begin))
    found.sort(key=lambda one: (one.start, one.end))
    joined: list[_Outage] = []
    for one in found:
        last = joined[-1] if joined else None
        if last is not None and one.start <= last.end and last.end in turns:
            counted = last.counted_ms + one.counted_ms
            joined[-1] = _Outage(last.start, one.end, (*last.parts, *one.parts), counted)
        else:
            joined.append(one)
    return joined


def _worst_value(
    rule: Termination, result: MetricResult, outcome: Outcome, facts: Facts, period: Period
) -> Fraction:
    """Of the worst window within the period, or reaching into it from before."""
    outages = _outages(rule, result, outcome, facts, period)
    long_ones = [one for one in outages if one.counted_ms > rule.each_longer_ms]
    spans: list[Interval] = [part for one in long_ones for part in one.parts]
    length = rule.window_ms or period.length
    window = length if rule.reaches_back else min(length, period.length)
    first = period.start - window if rule.reaches_back else period.start
    if rule.measure == "events":
        return Fraction(_most_begun(long_ones, first, window, rule.reaches_back))
    starts = sorted({first, period.start, *(s for s, _ in spans), *(e - window for _, e in spans)})
    starts = [min(max(start, first), period.end - window) for start in starts]
    if rule.measure == "one_event":
        return Fraction(max((one.counted_ms for one in long_ones if one.end > first), default=0))
    worst = max(total(clip(spans, start, start + window)) for start in starts)
    return Fraction(worst * 100, length) if rule.measure == "downtime_pct" else Fraction(worst)


def _most_begun(outages: Sequence[_Outage], first: int, window: int, reaches_back: bool) -> int:
    """Most that begin within one window, from its first instant to before its end. What began
    before `first` and lasts beyond it begins there; a window that reaches back from the period
    begins after it, else it would have no part of the period."""
    begins = [max(one.start, first) for one in outages if one.end > first]
    return max(
        (
            sum(1 for begin in begins if start <= begin < start + window)
            for start in begins
            if start > first or not reaches_back
        ),
        default=0,
    )


def _window_right(rule: Termination, result: MetricResult, facts: Facts, period: Period) -> Right:
    """Known downtime decides; what nobody knows could only add to it."""

    def is_over(value: Fraction) -> bool:
        bound = Fraction(rule.more_than)
        return value > bound or (rule.inclusive and value == bound)

    value = _worst_value(rule, result, result.outcome, facts, period)
    reached, known = is_over(value), True
    length = rule.window_ms or period.length
    if rule.reaches_back and not reached:
        chain = known_before(facts.past, result.id, period.start)
        known_since = chain[-1].start if chain else period.start
        known = known_since <= max(period.start - length, result.item.start)
        if not result.outcome.by_figure:
            known &= not any(_lacks_events(past.results[result.id]) for past in chain)
        if result.result == "needs_review":
            known &= not is_over(_worst_value(rule, result, result.worst, facts, period))
    said = _say_value(rule, value) if known else NOT_KNOWN
    return Right(result.id, rule, reached, said, _say_rule(rule, result), known)


def _lacks_events(past: PastResult) -> bool:
    """Missed, and nobody said by which outages."""
    return past.missed and not past.events


def _say_value(rule: Termination, value: Fraction) -> str:
    if rule.measure == "downtime_pct":
        return f"{plain(fixed(value, 6))} %"
    if rule.measure == "events":
        return str(value)
    return " ".join(say_span(int(value))[1:])


def _say_rule(rule: Termination, result: MetricResult | None) -> Text:
    """The right as the clause says it, of the one metric it is judged for here."""
    zh, en = say_when(rule)
    if result is None:
        return {"zh": f"{zh}时可解约", "en": f"right to terminate {en}"}
    title = result.metric.title
    return {
        "zh": f"{title['zh']}：{zh}时可解约",
        "en": f"{title['en']}: right to terminate {en}",
    }


def _missed_right(rule: Termination, result: MetricResult, facts: Facts, period: Period) -> Right:
    """So many periods one after the other, this one the last, in which the target was missed."""
    need = int(rule.more_than)
    text = _say_rule(rule, result)
    if result.result == "needs_review" or result.outcome.missed is None:
        return Right(result.id, rule, False, NOT_KNOWN, text, known=False)
    count, known = 0, True
    if result.outcome.missed:
        count = 1
        begin = period.start
        for past in known_before(facts.past, result.id, period.start):
            if not past.results[result.id].missed:
                break
            count += 1
            begin = past.start
        else:
            known = count >= need or result.item.start >= begin
    reached = count >= need
    return Right(result.id, rule, reached, str(count) if known else NOT_KNOWN, text, known)


def _caps_right(rule: Termination, capped: bool, facts: Facts, period: Period, zone: str) -> Right:
    """Each period among those looked at counts, also where one between isn't known."""
    need, of = int(rule.more_than), rule.of_periods
    first = months_before(period.start, of - 1, zone)
    looked_at = [past for past in facts.past if first <= past.start and past.end <= period.start]
    chain = known_before(facts.past, "", period.start)[: of - 1]
    count = int(capped) + sum(1 for past in looked_at if past.capped)
    begin = chain[-1].start if chain else period.start
    begun = min((item.start for item in facts.items), default=period.start)
    known = count >= need or len(chain) == of - 1 or begun >= begin
    text = _say_rule(rule, None)
    said = str(count) if known else NOT_KNOWN
    return Right("contract", rule, count >= need, said, text, known)
