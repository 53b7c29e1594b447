"""Pure: what a root's consequences come to, in numbers; their words are the page's."""

from collections.abc import Iterable
from dataclasses import dataclass

from dcim.alarms.correlation.dependencies import Dependencies
from dcim.alarms.correlation.folding import Correlation
from dcim.alarms.correlation.subjects import KINDS, Raised, Subject, rank_trouble


@dataclass(frozen=True, slots=True)
class Tally:
    """Things of a kind that a root gave this trouble, each counted once and in its worst. An agent
    is counted as its device: (device, silent) is what can't be reached."""

    kind: str
    trouble: str
    subjects: tuple[Subject, ...]

    @property
    def count(self) -> int:
        return len(self.subjects)


def tally_consequences(
    raised: Iterable[Raised], dependencies: Dependencies, correlation: Correlation
) -> dict[int, list[Tally]]:
    """Of every root, the worst first. The root itself isn't counted: one alone has none."""
    worst: dict[int, dict[Subject, str]] = {root: {} for root in correlation.roots}
    roots = {}
    for alarm in raised:
        fold = correlation.folds[alarm.key]
        device_id = dependencies.device_meant(alarm.subject)
        subject = alarm.subject if device_id is None else Subject("device", device_id)
        if fold.is_root:
            roots[fold.key] = subject
            continue
        known = worst[fold.root].get(subject)
        if known is None or rank_trouble(alarm.trouble) < rank_trouble(known):
            worst[fold.root][subject] = alarm.trouble
    found = {}
    for root, subjects in worst.items():
        subjects.pop(roots[root], None)
        found[root] = _sort(subjects)
    return found


def _sort(worst: dict[Subject, str]) -> list[Tally]:
    several: dict[tuple[str, str], list[Subject]] = {}
    for subject in sorted(worst):
        several.setdefault((subject.kind, worst[subject]), []).append(subject)
    tallies = [
        Tally(kind, trouble, tuple(subjects)) for (kind, trouble), subjects in several.items()
    ]
    return sorted(
        tallies, key=lambda one: (rank_trouble(one.trouble), KINDS.index(one.kind), one.trouble)
    )
