"""A house with two customers' ports, and alarms as they come poll by poll."""

import datetime as dt
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.alarms.defaults import ensure_rules
from dcim.alarms.models import Alarm, AlarmEvent, AlarmRule
from dcim.alarms.rounds import RoundReport, run_round
from dcim.config import Settings
from dcim.db import ScopedSession
from dcim.metering.models import Series
from dcim.network.models import Port
from tests.integration.web.boards import House, Tenant

STAFF = Scope.system("test")
ZONE = ZoneInfo("Asia/Shanghai")


@dataclass
class Watch:
    """Feeds samples as a poller would and lets rounds happen at instants of its own."""

    session: ScopedSession
    settings: Settings
    house: House
    tenant: Tenant

    @property
    def port_id(self) -> int:
        return self.tenant.ports[0]

    @property
    def start(self) -> dt.datetime:
        return self.house.now

    def at(self, minute: float) -> dt.datetime:
        return self.start + dt.timedelta(minutes=minute)

    def sample(
        self, minute: float, share: float | None = None, state: int | None = None, port: int = 0
    ) -> None:
        """`share` in percent of the port's 1 Gbit/s; `state` 1 up, 2 down, 0 unknown."""
        ts = round(self.at(minute).timestamp() * 1000)
        ids = {
            series.family: series.id
            for series in self.session.scalars(
                select(Series).where(Series.port_id == self.tenant.ports[port])
            )
        }
        if share is not None:
            octets = round(share / 100 * 10**9 * 60 / 8)
            self.house.store.append(
                self.session, "traffic", [(ids["traffic"], ts, 60_000, 0, octets, 0, 0, 0)]
            )
        if state is not None:
            self.house.store.append(self.session, "state", [(ids["state"], ts, 0, 0, state)])
        self.session.commit()

    def round(self, minute: float) -> RoundReport:
        report = run_round(self.session, self.settings, self.at(minute))
        self.session.commit()
        return report

    def play(self, *shares: float, begin: int = 1, seen_after: float = 0.1) -> None:
        """A sample a minute, each seen by a round six seconds later."""
        for place, share in enumerate(shares):
            self.sample(begin + place, share)
            self.round(begin + place + seen_after)

    def alarms(self, code: str = "") -> list[Alarm]:
        statement = select(Alarm).order_by(Alarm.id)
        if code:
            statement = statement.join(AlarmRule).where(AlarmRule.code == code)
        return list(self.session.scalars(statement))

    def events(self, alarm: Alarm) -> list[str]:
        return list(
            self.session.scalars(
                select(AlarmEvent.kind)
                .where(AlarmEvent.alarm_id == alarm.id)
                .order_by(AlarmEvent.id)
            )
        )

    def rule(self, code: str) -> AlarmRule:
        return self.session.scalars(select(AlarmRule).where(AlarmRule.code == code)).one()


@pytest.fixture
def house(session: ScopedSession, request: pytest.FixtureRequest) -> House:
    house = House(session)
    house.now = house.now.replace(microsecond=0)
    if "burn" in request.fixturenames:
        house.now = keep_clear(house.now)
    return house


def keep_clear(now: dt.datetime) -> dt.datetime:
    """An instant around which no month ends: what burns is told month by month, and those plays are
    about an hour that lies in one."""
    around = {(now + dt.timedelta(hours=hours)).astimezone(ZONE).month for hours in (-6, 6)}
    return now if len(around) == 1 else now - dt.timedelta(hours=14)


@pytest.fixture
def watch(session: ScopedSession, settings: Settings, house: House) -> Watch:
    return build_watch(session, settings, house)


def build_watch(session: ScopedSession, settings: Settings, house: House) -> Watch:
    tenant = house.add_tenant("A", ports=2)
    for port in session.scalars(select(Port)):
        port.role = "customer"
    ensure_rules(session)
    session.commit()
    mailing = replace(settings, smtp_host="localhost", mail_from="noc@jifang.example")
    return Watch(session, mailing, house, tenant)
