"""The SNMPv3 engines that senders were first heard with: shown, and forgotten when replaced."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.errors import NotFoundError
from dcim.snmp.traps.models import TrapEngine


def find_engine(session: Session, source: str) -> TrapEngine | None:
    return session.scalar(select(TrapEngine).where(TrapEngine.source == source))


def forget_engine(session: Session, scope: Scope, source: str) -> None:
    """Believe whichever engine signs rightly next from this address. Raises NotFoundError."""
    engine = find_engine(session, source)
    if engine is None:
        raise NotFoundError("No engine of this address is known.")
    record(
        session,
        scope,
        "trap-engine.forget",
        f"trap-engine/{engine.id}",
        source=source,
        engine_id=engine.engine_id.hex(),
    )
    session.execute(delete(TrapEngine).where(TrapEngine.id == engine.id))
