"""The power chain of a site, feed A and feed B, from the utility down to the PDUs."""

from dataclasses import dataclass, field

from flask import render_template

from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.inventory.queries import list_sites
from dcim.inventory.space.summaries import summarize_racks
from dcim.paging import EVERYTHING
from dcim.sla.feeds import NodeNow, Supply, load_supply
from dcim.web.staff.arguments import read_int
from dcim.web.staff.blueprint import staff
from dcim.web.staff.names import NODE_KINDS
from dcim.web.staff.overview import find_newest


@dataclass(slots=True)
class Branch:
    """A node with what hangs on it. `watts` is measured, or the sum of what is measured below;
    `missing` counts metered places below that are silent, so that the sum is a lower bound."""

    now: NodeNow
    children: list["Branch"] = field(default_factory=list)
    watts: float | None = None
    is_sum: bool = False
    missing: int = 0
    cabinet_id: int | None = None

    @property
    def rated_w(self) -> int:
        return self.now.node.rated_w

    @property
    def derated_w(self) -> int:
        return self.now.node.derated_w

    @property
    def share(self) -> float | None:
        return None if self.watts is None or not self.derated_w else self.watts / self.derated_w

    @property
    def leaves(self) -> list["Branch"]:
        """Breakers with their PDU, folded away on the page."""
        return [child for child in self.children if child.now.node.kind in {"breaker", "pdu"}]

    @property
    def trunks(self) -> list["Branch"]:
        return [child for child in self.children if child.now.node.kind not in {"breaker", "pdu"}]


@staff.get("/power")
def power() -> str:
    session, scope, now = db_session(), current_scope(), utc_now()
    sites = list_sites(session, scope, EVERYTHING).items
    chosen = next((site for site in sites if site.id == read_int("site")), None) or (
        sites[0] if sites else None
    )
    roots: dict[str, list[Branch]] = {}
    supply = None
    if chosen is not None:
        supply = load_supply(session, now, site_id=chosen.id)
        cabinets = {rack.id: rack.cabinet_id for rack in summarize_racks(session, scope, now)}
        for one in sorted(supply.nodes.values(), key=lambda each: each.node.code):
            if one.node.parent_id is None or one.node.parent_id not in supply.nodes:
                roots.setdefault(one.node.feed, []).append(grow(supply, one, cabinets, set()))
    for several in roots.values():
        several.sort(key=lambda branch: not branch.children)
    nodes = list(supply.nodes.values()) if supply else []
    return render_template(
        "staff/power.html",
        sites=sites,
        site=chosen,
        roots=dict(sorted(roots.items())),
        kinds=NODE_KINDS,
        newest=find_newest(supply) if supply else None,
        dark=[one for one in nodes if one.state == "down"],
        blind=[one for one in nodes if one.state == "unknown" and one.series_id is not None],
    )


def grow(supply: Supply, now: NodeNow, cabinets: dict[int, int], seen: set[int]) -> Branch:
    """The subtree; a loop in the data ends it."""
    seen.add(now.node.id)
    branch = Branch(now, cabinet_id=cabinets.get(now.node.rack_id or 0))
    for child in supply.tree.firstborn(now.node.id):
        if child.id not in seen:
            branch.children.append(grow(supply, supply.nodes[child.id], cabinets, seen))
    if now.mw is not None:
        branch.watts = now.mw / 1000
    elif now.series_id is not None:
        # It has a meter and that is silent: what is below doesn't stand for it.
        branch.missing = 1
    else:
        known = [child.watts for child in branch.children if child.watts is not None]
        branch.missing = sum(child.missing for child in branch.children)
        if known:
            branch.watts, branch.is_sum = sum(known), True
    return branch
