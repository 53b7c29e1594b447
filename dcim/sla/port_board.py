"""The board of ports, remembered in this process and brought up to what is committed.

What the inventory says of ports is read anew when triggers have noted a change of it that the
remembered snapshot of PostgreSQL hadn't seen; what is measured, for the devices that were polled
since. Between two polls nothing is worked out again, however many look.
"""

import datetime as dt
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, delete, func, select, text
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import ForbiddenError
from dcim.inventory.models import Site
from dcim.metering.newest import NewestPorts
from dcim.sla.port_board_models import PortBoardChange
from dcim.sla.ports import (
    PortNow,
    find_next_turn,
    hold_of,
    judge_port,
    select_board_ports,
    site_column,
)
from dcim.sla.usage_months import MonthNow, read_running_months

# Older than this a board is read anew; notes are kept longer than any board lives.
LIVES_S = 6 * 3600
KEPT = dt.timedelta(days=1)
# A job works months out every few minutes: so often a process looks.
MONTHS_S = 60
# With more ports than this in all, a board is of one site.
MANY_PORTS = 20_000
# Boards of so many sites are remembered at once, and so many answers of each.
SITES, ANSWERS = 8, 64

_SEEN_NOW = text("SELECT pg_current_snapshot()::text, pg_current_xact_id_if_assigned() IS NOT NULL")
_UNSEEN = text(
    """
    SELECT pg_current_snapshot()::text, pg_current_xact_id_if_assigned() IS NOT NULL, EXISTS (
        SELECT FROM port_board_change AS change
        WHERE change.written_by >= (pg_snapshot_xmin(:seen)::text)::bigint
        AND NOT pg_visible_in_snapshot(change.written_by::text::xid8, :seen))
    """
)


@dataclass(frozen=True, slots=True)
class BoardSite:
    """`ports` is how many of its ports are on the board; no id: those of devices that stand
    nowhere."""

    id: int | None
    code: str
    name: str
    name_en: str
    ports: int


@dataclass(slots=True)
class Board:
    """`version` changes whenever any port does; `answers` is what was made of this version."""

    version: int
    ports: list[PortNow]
    months: Mapping[int, MonthNow]
    sites: Sequence[BoardSite]
    site_id: int | None
    newest: dt.datetime | None
    answers: dict[object, object] = field(default_factory=dict)

    @property
    def can_show_all(self) -> bool:
        """Whether the ports of all sites fit on one board."""
        return sum(site.ports for site in self.sites) <= MANY_PORTS

    def remember(self, key: object, answer: object) -> None:
        if len(self.answers) >= ANSWERS:
            self.answers.clear()
        self.answers[key] = answer


@dataclass(slots=True)
class _Held:
    seen: str
    read_at: float
    months_at: float
    board: Board
    measured: NewestPorts
    # Places in `board.ports` by series, and until when (UTC ms) what is judged of a port holds.
    places: dict[int, list[int]]
    until: list[int]
    # When a membership next begins or ends by itself.
    turns_at: dt.datetime | None


@dataclass(slots=True)
class _Memory:
    lock: threading.Lock = field(default_factory=threading.Lock)
    held: dict[int | None, _Held] = field(default_factory=dict)
    versions: int = 0


# By engine: a process may serve several databases.
_memories: "WeakKeyDictionary[Engine, _Memory]" = WeakKeyDictionary()
_memories_lock = threading.Lock()


def current_ports(
    session: Session, scope: Scope, now: dt.datetime, site_id: int | None = None
) -> Board:
    """Every port that is measured, carries a service or is of a polled device; staff only.

    Of one site or of all; with more than MANY_PORTS in all, of the largest site unless told which.
    Five statements when nothing but time went on, twelve at most.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff see all ports.")
    memory = _memory_of(session)
    with memory.lock:
        # Out of the memory until it is whole again: what breaks off half way is read anew.
        held = memory.held.pop(site_id, None)
        if held is not None and time.monotonic() - held.read_at <= LIVES_S:
            seen, wrote, is_old = session.execute(_UNSEEN, {"seen": held.seen}).one()
        else:
            seen, wrote = session.execute(_SEEN_NOW).one()
            is_old = True
        turned = held is not None and held.turns_at is not None and held.turns_at <= now
        if is_old or turned or held is None:
            held = _read(session, now, site_id, held)
        held.seen = seen
        _bring_up(session, memory, held, now)
        # What a transaction wrote itself may be rolled back.
        if not wrote:
            if len(memory.held) >= SITES:
                memory.held.clear()
            memory.held[site_id] = held
        return held.board


def forget(session: Session) -> None:
    """Drop what is remembered of this session's database."""
    memory = _memory_of(session)
    with memory.lock:
        memory.held.clear()


