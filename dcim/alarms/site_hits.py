"""Whom open alarms hit, site by site."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.alarms.correlation.folding import correlate
from dcim.alarms.correlation.hits import Hit, find_hit
from dcim.alarms.correlation.loading import load_dependencies
from dcim.alarms.models import Alarm
from dcim.alarms.rooting import find_open, read_raised
from dcim.customers.registration import require_staff
from dcim.sla.whereabouts import locate_items


@dataclass(frozen=True, slots=True)
class SiteHits:
    """`by_site`: by the site where something is lost, the hardest hit first.

    `elsewhere`: hit by machines alone, or by what stands nowhere that is recorded.
    """

    by_site: Mapping[int, tuple[Hit, ...]]
    elsewhere: tuple[Hit, ...]


def find_site_hits(session: Session, scope: Scope, now: dt.datetime) -> SiteHits:
    """By all alarms that are open, in a fixed number of statements. For staff.

    Of an item at several sites those count where an alarm is open.
    """
    require_staff(scope)
    alarms = find_open(session)
    raised = read_raised(alarms)
    if not raised:
        return SiteHits({}, ())
    dependencies = load_dependencies(session, scope, {one.subject for one in raised})
    found = correlate(raised, dependencies)
    hits = find_hit(session, scope, found.roots, raised, dependencies, found, now=now)
    return _divide(session, hits, alarms)


def _divide(session: Session, hits: Sequence[Hit], alarms: Iterable[Alarm]) -> SiteHits:
    places = locate_items(session, [item.id for hit in hits for item in hit.customer.items])
    alarmed = {alarm.site_id for alarm in alarms}
    by_site: dict[int, list[Hit]] = {}
    elsewhere = []
    for hit in hits:
        sites = {site for item in hit.customer.items for site in places.get(item.id, ())}
        # One that raised no alarm loses nothing, unless alarms there don't know where they are.
        near = sites & alarmed or sites
        for site_id in near:
            by_site.setdefault(site_id, []).append(hit)
        if not near:
            elsewhere.append(hit)
    return SiteHits({key: tuple(found) for key, found in by_site.items()}, tuple(elsewhere))
