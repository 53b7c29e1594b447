"""Power into priced lines: per circuit, breakered ampere, committed kW, kWh, demand."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from dcim.metering.percentile import find_percentile
from dcim.sla.rules.quantities import plain
from dcim.sla.rules.steps import Step, both, say_exact
from dcim.sla.rules.terms import PowerTerms, PriceRows, Terms, Text, Usage
from dcim.sla.rules.usage.hand_readings import HOUR_MS, hand_steps
from dcim.sla.rules.usage.lines import (
    PricedLine,
    line_step,
    make_step,
    price_line,
    unpriced_line,
)
from dcim.sla.rules.usage.power_order import (
    MissingError,
    agree_commit,
    agree_price_committed,
    agree_pue,
    missing_in_order,
)
from dcim.sla.rules.usage.prices import limit_amount, share_free, sum_parts
from dcim.sla.rules.usage.readings import (
    NEEDED,
    PowerOrder,
    Readings,
    ReadingUnit,
    fill_readings,
    local_minutes,
    say_hours,
    to_unit,
    within,
)

DEMAND_WORDS = {
    "highest": ("各计费间隔平均值的最高值", "the highest mean of an interval"),
    "mean": ("各计费间隔平均值的平均", "the mean of the intervals"),
}


@dataclass(frozen=True)
class PowerBill:
    """`amount` is None when a line can't be priced: its note names what is missing."""

    expected: int
    present: int
    quantity: Fraction | None  # measured, in `unit`
    unit: str
    lines: tuple[PricedLine, ...]
    steps: tuple[Step, ...]

    @property
    def amount(self) -> Decimal | None:
        amounts = [line.amount for line in self.lines]
        known = [amount for amount in amounts if amount is not None]
        return sum(known, Decimal(0)) if len(known) == len(amounts) else None

    @property
    def missing(self) -> tuple[Text, ...]:
        """The facts without which a line has no price."""
        return tuple(line.note for line in self.lines if line.note is not None)


def bill_power(
    terms: Terms, usage: Usage, readings: Readings | None, order: PowerOrder
) -> PowerBill:
    """The item's power of one period; `readings` None = nothing was measured."""
    work = _Work(terms, usage, usage.power or PowerTerms(), readings, order, [], [])
    quantity: Fraction | None = None
    if usage.method == "flat":
        unit, quantity = "circuit", Fraction(1)
        work.fixed("flat", {"zh": "按路月费", "en": "Fee of the circuit"}, unit, quantity)
    elif usage.method == "breakered":
        unit = "A"
        text: Text = {"zh": "按断路器安培", "en": "Breakered amperes"}
        if order.amperes is None:
            work.unpriced("breakered", text, unit, missing_in_order("断路器额定安培", "amperes"))
        else:
            quantity = Fraction(order.amperes)
            work.fixed("breakered", text, unit, quantity)
    elif usage.method == "energy":
        unit, quantity = "kWh", work.energy()
    elif usage.method == "demand":
        unit, quantity = "kW", work.demand()
    else:
        unit, quantity = work.words.unit, work.committed_power()
    known = [line.amount for line in work.lines]
    if None not in known:
        total = sum((amount for amount in known if amount is not None), Decimal(0))
        for line in limit_amount(terms, usage, total):
            work.book(line)
    count = len(readings.values) if readings is not None and readings.polled else 0
    present = 0 if readings is None else readings.present
    return PowerBill(count, present, quantity, unit, tuple(work.lines), tuple(work.steps))


