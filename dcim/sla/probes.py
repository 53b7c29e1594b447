"""What rounds of echoes showed of an item: loss, latency, jitter as values, reachability as states.

A round holds until the next, at most one and a half times the interval it was sent at; then nothing
is known. One that couldn't be sent, whole or in part without an answer, is unknown and never down,
as is one that nobody answered while no reference did.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.metering.batch import Columns, Ints
from dcim.metering.families import DOWN, FLAG_UNWITNESSED, NOT_REPORTED, PROBE, UNKNOWN, UP
from dcim.metering.models import Series
from dcim.probing.figures import MILLION
from dcim.probing.models import ProbeTarget
from dcim.sla.evidence import hold
from dcim.sla.meters import Meter
from dcim.sla.rules.facts import State
from dcim.sla.rules.intervals import clip, complement

Values = list[tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class ProbeMeter:
    """The series of a target's rounds. `code` is how people know the target."""

    meter: Meter
    code: str
    address: str


@dataclass(frozen=True, slots=True)
class Probed:
    """Over [start, end): values are (start, end, value), nothing where nothing is known; loss in
    parts per million, latency and jitter in microseconds. States are without holes."""

    loss: Values
    latency: Values
    jitter: Values
    reachability: list[tuple[int, int, State]]


def find_probe_meters(
    session: Session, scope: Scope, item_ids: Collection[int]
) -> dict[int, list[ProbeMeter]]:
    """By contract item, in the order of the targets' codes; also of targets that rest now."""
    rows = session.execute(
        scope.apply(
            select(
                ProbeTarget.contract_item_id,
                Series.id,
                Series.step_s,
                ProbeTarget.code,
                ProbeTarget.address,
            )
            .join(Series, Series.probe_target_id == ProbeTarget.id)
            .where(ProbeTarget.contract_item_id.in_(item_ids))
            .order_by(ProbeTarget.code),
            ProbeTarget.customer_id,
        )
    )
    found: dict[int, list[ProbeMeter]] = {}
    for item_id, series_id, step_s, code, address in rows:
        if item_id is not None:
            meter = Meter(series_id, PROBE.name, f"probe/{code}", step_s, None, None)
            found.setdefault(item_id, []).append(ProbeMeter(meter, code, address))
    return found


def read_probed(columns: Columns, start: int, end: int) -> Probed:
    sent, received = columns.values["sent"], columns.values["received"]
    shown = (sent > 0) & (columns.values["unsent"] == 0) & (columns.flags & FLAG_UNWITNESSED == 0)
    states = np.where(received > 0, UP, np.where(shown, DOWN, UNKNOWN)).astype(np.int64)
    held = hold(columns.ts, states, holds_of(columns))
    up = clip(((a, b) for a, b, state in held if state == UP), start, end)
    down = clip(((a, b) for a, b, state in held if state == DOWN), start, end)
    reachability: list[tuple[int, int, State]] = [(a, b, "up") for a, b in up]
    reachability += [(a, b, "down") for a, b in down]
    reachability += [(a, b, "unknown") for a, b in complement([*up, *down], start, end)]
    return Probed(
        loss=_hold_values(columns, _losses(sent, received, states), start, end),
        latency=_hold_values(columns, columns.values["mean_us"], start, end),
        jitter=_hold_values(columns, columns.values["jitter_us"], start, end),
        reachability=sorted(reachability),
    )


def holds_of(columns: Columns) -> Ints:
    """How long each round holds, ms: 90 s at an interval of 60 s, as polls do."""
    return columns.span_ms * 3 // 2


def _losses(sent: Ints, received: Ints, states: Ints) -> Ints:
    """Parts per million as `figures.measure_loss` has them; NOT_REPORTED where nothing is known."""
    some = np.maximum(sent, 1)
    lost = sent - received
    nearest = (2 * MILLION * lost + some) // (2 * some)
    return np.where(states == UNKNOWN, NOT_REPORTED, nearest)


def _hold_values(columns: Columns, values: Ints, start: int, end: int) -> Values:
    return [
        (max(a, start), min(b, end), value)
        for a, b, value in hold(columns.ts, values, holds_of(columns))
        if value != NOT_REPORTED and max(a, start) < min(b, end)
    ]
