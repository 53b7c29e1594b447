"""What a month that still runs has cost in credits, and what it may come to; pure.

Four futures, each judged by the same rules over the whole month (docs/contracts.md, "Credits at
risk"): nothing more happens; the last seven days come again; what is open now lasts until the
month ends; and, promise by promise, how long an outage from now on takes to cost more. A metric
judged by a figure or by answers is taken as it has come to so far, in each of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from dcim.sla.rules.budget import allowed_ms, find_runout
from dcim.sla.rules.evaluation import (
    MetricResult,
    evaluate_metric,
    list_judged,
    settle_results,
    sum_fees,
)
from dcim.sla.rules.facts import Facts, Item, Period, Resource
from dcim.sla.rules.futures import (
    Future,
    as_states,
    come_again,
    cut_facts,
    down_since,
    extend,
    find_around,
    find_future,
    go_down,
    hit_within,
    repeat_around,
    repeat_circumstances,
    report_now,
    state_at,
    stay_so,
    stay_well,
    turn_at,
    turn_usual,
)
from dcim.sla.rules.money.settlement import Settled
from dcim.sla.rules.terms import Metric, Terms

SECOND_MS = 1000


@dataclass(frozen=True)
class Amounts:
    """`likely` is what would be booked; `least` and `most` are what unmeasured time and open
    questions may make of it."""

    likely: Decimal
    least: Decimal
    most: Decimal


@dataclass(frozen=True)
class Step:
    """An outage of `after_ms` more, from now on, costs `amount` more; before caps."""

    after_ms: int
    amount: Decimal


@dataclass(frozen=True)
class Promise:
    """One metric of one item. `result` and `owed` are as if nothing more happened.

    `open_since`: UTC ms, what it watches is down at the moment; `is_dark`: nothing of it is
    measured at the moment. `runs_out_at`: when its error budget is used up if the last days come
    again, or if what is open lasts; None where it lasts or has been used up.
    """

    result: MetricResult
    owed: Amounts
    at_rate: Amounts | None
    if_open: Amounts | None
    allowed_ms: int | None
    open_since: int | None
    is_dark: bool
    runs_out_at: int | None
    step: Step | None


@dataclass(frozen=True)
class Forecast:
    """Credits after all caps, with what may still be claimed, vouchers and extensions at their
    worth. `at_rate` is None with less than a day to go by, `if_open` where nothing is open."""

    period: Period
    until: int
    window_ms: int
    owed: Amounts
    at_rate: Amounts | None
    if_open: Amounts | None
    promises: tuple[Promise, ...]


def forecast(terms: Terms, facts: Facts, period: Period, until: int) -> Forecast:
    """`until` lies in the period; at its end the month is closed, and all that was measured
    around it counts, as in its statement.

    The work grows with the promises alone: each is judged a bounded number of times.
    """
    if not period.start < until <= period.end:
        raise ValueError("the instant is outside the period")
    if until < period.end:
        facts = cut_facts(facts, until)
    future = find_future(facts, until, period.end)
    work = _Work(terms, facts, period, future)
    # What only begins later this month promises nothing yet.
    begun = list_judged(terms, facts, Period(period.start, until))
    told = [work.tell(metric, item) for metric, item in begun]
    is_open = any(each.open_since is not None for each in told)

    def add(results: list[MetricResult], by: Facts) -> Amounts:
        return _add(terms, results, by, period)

    return Forecast(
        period=period,
        until=until,
        window_ms=future.window_ms,
        owed=add([each.owed for each in told], facts),
        at_rate=add([each.at_rate for each in told], work.again) if future.repeats else None,
        if_open=add([each.if_open for each in told], facts) if is_open else None,
        promises=tuple(each.promise(period, future) for each in told),
    )


@dataclass(frozen=True)
class _Told:
    owed: MetricResult
    at_rate: MetricResult
    if_open: MetricResult
    open_since: int | None
    is_dark: bool
    step: Step | None

    def promise(self, period: Period, future: Future) -> Promise:
        allowed = allowed_ms(self.owed, period)
        runs_out = None
        if allowed is not None and self.owed.outcome.downtime_ms <= allowed:
            coming = self.if_open if self.open_since is not None else self.at_rate
            runs_out = find_runout(coming.outcome.events, allowed)
        return Promise(
            result=self.owed,
            owed=_amounts(self.owed),
            at_rate=_amounts(self.at_rate) if future.repeats else None,
            if_open=_amounts(self.if_open) if self.open_since is not None else None,
            allowed_ms=allowed,
            open_since=self.open_since,
            is_dark=self.is_dark,
            runs_out_at=runs_out,
            step=self.step,
        )


class _Work:
    """Judges promises; those that nothing ever happened to and that are alike only once."""

    def __init__(self, terms: Terms, facts: Facts, period: Period, future: Future) -> None:
        self.terms, self.facts, self.period, self.future = terms, facts, period, future
        self.fees = sum_fees(facts)
        self.again = repeat_circumstances(facts, future)
        self.reported = report_now(facts, future.until)
        self._resources: dict[str, Mapping[str, list[Resource]]] = {}
        self._surroundings: dict[str, Mapping[str, list[Resource]]] = {}
        self._steps: dict[object, Step | None] = {}

    def tell(self, metric: Metric, item: Item) -> _Told:
        if metric.answers is not None or metric.target.figure is not None:
            so_far = replace(self.period, end=self.future.until)
            result = self._judge(metric, item, self.facts, so_far)
            return _Told(result, result, result, None, result.outcome.missed is None, None)
        future, until = self.future, self.future.until
        mine = self._of(metric, item)
        around = self._around(metric, item)
        usual = turn_usual(metric, around, future)
        owed = self._judge(metric, item, extend(self.facts, mine, stay_well(future), usual))
        states = {state_at(each, until) for each in mine}
        if_open = owed
        if future.runs and "down" in states:
            lasting = extend(self.reported, mine, stay_so(future), usual)
            if_open = self._judge(metric, item, lasting)
        # Down somewhere is no outage of this promise while another feed holds: then what lasts
        # adds nothing.
        is_open = if_open.outcome.downtime_ms > owed.outcome.downtime_ms
        since = min(down_since(e, until) for e in mine if state_at(e, until) == "down") if (
            is_open
        ) else None  # fmt: skip
        at_rate = owed
        hit = any(hit_within(each, future.start, until) for each in mine)
        if future.repeats and hit:
            repeated = repeat_around(around, future)
            coming = extend(self.again, mine, come_again(future), repeated)
            at_rate = self._judge(metric, item, coming)
        return _Told(
            owed,
            at_rate,
            if_open,
            since,
            not mine or states == {"unknown"},
            self._step(metric, item, mine, usual, owed) if future.runs else None,
        )

    def _judge(
        self, metric: Metric, item: Item, facts: Facts, period: Period | None = None
    ) -> MetricResult:
        return evaluate_metric(self.terms, metric, item, facts, period or self.period, self.fees)

    def _of(self, metric: Metric, item: Item) -> list[Resource]:
        if metric.id not in self._resources:
            states = as_states(metric, self.facts, self.period, self.future.until)
            self._resources[metric.id] = _by_item(states)
        return list(self._resources[metric.id].get(item.id, []))

    def _around(self, metric: Metric, item: Item) -> list[Resource]:
        if metric.id not in self._surroundings:
            self._surroundings[metric.id] = _by_item(find_around(metric, self.facts))
        found = self._surroundings[metric.id]
        return [*found.get(item.id, []), *found.get("", [])]

    def _step(
        self,
        metric: Metric,
        item: Item,
        mine: Sequence[Resource],
        usual: Sequence[Resource],
        owed: MetricResult,
    ) -> Step | None:
        if metric.credit is None or not mine:
            return None
        outcome = owed.outcome
        untouched = not (outcome.events or outcome.excluded_ms or outcome.unknown_ms)
        if not untouched or self.facts.windows or self.facts.tickets:
            return self._find_step(metric, item, mine, usual, owed)
        alike = (metric.id, repr(replace(item, id="")), len(mine))
        if alike not in self._steps:
            self._steps[alike] = self._find_step(metric, item, mine, usual, owed)
        return self._steps[alike]

    def _find_step(
        self,
        metric: Metric,
        item: Item,
        mine: Sequence[Resource],
        usual: Sequence[Resource],
        owed: MetricResult,
    ) -> Step | None:
        """By halving, to the second: no credit falls when an outage lasts longer."""
        future = self.future
        before = _earned(owed)

        def cost(seconds: int) -> Decimal:
            length = seconds * SECOND_MS
            # Its tickets are closed as it ends: an open one would let the clock run on.
            told = report_now(self.facts, future.until, turn_at(future, length))
            supposed = extend(told, mine, go_down(future, length), usual)
            return _earned(self._judge(metric, item, supposed)) - before

        low, high = 0, -(-(min(future.end, item.end) - future.until) // SECOND_MS)
        if high <= 0 or cost(high) <= 0:
            return None
        # Where the budget ends, or an outage begins to count, is where most steps are: a few looks
        # there instead of twenty.
        allowed = allowed_ms(owed, self.period)
        guesses = [] if allowed is None else [(allowed - owed.outcome.downtime_ms) // SECOND_MS]
        for guess in (*guesses, metric.qualify_ms // SECOND_MS):
            low, high = _narrow(cost, guess, low, high)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if cost(middle) > 0 else (middle, high)
        return Step(high * SECOND_MS, cost(high))


def _by_item(resources: Iterable[Resource]) -> dict[str, list[Resource]]:
    """By the items that each serves; those that serve none in particular under ""."""
    found: dict[str, list[Resource]] = {}
    for each in resources:
        for name in each.items or ("",):
            found.setdefault(name, []).append(each)
    return found


def _narrow(cost: Callable[[int], Decimal], guess: int, low: int, high: int) -> tuple[int, int]:
    for at in (guess - 1, guess + 2):
        if low < at < high:
            low, high = (low, at) if cost(at) > 0 else (at, high)
    return low, high


def _earned(result: MetricResult) -> Decimal:
    return max(result.credit.amount, result.at_least)


def _amounts(result: MetricResult) -> Amounts:
    return Amounts(result.credit.amount, result.at_least, result.at_most)


def _add(terms: Terms, results: list[MetricResult], facts: Facts, period: Period) -> Amounts:
    """What they come to together, as booked and at either end of what is open."""
    likely = settle_results(terms, results, facts, period)
    ends = []
    for name in ("at_least", "at_most"):
        taken = [_take(each, getattr(each, name)) for each in results]
        settled = settle_results(terms, taken, facts, period)
        # What can't be settled for want of a fact: nothing at least, all of it at most.
        opened = {each.id for each in settled.results if each.result == "needs_review"}
        more = sum((each.at_most for each in results if each.id in opened), Decimal(0))
        ends.append(_worth(settled) + (more if name == "at_most" else 0))
    return Amounts(_worth(likely), ends[0], ends[1])


def _take(result: MetricResult, amount: Decimal) -> MetricResult:
    """As if it had been decided for this amount."""
    if not result.at_most or amount == result.credit.amount:
        return result
    credit = replace(result.credit, amount=amount)
    return replace(result, result="breached" if amount else "met", credit=credit)


def _worth(settled: Settled) -> Decimal:
    """Off an invoice, what may still be claimed, vouchers, and what days of extension stand for."""
    days = sum((one.amount for one in settled.extensions), Decimal(0))
    return settled.credit_total + settled.claimable_total + settled.voucher_total + days
