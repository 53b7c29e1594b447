"""Which meters a site's PUE is of, found in its power chain, and what they showed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ForbiddenError
from dcim.metering.families import DAY_MS
from dcim.metering.store import PostgresSampleStore, SampleStore
from dcim.power.chain import load_tree
from dcim.power.metering import group_meters, select_metered
from dcim.power.tree import Node, PowerTree
from dcim.sla.evidence import HOLDS_MS
from dcim.sla.pue import Meter, Pue, add_readings, divide, start_meter

# So many days are read at once, and rack feeds of at most so many meters added up: a large house
# without meters at its UPSs would be read for minutes.
READ_MS = 31 * DAY_MS
MOST_FEEDS = 60


@dataclass(frozen=True, slots=True)
class PueMeters:
    """Codes of nodes by series, of which a meter has one for each phase that it tells apart.

    `total` are the utilities that racks hang on, `it` the UPSs (category 1) or racks' feeds
    (category 2). There is no PUE with utilities that are `unmetered`, with `loose` nodes that feed
    racks from nobody knows where, and without `it`."""

    total: Mapping[int, str]
    it: Mapping[int, str]
    category: int
    unmetered: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()

    @property
    def is_enough(self) -> bool:
        return bool(self.total and self.it and not self.unmetered and not self.loose)


def find_pue_meters(session: Session, scope: Scope, site_id: int) -> PueMeters:
    """By series id. Two statements, staff only."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see the power of the house.")
    tree = load_tree(session, site_id)
    meters = group_meters(session.execute(select_metered()))
    series = {node_id: several for node_id, several in meters.items() if node_id in tree.nodes}
    return choose_meters(tree, series)


def choose_meters(tree: PowerTree, series: Mapping[int, Sequence[int]]) -> PueMeters:
    """`series` by node, of each phase where the meter tells them apart. The inventory marks no
    node as the site's input or its IT load: the input is each utility that a rack's feed hangs on,
    IT is measured where all of it flows through. By whichever source: what stands in reserve shows
    nothing until it carries."""
    feeds = [node for node in tree.nodes.values() if tree.is_feed(node)]
    utilities: dict[int, Node] = {}
    upss: dict[int, Node] = {}
    loose: set[str] = set()
    through = True
    for feed in feeds:
        path = tree.path(feed.id)
        if path[-1].kind != "utility":
            loose.add(path[-1].code)
        above = [tree.nodes[node_id] for node_id in tree.sources(feed.id)]
        utilities |= {node.id: node for node in above if node.kind == "utility"}
        nearest = _find_nearest_ups(tree, feed)
        upss |= {node.id: node for node in nearest}
        if not any(node.kind == "ups" for node in path) or any(
            node.id not in series for node in nearest
        ):
            through = False
    # Of one UPS behind another only the first is counted.
    firsts = [
        one for one in upss.values() if not any(above.id in upss for above in tree.path(one.id)[1:])
    ]
    it, category = (firsts, 1) if through else (_find_measured(tree, feeds, series), 2)
    return PueMeters(
        {number: one.code for one in utilities.values() for number in series.get(one.id, ())},
        {number: one.code for one in it for number in series[one.id]},
        category,
        tuple(sorted(one.code for one in utilities.values() if one.id not in series)),
        tuple(sorted(loose)),
    )


def _find_nearest_ups(tree: PowerTree, feed: Node) -> list[Node]:
    """The first UPS on each way up."""
    found, seen, waiting = [], set[int](), [feed.id]
    while waiting:
        at = waiting.pop()
        if at in seen or at not in tree.nodes:
            continue
        seen.add(at)
        if tree.nodes[at].kind == "ups":
            found.append(tree.nodes[at])
        else:
            waiting += tree.nodes[at].parents
    return found


def _find_measured(
    tree: PowerTree, feeds: Iterable[Node], series: Mapping[int, Sequence[int]]
) -> list[Node]:
    """Where each rack's feed is measured, at its PDU or the breaker that feeds it alone; none
    unless all are, and they are few."""
    found = []
    for feed in feeds:
        above = tree.nodes.get(feed.parent_id or 0)
        if feed.id in series:
            found.append(feed)
        elif above is not None and above.id in series and tree.feeds_only(above.id, feed.id):
            found.append(above)
        else:
            return []
    return found if len(found) <= MOST_FEEDS else []


def read_pue(
    session: Session,
    meters: PueMeters,
    start: int,
    end: int,
    step_ms: int,
    store: SampleStore | None = None,
) -> Pue:
    """[start, end) UTC epoch ms, whole steps of it; a month at a time, however long it is."""
    count = (end - start) // step_ms
    until = start + count * step_ms
    found = {number: start_meter(count) for number in (*meters.total, *meters.it)}
    read = (store or PostgresSampleStore()).read
    for low in range(start, until, READ_MS):
        high = min(low + READ_MS, until)
        for number, columns in read(session, "power", list(found), low, high):
            add_readings(found[number], columns, start, step_ms, high, HOLDS_MS)

    def of(numbers: Iterable[int]) -> list[Meter]:
        return [found[number] for number in numbers]

    return divide(start, step_ms, of(meters.total), of(meters.it))
