"""Power and environment now: UPS, panels and rooms on one board."""

import datetime as dt
from dataclasses import dataclass

from flask import make_response, render_template
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.sla.feeds import NodeNow, load_supply
from dcim.sla.rooms import SensorNow, read_sensors
from dcim.web.noc.blueprint import noc
from dcim.web.refreshing import STALE_S, answer_part, tag_of, wants_part

# The stations worth a tile, from the utility down; breakers and PDUs are counted.
STATIONS = ("utility", "generator", "transformer", "ats", "ups", "panel")
# ASHRAE TC 9.9, recommended range of inlet air.
COLD_MC, HOT_MC = 18_000, 27_000


@dataclass(frozen=True, slots=True)
class Station:
    """`share` of the derated current of one phase; none where it isn't measured."""

    now: NodeNow
    share: float | None
    dead_below: int
    silent_below: int

    @property
    def is_metered(self) -> bool:
        return self.now.series_id is not None


@dataclass(frozen=True, slots=True)
class Plant:
    stations: list[Station]
    sensors: list[SensorNow]
    newest: dt.datetime | None

    @property
    def dead(self) -> list[Station]:
        return [one for one in self.stations if one.now.state == "down"]

    @property
    def silent(self) -> list[Station]:
        return [one for one in self.stations if one.is_metered and one.now.state == "unknown"]

    @property
    def out_of_range(self) -> list[SensorNow]:
        return [one for one in self.sensors if judge_sensor(one) in ("warning", "down")]

    def of_kind(self, kind: str, feed: str) -> list[Station]:
        return [s for s in self.stations if s.now.node.kind == kind and s.now.node.feed == feed]


def read_plant(session: Session, scope: Scope, now: dt.datetime) -> Plant:
    """A fixed number of statements, however large the house is."""
    supply = load_supply(session, now)
    stations = []
    for one in supply.nodes.values():
        if one.node.kind not in STATIONS:
            continue
        below = [supply.nodes[node.id] for node in supply.tree.descendants(one.node.id)]
        # What takes either feed isn't dark because this one is.
        pdus = [each for each in below if each.node.kind == "pdu" and each.node.feed != "AB"]
        stations.append(
            Station(
                one,
                None if one.amps is None else one.amps / one.derated_a,
                sum(each.state == "down" for each in pdus),
                sum(each.state == "unknown" for each in pdus),
            )
        )
    stations.sort(key=lambda s: (STATIONS.index(s.now.node.kind), s.now.node.code))
    sensors = read_sensors(session, scope, now)
    instants = [
        at
        for at in (
            *(one.now.measured_at for one in stations),
            *(one.measured_at for one in sensors),
        )
        if at is not None
    ]
    return Plant(stations, sensors, max(instants, default=None))


def judge_sensor(sensor: SensorNow) -> str:
    if sensor.mc is None:
        return "unknown"
    return "ok" if COLD_MC <= sensor.mc <= HOT_MC else "warning"


@noc.get("/power")
def plant() -> Response:
    session, scope, now = db_session(), current_scope(), utc_now()
    found = read_plant(session, scope, now)
    tag = tag_of(scope, found)

    def render(quoted: str) -> str:
        return render_template(
            "noc/plant_part.html" if wants_part() else "noc/plant.html",
            plant=found,
            judge_sensor=judge_sensor,
            limits=(COLD_MC, HOT_MC),
            tag=quoted,
            stale_after=STALE_S,
            now=now,
        )

    if wants_part():
        return answer_part(tag, render)
    return make_response(render(f'"{tag}"'))
