"""From disk to the database: `dcim.intake.writer` for traps; every trap has its device polled."""

import datetime as dt
from collections.abc import Iterable

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.db import SessionFactory
from dcim.intake.decoder import Drops
from dcim.intake.spool import Spool
from dcim.intake.writer import DeferPolls, Writer
from dcim.snmp.agents.received import record_drops
from dcim.snmp.traps.entries import Spooled, decode_entries, join, take_apart
from dcim.snmp.traps.mappings import read_mappings
from dcim.snmp.traps.meanings import Meanings
from dcim.snmp.traps.models import TrapDrop
from dcim.snmp.traps.recording import record

SYSTEM = Scope.system("traps")


class TrapWriter(Writer[Spooled]):
    """Records traps with what they mean: `shipped` is what device families say."""

    def __init__(
        self, sessions: SessionFactory, spool: Spool, shipped: Meanings, defer: DeferPolls
    ) -> None:
        super().__init__(sessions, SYSTEM, spool, defer)
        self.shipped = shipped

    def _decode(self, content: bytes) -> Spooled:
        return decode_entries(content)

    def _record(self, session: Session, spooled: Spooled) -> Iterable[str]:
        record(session, spooled, (read_mappings(session), self.shipped))
        return (entry.source for entry in spooled.entries)

    def _take_apart(self, spooled: Spooled) -> list[Spooled]:
        return take_apart(spooled)

    def _join(self, parts: list[Spooled]) -> bytes:
        return join(parts)

    def _count_drops(self, session: Session, drops: Drops) -> None:
        record_drops(session, TrapDrop, drops, dt.datetime.now(dt.UTC))
