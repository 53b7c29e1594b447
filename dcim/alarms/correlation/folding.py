"""Pure: each alarm under its root, so that a dead panel is one alarm and not four hundred."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dcim.alarms.correlation.dependencies import Dependencies, Graph
from dcim.alarms.correlation.explaining import (
    Branch,
    Evidence,
    Explanations,
    Together,
    explain,
)
from dcim.alarms.correlation.subjects import Raised, Subject

# How much later than its consequence a cause may be raised: several polls of 60 s, since silence
# is told sooner at one device and later at another.
TOLERANCE_MS = 300_000


@dataclass(frozen=True, slots=True)
class Fold:
    """Keys of alarms. `root` is the alarm itself where nothing raised explains it; `cause` is the
    nearest above it, on the way from the root. `path`: the subjects from the root's to its own,
    those between that raised nothing included. `also`: other roots without which it wouldn't be,
    as both panels of a rack that is dark; its own is the one that came last."""

    key: int
    root: int
    cause: int | None
    path: tuple[Subject, ...]
    also: tuple[int, ...] = ()

    @property
    def is_root(self) -> bool:
        return self.cause is None


@dataclass(frozen=True, slots=True)
class Correlation:
    """Folds by alarm, those that came first first."""

    folds: Mapping[int, Fold]

    @property
    def roots(self) -> list[int]:
        return [fold.key for fold in self.folds.values() if fold.is_root]

    def consequences(self, root: int) -> list[Fold]:
        return [fold for fold in self.folds.values() if fold.root == root and not fold.is_root]


def correlate(
    raised: Iterable[Raised], dependencies: Dependencies, *, tolerance_ms: int = TOLERANCE_MS
) -> Correlation:
    """Fold every alarm under its root, whatever the order they are given in.

    What is explained neither by power nor by the network is its own root, and so is what stays
    when its cause is over. Of alarms that only explain one another (the two ends of a link) the
    first is the root. Raises ValueError when two have one key.
    """
    ordered = sorted(raised, key=lambda one: one.turn)
    alarms = {alarm.key: alarm for alarm in ordered}
    if len(alarms) < len(ordered):
        raise ValueError("two alarms have one key")
    evidence = Evidence(Graph(dependencies), ordered)
    found = {key: explain(evidence, alarm, tolerance_ms) for key, alarm in alarms.items()}
    folding = _Folding(alarms, found)
    causes = {
        key: sorted({one.alarm.key for together in _flatten(groups) for one in together})
        for key, groups in found.items()
    }
    for circle in find_circles(causes):
        folding.fold(circle)
    return Correlation({key: folding.folds[key] for key in alarms})


class _Folding:
    """Folds alarms whose causes are folded already, but for those of their own circle."""

    def __init__(
        self, alarms: Mapping[int, Raised], explanations: Mapping[int, Explanations]
    ) -> None:
        self.alarms, self.explanations = alarms, explanations
        self.folds: dict[int, Fold] = {}

    def fold(self, circle: Sequence[int]) -> None:
        """`circle`: alarms that explain one another, mostly a single one."""
        left = sorted(circle, key=lambda key: self.alarms[key].turn)
        while left:
            chosen = {key: best for key in left if (best := self._choose(key)) is not None}
            if chosen:
                # All at once: which one is looked at first makes no difference.
                self.folds.update({key: self._under(key, best) for key, best in chosen.items()})
            else:
                first = left[0]
                subject = self.alarms[first].subject
                self.folds[first] = Fold(first, first, None, (subject,))
            left = [key for key in left if key not in self.folds]

    def _choose(self, key: int) -> Together | None:
        """Of the surest group with an explanation that is folded, the one complete first."""
        for group in self.explanations[key]:
            folded = [one for one in group if all(branch.alarm.key in self.folds for branch in one)]
            if folded:
                return min(folded, key=lambda one: self._came(self._last(one)))
        return None

    def _last(self, together: Together) -> Branch:
        return max(together, key=self._came)

    def _came(self, branch: Branch) -> tuple[tuple[int, int], tuple[int, int]]:
        """When its root came, and then the alarm itself, which may be told late."""
        root = self.alarms[self.folds[branch.alarm.key].root]
        return root.turn, branch.alarm.turn

    def _under(self, key: int, together: Together) -> Fold:
        branch = self._last(together)
        cause = self.folds[branch.alarm.key]
        others = {self.folds[one.alarm.key].root for one in together} - {cause.root}
        others.update(cause.also)
        return Fold(
            key,
            cause.root,
            cause.key,
            (*cause.path, *branch.path[1:]),
            tuple(sorted(others - {cause.root, key})),
        )


def _flatten(groups: Explanations) -> list[Together]:
    return [together for group in groups for together in group]


def find_circles(causes: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """The strongly connected parts, causes before consequences (Tarjan 1972, without recursion)."""
    found: list[list[int]] = []
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    closed: set[int] = set()
    for start in causes:
        work = [] if start in order else [start]
        rest: dict[int, Iterator[int]] = {}
        while work:
            at = work[-1]
            if at not in order:
                order[at] = low[at] = len(order)
                stack.append(at)
                rest[at] = iter(causes[at])
            step = next((each for each in rest[at] if each not in closed), None)
            if step is not None and step not in order:
                work.append(step)
            elif step is not None:
                low[at] = min(low[at], order[step])
            else:
                work.pop()
                if work:
                    low[work[-1]] = min(low[work[-1]], low[at])
                if low[at] == order[at]:
                    cut = stack.index(at)
                    found.append(stack[cut:])
                    closed.update(stack[cut:])
                    del stack[cut:]
    return found
