"""Rounds become samples: one series a target, all of a run in one transaction."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.metering.batch import Row
from dcim.metering.families import BY_ICMP, BY_TCP, FLAG_UNWITNESSED, NOT_REPORTED, PROBE
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore, SampleStore
from dcim.probing.figures import figure_round
from dcim.probing.models import ProbeTarget
from dcim.probing.rounds import Round


def record_rounds(
    session: Session, rounds: Sequence[Round], store: SampleStore | None = None
) -> int:
    """Keep rounds by their target's key, its id. Again is the same as once. Returns how many.

    A target deleted meanwhile is left out. What couldn't be sent is kept as that, never as lost.
    """
    targets = {
        target.id: target
        for target in session.scalars(
            select(ProbeTarget)
            .where(ProbeTarget.id.in_({each.target.key for each in rounds}))
            .order_by(ProbeTarget.id)
            .with_for_update()
        )
    }
    series = _find_series(session, targets)
    rows: list[Row] = []
    for each in rounds:
        target = targets.get(each.target.key)
        if target is None:
            continue
        at = dt.datetime.fromtimestamp(each.started_ms / 1000, dt.UTC)
        if target.last_round_at is None or target.last_round_at <= at:
            target.last_round_at = at
            told = ", ".join(filter(None, (each.way, each.instead_of)))
            target.last_way, target.last_problem = told[:255], each.problem[:255]
        rows.append(sample_of(each, series[target.id], target.every_s * 1000))
    return (store or PostgresSampleStore()).append(session, PROBE.name, rows)


def sample_of(round_: Round, series_id: int, span_ms: int) -> Row:
    """As family `probe` has it; `span_ms` is the time to the next round."""
    found = figure_round(round_.rtts_us)
    times = (found.min_us, found.mean_us, found.max_us, found.jitter_us, found.pdv_us)
    return (
        series_id,
        round_.started_ms,
        span_ms,
        0 if round_.witnessed else FLAG_UNWITNESSED,
        found.sent,
        found.received,
        round_.unsent,
        *(NOT_REPORTED if each is None else each for each in times),
        BY_TCP if round_.method == "tcp" else BY_ICMP,
    )


def _find_series(session: Session, targets: dict[int, ProbeTarget]) -> dict[int, int]:
    """Series ids by target. The targets are locked, so no one makes a second."""
    known = {
        each.probe_target_id: each
        for each in session.scalars(select(Series).where(Series.probe_target_id.in_(targets)))
    }
    for target in targets.values():
        if target.id not in known:
            known[target.id] = Series(
                family=PROBE.name,
                probe_target_id=target.id,
                slot=target.code,
                step_s=target.every_s,
            )
            session.add(known[target.id])
        elif known[target.id].step_s != target.every_s:
            known[target.id].step_s = target.every_s
    session.flush()
    return {target_id: known[target_id].id for target_id in targets}