def prune_board_changes(session: Session, now: dt.datetime | None = None) -> int:
    """Delete notes that every board has seen; returns how many."""
    oldest = (now or utc_now()) - KEPT
    gone = session.execute(delete(PortBoardChange).where(PortBoardChange.at < oldest))
    return int(getattr(gone, "rowcount", 0))


def _memory_of(session: Session) -> _Memory:
    bind = session.get_bind()
    engine = bind if isinstance(bind, Engine) else bind.engine
    with _memories_lock:
        return _memories.setdefault(engine, _Memory())


def _read(session: Session, now: dt.datetime, site_id: int | None, held: _Held | None) -> _Held:
    """Ports as the inventory has them, nothing judged yet."""
    sites = _count_sites(session, now)
    chosen = site_id
    standing = [site for site in sites if site.id is not None]
    if site_id is None and standing and sum(site.ports for site in sites) > MANY_PORTS:
        chosen = max(standing, key=lambda one: one.ports).id
    statement = select_board_ports(now)
    if chosen is not None:
        statement = statement.where(site_column() == chosen)
    ports = [PortNow(**row._mapping) for row in session.execute(statement)]
    places: dict[int, list[int]] = {}
    for place, port in enumerate(ports):
        for series_id in (port.traffic_id, port.state_id, port.discards_id):
            if series_id is not None:
                places.setdefault(series_id, []).append(place)
    board = Board(0, ports, {}, sites, chosen, None)
    devices = tuple(sorted({port.device_id for port in ports}))
    measured = held.measured if held and held.measured.devices == devices else NewestPorts(devices)
    # A monotonic clock may begin anywhere: so long ago that months are due.
    months_at = time.monotonic() - MONTHS_S
    return _Held(
        "", time.monotonic(), months_at, board, measured, places, [0] * len(ports),
        find_next_turn(session, now),
    )  # fmt: skip


def _count_sites(session: Session, now: dt.datetime) -> list[BoardSite]:
    of = select_board_ports(now).add_columns(site_column().label("of_site")).subquery()
    rows = session.execute(
        select(of.c.of_site, Site.code, Site.name, Site.name_en, func.count())
        .select_from(of)
        .outerjoin(Site, Site.id == of.c.of_site)
        .group_by(of.c.of_site, Site.code, Site.name, Site.name_en)
        .order_by(Site.code)
    )
    return [BoardSite(key, code or "", name or "", en or "", n) for key, code, name, en, n in rows]


def _bring_up(session: Session, memory: _Memory, held: _Held, now: dt.datetime) -> None:
    """Judge again what was measured since, and what holds no longer."""
    changed = held.measured.refresh(session)
    now_ms = round(now.timestamp() * 1000)
    again = {place for series_id in changed for place in held.places.get(series_id, ())}
    again |= {place for place, until in enumerate(held.until) if until <= now_ms}
    board = held.board
    months = board.months
    if time.monotonic() - held.months_at >= MONTHS_S:
        months = read_running_months(session, now)
        held.months_at = time.monotonic()
    if not again and board.version and (months is board.months or months == board.months):
        return
    ports = list(board.ports)
    for place in again:
        port = ports[place]
        traffic = held.measured.traffic.get(port.traffic_id or 0)
        state = held.measured.state.get(port.state_id or 0)
        discards = held.measured.discards.get(port.discards_id or 0)
        ports[place] = judge_port(port, traffic, state, discards, now_ms)
        hold = hold_of(port)
        ends = [one.ts + hold + 1 for one in (traffic, state, discards) if one is not None]
        held.until[place] = min((end for end in ends if end > now_ms), default=2**62)
    memory.versions += 1
    newest = max((port.newest_at for port in ports if port.newest_at is not None), default=None)
    # Another object: who looks at the old one keeps it whole.
    held.board = Board(memory.versions, ports, months, board.sites, board.site_id, newest)
