"""Which announced windows a metric's terms leave out, and exactly which part of them."""

from datetime import timedelta
from fractions import Fraction

from dcim.sla.rules.business_days import add_business_days
from dcim.sla.rules.facts import Calendar, Facts, Item, Window
from dcim.sla.rules.intervals import (
    Interval,
    Intervals,
    clip,
    complement,
    intersect,
    total,
    union,
)
from dcim.sla.rules.language.value_words import say_stored_range, say_within
from dcim.sla.rules.outcomes import Excluded
from dcim.sla.rules.periods import at_local, local_date
from dcim.sla.rules.quantities import say_span
from dcim.sla.rules.terms import Circumstance, Exclusion, Metric, Text

Doubtful = list[tuple[str, Intervals]]  # what wasn't measured, and when


def exclude_time(
    metric: Metric, item: Item, facts: Facts, names: tuple[str, ...], service: Interval, zone: str
) -> tuple[list[Excluded], Doubtful]:
    """What the metric's terms leave out, and where a circumstance they name isn't known.

    Announced windows of the classes named, that concern one of the resources, are taken by start;
    a period's allowance is used up in that order.
    """
    found: list[Excluded] = []
    doubtful: Doubtful = []
    for rule in metric.exclude:
        if rule.circumstance is not None:
            spans, unknown = find_circumstance(rule.circumstance, item, facts, service)
            name = say_circumstance(rule.circumstance)
            found += [_by_circumstance(rule, name, span, names) for span in spans]
            doubtful.append((rule.circumstance.observe, unknown))
            continue
        left = rule.per_period_ms
        for window in sorted(facts.windows, key=lambda w: (w.start, w.end, w.id)):
            concerned = not window.resources or set(window.resources) & set(names)
            if window.kind != rule.kind or not concerned:
                continue
            if not clip([(window.start, window.end)], *service):
                continue
            valid, reason = _judge_window(window, rule, zone, facts.calendar)
            parts = _parts(window, rule, zone) if valid else []
            parts = clip(parts, *service)
            if left is not None:
                parts = _first(parts, left)
                left -= total(parts)
            found.append(Excluded(window, rule, valid, tuple(parts), reason))
    return found, doubtful


def find_circumstance(
    circumstance: Circumstance, item: Item, facts: Facts, service: Interval
) -> tuple[Intervals, Intervals]:
    """(when it held, when nobody knows) within the service period.

    Resources of the kind that serve the item, or that serve no item in particular; it held when
    any of them says so.
    """
    rows = [
        row
        for resource in facts.resources
        if resource.kind == circumstance.observe
        and (item.id in resource.items or not resource.items)
        for row in resource.values or ()
    ]
    held = union((s, e) for s, e, value in rows if circumstance.range.contains(Fraction(value)))
    known = [(s, e) for s, e, _ in rows]
    return clip(held, *service), complement(known, *service)


def say_circumstance(circumstance: Circumstance) -> Text:
    name = circumstance.observe.replace("_", " ")
    bounds = say_stored_range(circumstance.range, circumstance.unit)
    return {"zh": f"{name} {bounds['zh']}", "en": f"{name} {bounds['en']}"}


def _by_circumstance(
    rule: Exclusion, name: Text, span: Interval, names: tuple[str, ...]
) -> Excluded:
    window = Window(rule.kind, rule.kind, span[0], span[1], None, names)
    reason = {"zh": f"{name['zh']}：按条款不计", "en": f"{name['en']}: left out by the terms"}
    return Excluded(window, rule, True, (span,), reason)


def _judge_window(
    window: Window, rule: Exclusion, zone: str, calendar: Calendar | None
) -> tuple[bool, Text]:
    """Approval, evidence and notice, in this order; what isn't on record isn't proven."""
    if rule.approved and not window.approved:
        return False, {
            "zh": f"{window.id}：无客户同意的记录，不予排除",
            "en": f"{window.id}: no approval of the customer on record, not left out",
        }
    if rule.evidence and not window.evidence:
        return False, {
            "zh": f"{window.id}：无证明材料，不予排除",
            "en": f"{window.id}: nothing on record proves it, not left out",
        }
    return _judge_notice(window, rule, zone, calendar)


def _judge_notice(
    window: Window, rule: Exclusion, zone: str, calendar: Calendar | None
) -> tuple[bool, Text]:
    if rule.notice is None:
        return True, {"zh": f"{window.id}：按条款不计", "en": f"{window.id}: left out by the terms"}
    need = say_within(rule.notice)
    if window.announced_at is None:
        return False, {
            "zh": f"{window.id}：无通知记录（要求提前 {need['zh']}）",
            "en": f"{window.id}: no notice on record ({need['en']} required)",
        }
    given = max(window.start - window.announced_at, 0) // 60_000 * 60_000
    given_zh, given_en = say_span(given)
    if rule.notice.business_days and calendar is None:
        return False, {
            "zh": f"{window.id}：要求提前 {need['zh']}，而工作日历未登记，不予排除",
            "en": f"{window.id}: {need['en']} required and no calendar of holidays is on record, "
            "not left out",
        }
    if rule.notice.business_days and calendar is not None:
        days = rule.notice.business_days
        runs_until = add_business_days(window.announced_at, days, zone, calendar)
    else:
        runs_until = window.announced_at + rule.notice.ms
    valid = window.start >= runs_until
    return valid, {
        "zh": f"{window.id}：提前 {given_zh}通知（要求 {need['zh']}）"
        + ("" if valid else "，通知不足，不予排除"),
        "en": f"{window.id}: announced {given_en} ahead ({need['en']} required)"
        + ("" if valid else ", too late: not left out"),
    }


def _parts(window: Window, rule: Exclusion, zone: str) -> Intervals:
    parts: Intervals = [(window.start, window.end)]
    if rule.window is not None:
        parts = intersect(parts, _daily(rule.window, window, zone))
    return _first(parts, rule.at_most_ms) if rule.at_most_ms is not None else parts


def _daily(hours: tuple[int, int], window: Window, zone: str) -> Intervals:
    """The hours of each local day that the window can touch, in UTC milliseconds."""
    day = local_date(window.start, zone) - timedelta(days=1)
    last = local_date(window.end, zone)
    found: Intervals = []
    while day <= last:
        start, end = hours
        ends_on = day if end > start else day + timedelta(days=1)
        found.append((at_local(day, start, zone), at_local(ends_on, end, zone)))
        day += timedelta(days=1)
    return union(found)


def _first(parts: Intervals, length: int) -> Intervals:
    """The earliest points, at most so many milliseconds."""
    taken: Intervals = []
    for start, end in parts:
        part = min(end - start, length)
        if part <= 0:
            break
        taken.append((start, start + part))
        length -= part
    return taken