@dataclass
class _Work:
    """One bill under way."""

    terms: Terms
    usage: Usage
    words: PowerTerms
    readings: Readings | None
    order: PowerOrder
    lines: list[PricedLine]
    steps: list[Step]

    def book(self, line: PricedLine) -> None:
        self.lines.append(line)
        self.steps.append(line_step(line))

    def unpriced(self, key: str, text: Text, unit: str, why: MissingError) -> None:
        price = self.usage.price_over
        known = price if isinstance(price, Decimal) else None
        self.book(unpriced_line(key, text, unit, known, why.note))

    def price(self) -> Decimal | PriceRows:
        if self.usage.price_over != "item":
            return self.usage.price_over
        if self.order.price_over is None:
            raise missing_in_order("单价", "price")
        return self.order.price_over

    def fixed(self, key: str, text: Text, unit: str, quantity: Fraction) -> None:
        """A fee whatever was measured, for the part of the period in service."""
        try:
            price = self.price()
        except MissingError as why:
            self.unpriced(key, text, unit, why)
            return
        for part in sum_parts([quantity], price):
            name = f"{key}:{part.row}" if part.row else key
            self.book(
                price_line(
                    self.terms, name, text, part.quantity, unit, part.price, self.order.share
                )
            )

    def measured(self, unit: ReadingUnit) -> Readings:
        """Readings good enough to bill."""
        found = self.readings
        if found is None or (found.polled and not found.present):
            raise MissingError("本期没有任何电表读数", "nothing was measured in the period")
        if found.by_hand and self.usage.method != "energy":
            raise MissingError(
                "手工抄表只有电量，没有功率", "a meter read by hand gives energy, but no power"
            )
        if found.by_hand and self.words.by_hours:
            raise MissingError(
                "手工抄表不分时段，无法按峰平谷计价",
                "a meter read by hand doesn't tell the hours, which the price depends on",
            )
        if found.by_hand and self.words.included_by_interval:
            raise MissingError(
                "手工抄表不分计费间隔，无法按间隔扣除包电",
                "a meter read by hand doesn't tell the intervals, each with its included kW",
            )
        for read in found.by_hand:
            if read.missing is not None:
                raise MissingError(read.missing["zh"], read.missing["en"])
        if found.unit != unit:
            raise MissingError(f"缺少以 {unit} 计的读数", f"there are no readings in {unit}")
        if found.interval_ms != self.usage.interval_ms:
            raise ValueError(
                f"readings of {found.interval_ms} ms, "
                f"the terms bill intervals of {self.usage.interval_ms} ms"
            )
        least = Fraction(self.words.min_coverage)
        if found.hand_covered * 100 < least:
            raise MissingError(
                f"电表在位时间不足：{say_exact(found.hand_covered * 100)} %，"
                f"约定至少 {plain(self.words.min_coverage)} %",
                f"a meter hung there for {say_exact(found.hand_covered * 100)} % of the time only, "
                f"at least {plain(self.words.min_coverage)} % is agreed",
            )
        if found.polled and found.present * 100 < least * len(found.values):
            said = f"{found.present:,} / {len(found.values):,}"
            raise MissingError(
                f"读数覆盖不足：{said} 个间隔，约定至少 {plain(self.words.min_coverage)} %",
                f"too little was measured: {said} intervals, "
                f"at least {plain(self.words.min_coverage)} % is agreed",
            )
        return found

    def energy(self) -> Fraction | None:
        """kWh billed before anything free."""
        text: Text = {"zh": "电量电费", "en": "Energy"}
        try:
            readings = self.measured("mWh")
            pue, said = agree_pue(self.usage, self.words, readings, self.order)
            price = Decimal(0) if self.words.by_hours else self.price()
        except MissingError as why:
            self.unpriced("energy", text, "kWh", why)
            return None
        if self.words.by_hours:
            return self._energy_by_hours(readings, pue, said)
        for number, read in enumerate(readings.by_hand, 1):
            self.steps += hand_steps(read, self.terms.timezone, number)
        by_hand = sum(read.used.mwh for read in readings.by_hand if read.used is not None)
        kwh = Fraction(sum(value or 0 for value in readings.values) + by_hand, 10**6) * pue
        if readings.estimated:
            text = {"zh": f"{text['zh']}（含估算）", "en": f"{text['en']}, estimated in part"}
        self._energy_step("energy", text, kwh, said)
        free = self._free_kwh(readings)
        if self.words.included_by_interval:
            free = kwh - sum(self._above_each(readings, pue), Fraction(0))
        billed = max(kwh - free, Fraction(0))
        if free:
            self._above_step("above", kwh, free)
            text = {"zh": "超电电费", "en": "Energy above what is included"}
            if readings.estimated:
                text = {"zh": "超电电费（含估算）", "en": f"{text['en']}, estimated in part"}
        self._measured_lines("energy", text, billed, "kWh", price)
        return kwh

    def _energy_step(self, key: str, name: Text, kwh: Fraction, pue: str) -> None:
        formula = {
            "zh": f"各路电表电量之和 × PUE {pue}",
            "en": f"sum of the meters of all feeds × PUE {pue}",
        }
        self.steps.append(Step(f"{key}-kwh", name, formula, both(f"{say_exact(kwh)} kWh")))

    def _above_each(self, readings: Readings, pue: Fraction) -> list[Fraction]:
        """kWh of each interval above what is included in it; of one not measured none."""
        hours = Fraction(readings.interval_ms, HOUR_MS)
        free = Fraction(self.words.free_kw) * hours
        energy = [Fraction(value or 0, 10**6) * pue for value in readings.values]
        return [max(kwh - free, Fraction(0)) for kwh in energy]

    def _free_kwh(self, readings: Readings) -> Fraction:
        hours = Fraction(readings.end - readings.first, HOUR_MS)
        fixed = Fraction(self.words.free_kwh) * self.order.share
        return fixed + Fraction(self.words.free_kw) * hours

    def _energy_by_hours(self, readings: Readings, pue: Fraction, said: str) -> Fraction:
        minutes = local_minutes(readings, self.terms.timezone)
        rows = self.words.by_hours
        places = [
            [
                at
                for at, minute in enumerate(minutes)
                if any(within(minute, hours) for hours in row.hours)
            ]
            for row in rows
        ]
        energy = [
            Fraction(sum(readings.values[at] or 0 for at in inside), 10**6) * pue
            for inside in places
        ]
        if self.words.included_by_interval:
            above = self._above_each(readings, pue)
            free = [
                kwh - sum((above[at] for at in inside), Fraction(0))
                for kwh, inside in zip(energy, places, strict=True)
            ]
        else:
            prices = [row.price for row in rows]
            free = share_free(self._free_kwh(readings), energy, prices, self.words.included_from)
        for place, (row, kwh, less) in enumerate(zip(rows, energy, free, strict=True), 1):
            key = f"energy:{place}"
            name = {"zh": f"电量电费：{row.name['zh']}", "en": f"Energy, {row.name['en']}"}
            self._energy_step(key, name, kwh, said)
            if self.words.free_kwh or self.words.free_kw:
                self._above_step(f"{key}-above", kwh, less)
            self.book(price_line(self.terms, key, name, kwh - less, "kWh", row.price))
        return sum(energy, Fraction(0))

    def _above_step(self, key: str, kwh: Fraction, free: Fraction) -> None:
        formula = {
            "zh": f"{say_exact(kwh)} kWh − 包电 {say_exact(free)} kWh，不足 0 按 0 计",
            "en": f"{say_exact(kwh)} kWh − {say_exact(free)} kWh included, not below 0",
        }
        result = f"{say_exact(max(kwh - free, Fraction(0)))} kWh"
        self.steps.append(make_step(key, "超电", "Above what is included", formula, result))

    def demand(self) -> Fraction | None:
        """Highest mean kW of an interval, of those within the window."""
        text: Text = {"zh": "最高需量", "en": "Highest demand"}
        try:
            readings, price = self.measured("mWh"), self.price()
            values = self._values_that_count(readings)
        except MissingError as why:
            self.unpriced("demand", text, "kW", why)
            return None
        kw = to_unit(max(values), "mWh", readings.interval_ms)
        window = self.words.window
        zh, en = "各计费间隔平均功率的最高值", "the highest mean power of a billing interval"
        if window is not None:
            zh, en = f"{zh}，{say_hours(window)}", f"{en}, {say_hours(window)}"
        self.steps.append(
            make_step(
                "demand-kw", text["zh"], text["en"], {"zh": zh, "en": en}, f"{say_exact(kw)} kW"
            )
        )
        self._measured_lines("demand", text, kw, "kW", price)
        return kw

    def _values_that_count(self, readings: Readings) -> list[int]:
        minutes = local_minutes(readings, self.terms.timezone)
        window = self.words.window
        values = [
            value
            for value, minute in zip(readings.values, minutes, strict=True)
            if value is not None and (window is None or within(minute, window))
        ]
        if not values:
            raise MissingError(
                "计需量的时段内没有读数", "nothing was measured in the hours that count"
            )
        return values

    def _measured_lines(
        self, key: str, text: Text, quantity: Fraction, unit: str, price: Decimal | PriceRows
    ) -> None:
        for part in sum_parts([quantity], price):
            name = f"{key}:{part.row}" if part.row else key
            self.book(price_line(self.terms, name, text, part.quantity, unit, part.price))

    def committed_power(self) -> Fraction | None:
        """The committed fee, and what is measured above it; returns what was measured."""
        unit = self.words.unit
        fee: Text = {"zh": "承诺功率费", "en": "Committed power"}
        try:
            commit = agree_commit(self.words, self.order)
            committed = agree_price_committed(self.words, self.order)
        except MissingError as why:
            self.unpriced("committed", fee, unit, why)
            return None
        if commit is not None and committed is not None:
            self.book(
                price_line(self.terms, "committed", fee, commit, unit, committed, self.order.share)
            )
        over: Text = {"zh": "超出承诺功率", "en": "Above the committed power"}
        try:
            readings = self.measured(NEEDED[unit])
            price = self.price()
            if self.usage.over_factor is not None:
                price = (committed or Decimal(0)) * self.usage.over_factor
        except MissingError as why:
            self.unpriced("over", over, unit, why)
            return None
        measured = self._measure(readings, unit)
        above = max(measured - (commit or 0), Fraction(0))
        formula = f"{say_exact(measured)} − {say_exact(commit or Fraction(0))} {unit}"
        self.steps.append(
            make_step("above", over["zh"], over["en"], formula, f"{say_exact(above)} {unit}")
        )
        self._measured_lines("over", over, above, unit, price)
        return measured

    def _measure(self, readings: Readings, unit: str) -> Fraction:
        values = fill_readings(readings.values, self.usage.missing)
        how = self.words.measured_as
        exact: Fraction
        if how == "percentile":
            point = find_percentile(values, self.usage.percentile, self.usage.rank)
            exact = point.exact
            p = plain(self.usage.percentile)
            zh = f"{point.count:,} 个间隔的第 {p} 百分位，从小到大第 {point.rank:,}"
            en = f"percentile {p} of {point.count:,} intervals, rank {point.rank:,} from below"
        else:
            exact = (
                Fraction(max(values)) if how == "highest" else Fraction(sum(values), len(values))
            )
            zh, en = DEMAND_WORDS[how]
        measured = to_unit(exact, readings.unit, readings.interval_ms)
        step = Fraction(self.words.round_up)
        if step:
            measured = -(-measured // step) * step
            zh += f"，向上取整到 {plain(self.words.round_up)} {unit} 的倍数"
            en += f", rounded up to a multiple of {plain(self.words.round_up)} {unit}"
        said = f"{say_exact(measured)} {unit}"
        self.steps.append(make_step("measured", "计费功率", "Measured", {"zh": zh, "en": en}, said))
        return measured
