"""Pure: what people recorded and ruled about incidents, laid over what was measured.

What was measured stays in the inputs; this makes what the rules judge. Later acceptances come
after earlier ones, all of them after what was recorded by hand.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dcim.sla.rules.facts import Cut, Merged, Window
from dcim.sla.rules.intervals import Interval, Intervals, intersect, subtract, union

KEYS = {"overrules", "links"}
RULINGS = ("did_not_happen", "times", "cause", "as_measured")
LINKS = {"during_maintenance": "window", "consequence": "other", "merge": "other", "split": "at"}
Read = Callable[[str, str], int]  # an instant and the place that names it in a refusal
Entry = Mapping[str, Any]


class RulingRefusedError(ValueError):
    """A ruling that can't be; the message names it."""


@dataclass(frozen=True)
class Ruled:
    """`resources` as entries of inputs, `windows` beside the announced ones."""

    resources: list[dict[str, Any]]
    windows: tuple[Window, ...] = ()
    merged: tuple[Merged, ...] = ()
    cuts: tuple[Cut, ...] = ()


def lay_over(inputs: Mapping[str, Any], instant: Read) -> Ruled:
    """Raises RulingRefusedError for what contradicts itself or names what isn't there."""
    incidents = {entry["id"]: entry for entry in inputs["incidents"]}
    overrules = sorted(
        inputs.get("overrules", []),
        key=lambda entry: (instant(entry["accepted_at"], f"overrule {entry['id']}"), entry["id"]),
    )
    resources = [dict(entry) for entry in inputs["resources"]]
    for entry in inputs["incidents"]:
        if "recorded" in entry:
            span = _span(entry, instant, f"incident {entry['id']}")
            _paint(resources, entry, [(span, "down", None)], instant)
    windows = []
    for entry in overrules:
        _check(entry, incidents, instant)
        _paint(resources, entry, _strokes(entry, instant), instant)
        if entry.get("class"):
            measured = _span(entry["measured"], instant, f"overrule {entry['id']}")
            names = tuple(entry["resources"])
            windows.append(
                Window(entry["id"], entry["class"], *measured, None, names, None, entry["reason"])
            )
    links = inputs.get("links", [])
    spans = {name: effective_span(inputs, entry, instant) for name, entry in incidents.items()}
    for link in links:
        _check_link(link, spans)
    # A split where the incident, by its overruled times, didn't last splits nothing.
    cuts = tuple(
        Cut(
            tuple(incidents[link["incident"]]["resources"]),
            instant(link["at"], f"link {link['id']}"),
        )
        for link in links
        if link["kind"] == "split" and splits(link, spans[link["incident"]], instant)
    )
    return Ruled(resources, tuple(windows), _merged(links, incidents, spans), cuts)


def ruling_of(inputs: Mapping[str, Any], incident: str, instant: Read) -> Entry | None:
    """The accepted overrule that counts for an incident: the last."""
    found = [entry for entry in inputs.get("overrules", []) if entry["incident"] == incident]
    return max(
        found,
        key=lambda entry: (instant(entry["accepted_at"], f"overrule {entry['id']}"), entry["id"]),
        default=None,
    )


def effective_span(inputs: Mapping[str, Any], incident: Entry, instant: Read) -> Interval:
    """From when to when an incident counts as having lasted, UTC epoch ms."""
    ruling = ruling_of(inputs, incident["id"], instant)
    if ruling is not None and ruling["ruling"] == "times":
        return _span(ruling, instant, f"overrule {ruling['id']}")
    return _span(incident, instant, f"incident {incident['id']}")


def _span(entry: Entry, instant: Read, place: str) -> Interval:
    start, end = instant(entry["start"], place), instant(entry["end"], place)
    if end <= start:
        raise RulingRefusedError(f"{place} ends before it begins")
    return start, end


