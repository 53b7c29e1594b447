"""What each site says at a glance: what is wrong, since when, who is hit, what it may cost."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dcim.alarms.correlation.hits import HOWS
from dcim.alarms.queries import AlarmRow
from dcim.alarms.rules.limits import SEVERITIES
from dcim.alarms.site_hits import SiteHits
from dcim.inventory.queries import SiteRow
from dcim.operations.queries import MaintenanceRow
from dcim.sla.queries import IncidentRow
from dcim.snmp.agents.queries import SiteAgents
from dcim.statements.risk_queries import SiteRisk

# From the worst. Nothing heard from a whole site is worse than a warning: it may be anything. Where
# nothing is polled nobody knows that all is well.
STATES = ("down", "unknown", "warning", "unpolled", "ok")
# An incident's customer is hit as an alarm's would be; work and warm air merely concern it.
KIND_HOWS = {"power_feed": "no_redundancy", "telemetry": "unknown"}
ALL_HOWS = (*HOWS, "concerned")


@dataclass(frozen=True, slots=True)
class Trouble:
    """An alarm that nothing else explains, or an incident; `gravity` 0 is the worst."""

    gravity: int
    since: dt.datetime
    alarm: AlarmRow | None = None
    incident: IncidentRow | None = None


@dataclass(frozen=True, slots=True)
class Struck:
    """A customer that is hit at a site, at its worst."""

    id: int
    code: str
    name: str
    name_en: str
    how: str


@dataclass(slots=True)
class SiteNow:
    """`site` none: what is at no recorded place. `quiet`: alarms under maintenance or put off,
    which aren't among the troubles. `customers`: the hardest hit first."""

    site: SiteRow | None
    troubles: list[Trouble] = field(default_factory=list)
    severities: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SEVERITIES, 0))
    quiet: int = 0
    incidents: int = 0
    customers: dict[int, Struck] = field(default_factory=dict)
    risks: list[SiteRisk] = field(default_factory=list)
    agents: SiteAgents | None = None
    works: list[MaintenanceRow] = field(default_factory=list)
    is_stale: bool = False

    @property
    def state(self) -> str:
        gravest = self.troubles[0].gravity if self.troubles else None
        if gravest == 0:
            return "down"
        if self.is_stale:
            return "unknown"
        if gravest is not None or (self.agents is not None and self.agents.mute):
            return "warning"
        return "ok" if self.agents is not None and self.agents.asked else "unpolled"

    @property
    def since(self) -> dt.datetime | None:
        """Since when it is as bad as it is."""
        if not self.troubles:
            return None
        gravest = self.troubles[0].gravity
        return min(one.since for one in self.troubles if one.gravity == gravest)

    @property
    def is_bare(self) -> bool:
        """Nothing to say: such a place isn't shown where it is no site."""
        is_mute = self.agents is not None and self.agents.mute > 0
        return not (
            self.troubles or self.quiet or self.customers or self.risks or self.works or is_mute
        )

    def hit_by(self, customer: Struck) -> None:
        known = self.customers.get(customer.id)
        if known is None or ALL_HOWS.index(customer.how) < ALL_HOWS.index(known.how):
            self.customers[customer.id] = customer


Places = Mapping[int, frozenset[int]]


class Board:
    """Filled part by part; `sites` gives it, the worst first."""

    def __init__(self, sites: Iterable[SiteRow], now: dt.datetime) -> None:
        self._now = now
        self._nowhere = SiteNow(None)
        self._by_id = {site.id: SiteNow(site) for site in sites}

    def _at(self, site_id: int | None) -> SiteNow:
        return self._by_id.get(site_id or 0, self._nowhere)

    def _all_at(self, places: Iterable[int]) -> list[SiteNow]:
        return [self._at(site_id) for site_id in places] or [self._nowhere]

    def add_alarms(self, alarms: Iterable[AlarmRow]) -> None:
        """Those that are open and follow from nothing else."""
        for one in alarms:
            site = self._at(one.site_id)
            if one.silenced_by is not None or one.is_snoozed(self._now):
                site.quiet += 1
                continue
            site.severities[one.severity] += 1
            site.troubles.append(Trouble(SEVERITIES.index(one.severity), one.began_at, alarm=one))

    def add_incidents(self, incidents: Iterable[IncidentRow], places: Places) -> None:
        """Open ones."""
        for one in incidents:
            is_down = any(impact.severity == "down" for impact in one.impacts)
            for site in self._all_at(places.get(one.id, ())):
                site.incidents += 1
                site.troubles.append(Trouble(0 if is_down else 1, one.started_at, incident=one))
                for impact in one.impacts:
                    how = (
                        "down"
                        if impact.severity == "down"
                        else KIND_HOWS.get(one.kind, "concerned")
                    )
                    site.hit_by(
                        Struck(
                            impact.customer_id,
                            impact.customer_code,
                            impact.customer_name,
                            impact.customer_name_en,
                            how,
                        )
                    )

    def add_hits(self, hits: SiteHits) -> None:
        for site_id, several in (*hits.by_site.items(), (None, hits.elsewhere)):
            for hit in several:
                who = hit.customer
                self._at(site_id).hit_by(Struck(who.id, who.code, who.name, who.name_en, hit.how))

    def add_works(self, works: Iterable[MaintenanceRow], places: Places) -> None:
        for one in works:
            for site in self._all_at(places.get(one.id, ())):
                site.works.append(one)

    def add_risks(self, risks: Iterable[SiteRisk]) -> None:
        for one in risks:
            self._at(one.site_id).risks.append(one)

    def add_agents(self, agents: Mapping[int | None, SiteAgents], stale_s: float) -> None:
        """A site is stale when none of its agents has answered for so long."""
        for site_id, several in agents.items():
            site = self._at(site_id)
            site.agents = several
            age = None if several.newest is None else (self._now - several.newest).total_seconds()
            site.is_stale = several.asked > 0 and (age is None or age > stale_s)

    def sites(self) -> list[SiteNow]:
        shown = [*self._by_id.values(), *([] if self._nowhere.is_bare else [self._nowhere])]
        for site in shown:
            site.troubles.sort(key=lambda one: (one.gravity, one.since))
            site.customers = dict(
                sorted(
                    site.customers.items(),
                    key=lambda each: (ALL_HOWS.index(each[1].how), each[1].code),
                )
            )
        return sorted(shown, key=_badness)


def _badness(site: SiteNow) -> tuple[object, ...]:
    return (
        STATES.index(site.state),
        -sum(one.how in ("down", "machines") for one in site.customers.values()),
        -len(site.customers),
        -len(site.troubles),
        site.site is None,
        site.site.code if site.site else "",
    )


def count_customers(sites: Sequence[SiteNow]) -> int:
    return len({key for site in sites for key in site.customers})
