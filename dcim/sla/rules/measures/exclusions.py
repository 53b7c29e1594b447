"""Which announced windows a metric's terms leave out, and exactly which part of them."""

from datetime import timedelta
from fractions import Fraction

from dcim.sla.rules.business_days import add_business_days
from dcim.sla.rules.facts import Calendar, Facts, Item, Notice, Window
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
from dcim.sla.rules.terms import Circumstance, Exclusion, Metric, Text, Within

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
            told, reason = _judge_window(window, rule, zone, facts.calendar)
            valid = bool(told)
            parts = clip(_parts(told, window, rule, zone), *service)
            if left is not None:
                parts = _first(parts, left)
                left -= total(parts)
            whole = told == [(window.start, window.end)] or not valid
            found.append(Excluded(window, rule, valid, tuple(parts), reason, whole))
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
) -> tuple[Intervals, Text]:
    """What of it is proven to have been agreed, and why.

    Approval, evidence and notice, in this order; what isn't on record isn't proven.
    """
    if rule.approved and not window.approved:
        return [], {
            "zh": f"{window.id}：无客户同意的记录，不予排除",
            "en": f"{window.id}: no approval of the customer on record, not left out",
        }
    if rule.evidence and not window.evidence:
        return [], {
            "zh": f"{window.id}：无证明材料，不予排除",
            "en": f"{window.id}: nothing on record proves it, not left out",
        }
    return _judge_notice(window, rule, zone, calendar)


def _judge_notice(
    window: Window, rule: Exclusion, zone: str, calendar: Calendar | None
) -> tuple[Intervals, Text]:
    whole: Intervals = [(window.start, window.end)]
    if rule.notice is None:
        return whole, {
            "zh": f"{window.id}：按条款不计",
            "en": f"{window.id}: left out by the terms",
        }
    need = say_within(rule.notice)
    if window.announced_at is None:
        return [], {
            "zh": f"{window.id}：无通知记录（要求提前 {need['zh']}）",
            "en": f"{window.id}: no notice on record ({need['en']} required)",
        }
    if rule.notice.business_days and calendar is None:
        return [], {
            "zh": f"{window.id}：要求提前 {need['zh']}，而工作日历未登记，不予排除",
            "en": f"{window.id}: {need['en']} required and no calendar of holidays is on record, "
            "not left out",
        }
    notices = window.notices or (Notice(window.announced_at, window.start, window.end),)
    told = find_told(window, notices, rule.notice, zone, calendar)
    given = max(window.start - window.announced_at, 0) // 60_000 * 60_000
    given_zh, given_en = say_span(given)
    zh, en = "", ""
    if not told:
        zh, en = "，通知不足，不予排除", ", too late: not left out"
    elif told != whole:
        zh = "，通知后时间有变，仅按约通知的部分不计"
        en = ", its times changed since: only the part announced as agreed is left out"
    return told, {
        "zh": f"{window.id}：提前 {given_zh}通知（要求 {need['zh']}）{zh}",
        "en": f"{window.id}: announced {given_en} ahead ({need['en']} required){en}",
    }


def find_told(
    window: Window,
    notices: tuple[Notice, ...],
    required: Within,
    zone: str,
    calendar: Calendar | None,
) -> Intervals:
    """The parts of a window that were announced in time, by a notice that no later one took back.

    A notice tells of the times it named: what lies outside of them it doesn't prove, and a later
    one that names others takes back what it leaves out. It is in time when it ran out before the
    work could begin: at the start it named, or at the window's where that is later.
    """
    told: Intervals = []
    standing: Intervals = [(window.start, window.end)]
    for notice in sorted(notices, key=lambda one: one.at, reverse=True):
        standing = intersect(standing, [(notice.start, notice.end)])
        begins = max(notice.start, window.start)
        if begins >= run_out(notice.at, required, zone, calendar):
            told = union([*told, *standing])
    return told


def run_out(at: int, required: Within, zone: str, calendar: Calendar | None) -> int:
    """When a notice given `at` has run its time, UTC ms; business days need a calendar."""
    if required.business_days and calendar is not None:
        return add_business_days(at, required.business_days, zone, calendar)
    return at + required.ms


def _parts(told: Intervals, window: Window, rule: Exclusion, zone: str) -> Intervals:
    parts = told
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
