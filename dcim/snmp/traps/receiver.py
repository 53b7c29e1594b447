"""`dcim traps`: `dcim.intake.receiver` for traps and informs, and the engines of their senders."""

import socket
import time

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.intake.receiver import Place, Receiver
from dcim.intake.spool import Spool
from dcim.intake.writer import DeferPolls
from dcim.snmp.mibs.known import known_catalogue
from dcim.snmp.polling.room import site_profiles
from dcim.snmp.traps.decoder import TrapDecoder, answer_by
from dcim.snmp.traps.mappings import read_mappings, remap_all
from dcim.snmp.traps.meanings import Meanings, gather_meanings
from dcim.snmp.traps.models import TrapEngine
from dcim.snmp.traps.own_engine import start_engine
from dcim.snmp.traps.recording import read_engines
from dcim.snmp.traps.senders import TrapBook, TrapSender, read_book
from dcim.snmp.traps.v3 import Notifications
from dcim.snmp.traps.writer import SYSTEM, TrapWriter

SPOOL = "traps"
SUFFIX = ".traps"


class TrapReceiver(Receiver[TrapSender, TrapDecoder]):
    """One receiver of an instance; `run` blocks until `stop`."""

    def __init__(self, settings: Settings, sessions: SessionFactory, defer: DeferPolls) -> None:
        self.settings = settings
        self.shipped = gather_meanings(known_catalogue(site_profiles(settings)).profiles.values())
        spool = Spool(settings.spool_folder / SPOOL, settings.trap_spool_limit_bytes, SUFFIX)
        place = Place(
            "traps",
            "dcim.snmp.traps.reader",
            settings.trap_listen,
            settings.trap_allowed,
            {
                "source_rate": settings.trap_source_rate,
                "source_burst": settings.trap_source_burst,
                "total_rate": settings.trap_total_rate,
                "total_burst": 2 * settings.trap_total_rate,
            },
        )
        super().__init__(place, TrapWriter(sessions, spool, self.shipped, defer))
        # Sources whose engine the database knew when it was last asked.
        self._stored: set[str] = set()
        self._mappings: Meanings | None = None

    def _read_book(self, session: Session, before: TrapBook | None) -> TrapBook:
        return read_book(session, self.settings.encryption, before)

    def _make_decoder(self, udp: socket.socket, book: TrapBook) -> TrapDecoder:
        own = start_engine(self.settings.data, time.monotonic())
        with transaction(self.sessions, SYSTEM) as session:
            engines = read_engines(session)
        self._stored = set(engines)
        return TrapDecoder(self.spool, book, Notifications(own), answer_by(udp), engines)

    def _follow(self, session: Session) -> None:
        mappings = read_mappings(session)
        if mappings != self._mappings:
            remap_all(session, (mappings, self.shipped))
        self._mappings = mappings

    def _renewed(self, session: Session, decoder: TrapDecoder) -> None:
        stored = set(session.scalars(select(TrapEngine.source)))
        decoder.forget_engines(self._stored - stored)  # a person had them forgotten
        self._stored = stored