def _check(entry: Entry, incidents: Mapping[str, Entry], instant: Read) -> None:
    place = f"overrule {entry['id']}"
    if entry["ruling"] not in RULINGS:
        raise RulingRefusedError(f"{place}: {entry['ruling']!r} is no ruling")
    if entry["incident"] not in incidents:
        raise RulingRefusedError(f"{place}: there is no incident {entry['incident']}")
    if entry["proposed_by"] == entry["accepted_by"]:
        raise RulingRefusedError(
            f"{place} was proposed and accepted by {entry['accepted_by']} alone; it takes two"
        )
    if instant(entry["accepted_at"], place) < instant(entry["proposed_at"], place):
        raise RulingRefusedError(f"{place} was accepted before it was proposed")
    if not entry["reason"]:
        raise RulingRefusedError(f"{place} has no reason")


def splits(link: Entry, span: Interval, instant: Read) -> bool:
    """Whether a split makes two events of what lasted in the span."""
    return span[0] < instant(link["at"], f"link {link['id']}") < span[1]


def _check_link(link: Entry, known: Collection[str]) -> None:
    place = f"link {link['id']}"
    if link["kind"] not in LINKS or LINKS[link["kind"]] not in link:
        raise RulingRefusedError(f"{place}: {link['kind']!r} is no link, or lacks what it is to")
    for key in ("incident", "other"):
        if key in link and link[key] not in known:
            raise RulingRefusedError(f"{place}: there is no incident {link[key]}")


Stroke = tuple[Interval, str, tuple[str, ...] | None]


def _strokes(entry: Entry, instant: Read) -> list[Stroke]:
    """(when, what it then was, which measured states it takes the place of; None: any or none)."""
    place = f"overrule {entry['id']}"
    measured = _span(entry["measured"], instant, place)
    if entry["ruling"] == "did_not_happen":
        return [(measured, "up", None)]
    if entry["ruling"] == "times":
        ruled = _span(entry, instant, place)
        rest = subtract([measured], [ruled])
        return [*((part, "up", ("down",)) for part in rest), (ruled, "down", None)]
    return []


def _paint(
    resources: list[dict[str, Any]], entry: Entry, strokes: Iterable[Stroke], instant: Read
) -> None:
    for stroke in strokes:
        for resource in resources:
            if resource["name"] not in entry["resources"]:
                continue
            for part in _limited(entry, resource["name"], stroke[0], instant):
                if "values" in resource:
                    if stroke[1] == "up":  # read wrong, and nobody knows what it was
                        resource["values"] = erase(resource["values"], part)
                else:
                    resource["states"] = repaint(resource["states"], part, stroke[1], stroke[2])


def _limited(entry: Entry, name: str, span: Interval, instant: Read) -> Intervals:
    """The part of a span in which a port carried the service."""
    limits = entry.get("limits", {}).get(name)
    if limits is None:
        return [span]
    place = f"limits of {name}"
    return intersect([span], [(instant(a, place), instant(b, place)) for a, b in limits])


def erase(rows: Iterable[list[Any]], span: Interval) -> list[list[Any]]:
    """The rows without what lies in the span."""
    return [
        [low, high, value]
        for start, end, value in rows
        for low, high in subtract([(start, end)], [span])
    ]


def repaint(
    rows: Iterable[list[Any]], span: Interval, state: str, instead_of: tuple[str, ...] | None
) -> list[list[Any]]:
    """The rows with `state` in the span: all of it, or where they say one of `instead_of`."""
    rows = list(rows)
    painted = [span]
    if instead_of is not None:
        painted = intersect([span], [(s, e) for s, e, found in rows if found in instead_of])
    kept = [
        [low, high, found]
        for start, end, found in rows
        for low, high in subtract([(start, end)], painted)
    ]
    return sorted([*kept, *([low, high, state] for low, high in painted)])


def _merged(
    links: Iterable[Entry], incidents: Mapping[str, Entry], spans: Mapping[str, Interval]
) -> tuple[Merged, ...]:
    """Merges that share an incident are one."""
    groups: list[set[str]] = []
    for link in links:
        if link["kind"] != "merge":
            continue
        joined = {link["incident"], link["other"]}
        for group in [each for each in groups if each & joined]:
            groups.remove(group)
            joined |= group
        groups.append(joined)
    return tuple(
        Merged(
            tuple(sorted({name for one in group for name in incidents[one]["resources"]})),
            tuple(union(spans[one] for one in group)),
        )
        for group in groups
    )
