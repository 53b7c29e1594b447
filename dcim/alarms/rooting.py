"""Putting open alarms under their roots: a dead panel is told once, the rest stands under it.

Judged anew whenever an alarm comes or goes (`correlation`): when a root is over and a consequence
stays, that is its own root from then on, and is told. Some outlast their cause though nothing is
wrong any more: a budget that burns by its short window, and until that much is known of its
contract; light and LAGs by as long as they have to be well. So long they stay where they are.
"""

import datetime as dt
from collections.abc import Sequence
from types import MappingProxyType

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from dcim.accounts.scope import Scope
from dcim.alarms.correlation.folding import Correlation, correlate
from dcim.alarms.correlation.hits import Hit, find_hit
from dcim.alarms.correlation.loading import load_dependencies
from dcim.alarms.correlation.subjects import (
    BURNING,
    DEGRADED,
    DIM,
    DOWN,
    OVERLOAD,
    SILENT,
    Raised,
    Subject,
)
from dcim.alarms.models import Alarm, AlarmEvent, AlarmRule
from dcim.alarms.rules.burning import SHORT
from dcim.alarms.rules.limits import SEVERITIES
from dcim.alarms.rules.quantities import AGENT, ITEM, NODE, PORT, SENSOR
from dcim.customers.registration import require_staff
from dcim.sla.burn_progress import read_known
from dcim.sla.rules.periods import to_ms

SCOPE = Scope.system("alarms")
# What an alarm of a quantity says of its subject; of another quantity it says nothing that would
# follow from anything, or that anything follows from: a full port, warm air.
TROUBLES = MappingProxyType(
    {
        "port_down": DOWN,
        "port_light": DIM,
        "lag_lost": DEGRADED,
        "lag_capacity": DEGRADED,
        "node_dead": DOWN,
        "node_load": OVERLOAD,
        "agent_silence": SILENT,
        "node_silence": SILENT,
        "sensor_silence": SILENT,
        "item_burn": BURNING,
    }
)
SUBJECTS = MappingProxyType(
    {PORT: "port", NODE: "power_node", SENSOR: "sensor", AGENT: "agent", ITEM: "item"}
)
# What counts is known so much later than it was, and light is read so seldom.
KNOWN_LATE = dt.timedelta(minutes=5)
OUTLASTING = ("item_burn", "port_light", "lag_lost", "lag_capacity")


def put_under_roots(session: Session, alarms: Sequence[Alarm], now: dt.datetime) -> int:
    """Write `root_id` of these, which are all that are open; how many changed. Each change stands
    in the alarm's history."""
    raised = read_raised(alarms)
    found = _correlate(session, raised)
    by_id = {alarm.id: alarm for alarm in alarms}
    held = _find_held(session, alarms, now)
    changed = 0
    for alarm in alarms:
        fold = found.folds.get(alarm.id)
        root_id = None if fold is None or fold.is_root else fold.root
        if root_id is not None and _is_news(alarm, by_id[root_id]):
            root_id = None
        stays = alarm.id in held and (root_id is None or alarm.rule.kind == "burn")
        if root_id == alarm.root_id or stays:
            continue
        changed += 1
        alarm.root_id = root_id
        kind, text = ("unfolded", "") if root_id is None else ("folded", by_id[root_id].label)
        session.add(AlarmEvent(alarm=alarm, at=now, kind=kind, text=text))
    session.flush()
    return changed


def has_orphans(session: Session, alarms: Sequence[Alarm], now: dt.datetime) -> bool:
    """Whether one of these, which are all that are open, stands under a cause that is over, and
    nothing keeps it there any longer."""
    roots = {alarm.id for alarm in alarms}
    orphans = {
        alarm.id for alarm in alarms if alarm.root_id is not None and alarm.root_id not in roots
    }
    return bool(orphans) and not orphans <= _find_held(session, alarms, now)


def _find_held(session: Session, alarms: Sequence[Alarm], now: dt.datetime) -> set[int]:
    """Those that outlast a cause that ended just now, or not known yet to burn on."""
    roots = {alarm.id for alarm in alarms}
    outlasting = [
        alarm
        for alarm in alarms
        if alarm.rule.quantity in OUTLASTING
        and alarm.root_id is not None
        and alarm.root_id not in roots
    ]
    if not outlasting:
        return set()
    wanted = {one.root_id for one in outlasting}
    over = dict(
        session.execute(select(Alarm.id, Alarm.cleared_at).where(Alarm.id.in_(wanted))).all()
    )
    known, found = read_known(session), set()
    for alarm in outlasting:
        ended, rule = over.get(alarm.root_id or 0), alarm.rule
        if ended is None:
            continue
        burns = rule.kind == "burn"
        well = ended + dt.timedelta(seconds=rule.window_s / SHORT if burns else rule.clear_for_s)
        behind = known.behind.get(alarm.subject_id) if burns and known is not None else None
        if now < well + KNOWN_LATE or (behind is not None and behind < to_ms(well)):
            found.add(alarm.id)
    return found


def _is_news(alarm: Alarm, root: Alarm) -> bool:
    """Of work nobody is told; that it counts against a promise is no part of the work."""
    return alarm.rule.kind == "burn" and root.silenced_by is not None


def read_raised(alarms: Sequence[Alarm]) -> list[Raised]:
    """Those that can have causes or consequences, as the correlation takes them."""
    return [
        Raised(
            alarm.id,
            Subject(SUBJECTS[alarm.subject_kind], alarm.subject_id),
            trouble,
            to_ms(alarm.began_at),
            SEVERITIES.index(alarm.severity),
        )
        for alarm in alarms
        if (trouble := _find_trouble(alarm.rule)) is not None
    ]


def _find_trouble(rule: AlarmRule) -> str | None:
    """What is foreseen is no trouble yet."""
    return None if rule.kind == "forecast" else TROUBLES.get(rule.quantity)


def find_hit_customers(
    session: Session, scope: Scope, alarm_id: int, now: dt.datetime
) -> list[Hit]:
    """Whom this open alarm hits with all that follows from it, the hardest hit first; nobody where
    it hits by nothing that is recorded, follows from another, or is over."""
    require_staff(scope)
    alarm = session.get(Alarm, alarm_id)
    if alarm is None or alarm.cleared_at is not None or alarm.root_id is not None:
        return []
    if _find_trouble(alarm.rule) is None:
        return []
    raised = read_raised(find_open(session))
    dependencies = load_dependencies(session, scope, {one.subject for one in raised})
    found = correlate(raised, dependencies)
    root = found.folds[alarm_id].root
    return find_hit(session, scope, [root], raised, dependencies, found, now=now)


def find_open(session: Session) -> Sequence[Alarm]:
    """All open alarms with their rules; two statements."""
    return session.scalars(
        select(Alarm).where(Alarm.cleared_at.is_(None)).options(selectinload(Alarm.rule))
    ).all()


def _correlate(session: Session, raised: Sequence[Raised]) -> Correlation:
    if len(raised) < 2:
        return Correlation({})
    return correlate(raised, load_dependencies(session, SCOPE, {one.subject for one in raised}))
