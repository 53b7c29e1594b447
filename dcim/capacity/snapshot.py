"""The board of racks, remembered in this process and brought up to what is committed.

Triggers note every change in `capacity_change`, in the transaction that makes it. A reader asks for
the notes that its remembered snapshot of PostgreSQL had not seen, and re-reads those racks. So what
is remembered is never older than the last commit before the question, whatever order transactions
commit in. What is found is a proposal all the same: placement decides again under the rack's lock.
"""

import datetime as dt
import threading
import time
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, delete, text
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.capacity.board import Board
from dcim.capacity.facts import RackFacts
from dcim.capacity.models import CapacityChange
from dcim.capacity.reading import read_chain, read_racks, read_rooms
from dcim.columns import utc_now
from dcim.errors import ForbiddenError

# Older than this a board is read anew; notes are kept longer than any board lives.
LIVES_S = 6 * 3600
KEPT = dt.timedelta(days=1)
# With more racks changed than this, reading all is cheaper.
MANY_RACKS = 2_000

_SEEN_NOW = text("SELECT pg_current_snapshot()::text, pg_current_xact_id_if_assigned() IS NOT NULL")
_UNSEEN = text(
    """
    SELECT pg_current_snapshot()::text, pg_current_xact_id_if_assigned() IS NOT NULL,
        array_agg(DISTINCT change.about), array_agg(DISTINCT change.rack_id)
    FROM (SELECT) AS once LEFT JOIN capacity_change AS change
        ON change.written_by >= (pg_snapshot_xmin(:seen)::text)::bigint
        AND NOT pg_visible_in_snapshot(change.written_by::text::xid8, :seen)
    """
)


@dataclass(frozen=True, slots=True)
class Remembered:
    """`seen` is the snapshot the board shows at least; `read_at`, monotonic seconds."""

    board: Board
    seen: str
    read_at: float


@dataclass(slots=True)
class _Memory:
    lock: threading.Lock = field(default_factory=threading.Lock)
    held: Remembered | None = None


# By engine: a process may serve several databases.
_memories: "WeakKeyDictionary[Engine, _Memory]" = WeakKeyDictionary()
_memories_lock = threading.Lock()


def current_board(session: Session, scope: Scope) -> Board:
    """The board as committed by now. One statement when nothing changed; eight at most."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff look for space.")
    memory = _memory_of(session)
    with memory.lock:
        fresh, keep = _refresh(session, memory.held)
        if keep:
            memory.held = fresh
        return fresh.board


def forget(session: Session) -> None:
    """Drop what is remembered of this session's database."""
    memory = _memory_of(session)
    with memory.lock:
        memory.held = None


def _memory_of(session: Session) -> _Memory:
    bind = session.get_bind()
    engine = bind if isinstance(bind, Engine) else bind.engine
    with _memories_lock:
        return _memories.setdefault(engine, _Memory())


def _refresh(session: Session, held: Remembered | None) -> tuple[Remembered, bool]:
    """The board now, and whether it may be remembered: not in a transaction that has written
    itself, since what it wrote may be rolled back."""
    if held is None or time.monotonic() - held.read_at > LIVES_S:
        return _read_all(session)
    seen, wrote, abouts, racks = session.execute(_UNSEEN, {"seen": held.seen}).one()
    changed = {rack_id for rack_id in racks if rack_id is not None}
    topics = {about for about in abouts if about is not None}
    if not topics:
        return Remembered(held.board, seen, held.read_at), not wrote
    if len(changed) > MANY_RACKS:
        return _read_all(session)
    board = _update(session, held.board, changed, topics)
    return Remembered(board, seen, held.read_at), not wrote


def _read_all(session: Session) -> tuple[Remembered, bool]:
    # First the snapshot, then the facts: they can only be newer than it says.
    seen, wrote = session.execute(_SEEN_NOW).one()
    began = time.monotonic()
    board = Board(read_racks(session).values(), read_rooms(session), read_chain(session))
    return Remembered(board, seen, began), not wrote


def _update(session: Session, board: Board, changed: set[int], topics: set[str]) -> Board:
    rooms = read_rooms(session) if "rooms" in topics else board.rooms
    chain = read_chain(session) if "power" in topics else board.chain
    racks = read_racks(session, changed) if changed else {}
    moved = rooms is not board.rooms or chain is not board.chain
    if not moved and all(_stands_still(board, rack_id, racks) for rack_id in changed):
        return board.replace(racks)
    kept = {rack.rack_id: rack for rack in board.racks if rack.rack_id not in changed}
    return Board((kept | racks).values(), rooms, chain)


def _stands_still(board: Board, rack_id: int, racks: dict[int, RackFacts]) -> bool:
    """Whether only what is in the rack changed, not the rack or its place."""
    before = board.racks[board.at[rack_id]] if rack_id in board.at else None
    after = racks.get(rack_id)
    if before is None or after is None:
        return before is after
    return _place_of(before) == _place_of(after)


def _place_of(rack: RackFacts) -> tuple[object, ...]:
    return (
        rack.code, rack.u_count, rack.place, rack.cabinet_id, rack.cabinet_code, rack.layout,
        rack.position, rack.weight_limit_g, rack.closed, rack.row_id, rack.row_code,
        rack.row_position, rack.room_id, rack.site_id, rack.cage_id, rack.numbering,
    )  # fmt: skip


def prune_changes(session: Session, now: dt.datetime | None = None) -> int:
    """Delete notes that every board has seen; returns how many."""
    oldest = (now or utc_now()) - KEPT
    gone = session.execute(delete(CapacityChange).where(CapacityChange.at < oldest))
    return int(getattr(gone, "rowcount", 0))
