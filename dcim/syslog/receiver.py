"""`dcim syslog`: `dcim.intake.receiver` for syslog over UDP (RFC 5426)."""

import socket

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.config import Settings
from dcim.db import SessionFactory
from dcim.intake.receiver import Place, Receiver
from dcim.intake.senders import Book, Sender
from dcim.intake.spool import Spool
from dcim.intake.writer import DeferPolls
from dcim.snmp.agents.models import SnmpAgent
from dcim.syslog.decoder import SyslogDecoder
from dcim.syslog.mappings import read_mappings, remap
from dcim.syslog.rules import Rules, shipped_rules
from dcim.syslog.writer import SyslogWriter

SPOOL = "syslog"
SUFFIX = ".syslog"


class SyslogReceiver(Receiver[Sender, SyslogDecoder]):
    """One receiver of an instance; `run` blocks until `stop`."""

    def __init__(self, settings: Settings, sessions: SessionFactory, defer: DeferPolls) -> None:
        folder = settings.spool_folder / SPOOL
        spool = Spool(folder, settings.syslog_in_spool_limit_bytes, SUFFIX)
        place = Place(
            "syslog",
            "dcim.syslog.reader",
            settings.syslog_in_listen,
            settings.syslog_in_allowed,
            {
                "source_rate": settings.syslog_in_source_rate,
                "source_burst": settings.syslog_in_source_burst,
                "total_rate": settings.syslog_in_total_rate,
                "total_burst": 2 * settings.syslog_in_total_rate,
            },
        )
        super().__init__(place, SyslogWriter(sessions, spool, defer))
        self._mappings: Rules | None = None

    def _read_book(self, session: Session, before: Book[Sender] | None) -> Book[Sender]:
        return read_book(session, before)

    def _make_decoder(self, udp: socket.socket, book: Book[Sender]) -> SyslogDecoder:
        return SyslogDecoder(self.spool, book)

    def _follow(self, session: Session) -> None:
        """What changed while this ran, by whatever: a mapping that a person brought back, say. Not
        all that is kept at each start: that may be millions."""
        before, self._mappings = self._mappings, read_mappings(session)
        if before is None or before == self._mappings:
            return
        events = {
            event
            for event in before.of.keys() | self._mappings.of.keys()
            if before.of.get(event) != self._mappings.of.get(event)
        }
        remap(session, events, (self._mappings, shipped_rules()))


def read_book(session: Session, before: Book[Sender] | None = None) -> Book[Sender]:
    """Polled agents by their address; the first where several share one."""
    rows = session.execute(
        select(SnmpAgent.address, SnmpAgent.id, SnmpAgent.device_id, SnmpAgent.shard)
        .where(SnmpAgent.enabled)
        .order_by(SnmpAgent.id)
    ).all()
    version = tuple(tuple(row) for row in rows)
    if before is not None and before.version == version:
        return before
    senders: dict[str, Sender] = {}
    for address, agent_id, device_id, shard in rows:
        senders.setdefault(address, Sender(agent_id, device_id, shard))
    return Book(senders, Sender(), version)
