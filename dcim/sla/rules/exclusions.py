"""Which announced windows a metric's terms leave out, and exactly which part of them."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dcim.sla.rules.facts import Window
from dcim.sla.rules.intervals import Interval, Intervals, clip, intersect, total, union
from dcim.sla.rules.quantities import say_duration, say_span
from dcim.sla.rules.terms import Exclusion, Metric, Text


@dataclass(frozen=True)
class Excluded:
    """One window under one metric's terms."""

    window: Window
    rule: Exclusion
    valid: bool
    parts: tuple[Interval, ...]  # what of it is left out, clipped to the service period
    reason: Text


def exclude_windows(
    metric: Metric,
    windows: tuple[Window, ...],
    names: tuple[str, ...],
    service: Interval,
    zone: str,
) -> list[Excluded]:
    """Windows of classes the metric's terms name, that concern one of its resources.

    Windows are taken by start; a period's allowance is used up in that order.
    """
    found: list[Excluded] = []
    for rule in metric.exclude:
        left = rule.per_period_ms
        for window in sorted(windows, key=lambda w: (w.start, w.end, w.id)):
            concerned = not window.resources or set(window.resources) & set(names)
            if window.kind != rule.kind or not concerned:
                continue
            if not clip([(window.start, window.end)], *service):
                continue
            valid, reason = _judge_notice(window, rule)
            parts = _parts(window, rule, zone) if valid else []
            parts = clip(parts, *service)
            if left is not None:
                parts = _first(parts, left)
                left -= total(parts)
            found.append(Excluded(window, rule, valid, tuple(parts), reason))
    return found


def _judge_notice(window: Window, rule: Exclusion) -> tuple[bool, Text]:
    if rule.notice_ms is None:
        return True, {"zh": f"{window.id}：按条款不计", "en": f"{window.id}: left out by the terms"}
    need_zh, need_en = say_duration(rule.notice_ms)
    if window.announced_at is None:
        return False, {
            "zh": f"{window.id}：无通知记录（要求提前 {need_zh}）",
            "en": f"{window.id}: no notice on record ({need_en} required)",
        }
    given = max(window.start - window.announced_at, 0) // 60_000 * 60_000
    given_zh, given_en = say_span(given)
    valid = window.start - window.announced_at >= rule.notice_ms
    return valid, {
        "zh": f"{window.id}：提前 {given_zh}通知（要求 {need_zh}）"
        + ("" if valid else "，通知不足，不予排除"),
        "en": f"{window.id}: announced {given_en} ahead ({need_en} required)"
        + ("" if valid else ", too late: not left out"),
    }


def _parts(window: Window, rule: Exclusion, zone: str) -> Intervals:
    parts: Intervals = [(window.start, window.end)]
    if rule.window is not None:
        parts = intersect(parts, _daily(rule.window, window, zone))
    return _first(parts, rule.at_most_ms) if rule.at_most_ms is not None else parts


def _daily(hours: tuple[int, int], window: Window, zone: str) -> Intervals:
    """The hours of each local day that the window can touch, in UTC milliseconds."""
    tz = ZoneInfo(zone)
    day = datetime.fromtimestamp(window.start / 1000, tz).date() - timedelta(days=1)
    last = datetime.fromtimestamp(window.end / 1000, tz).date()
    found: Intervals = []
    while day <= last:
        start, end = hours
        ends_on = day if end > start else day + timedelta(days=1)
        found.append((_at(day, start, tz), _at(ends_on, end, tz)))
        day += timedelta(days=1)
    return union(found)


def _at(day: object, minutes: int, tz: ZoneInfo) -> int:
    moment = datetime.combine(day, time(0), tz)  # type: ignore[arg-type]
    if minutes == 1440:
        moment = moment + timedelta(days=1)
    else:
        moment = moment.replace(hour=minutes // 60, minute=minutes % 60)
    return int(moment.astimezone(UTC).timestamp()) * 1000


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
