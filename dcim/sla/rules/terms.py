"""SLA and usage terms as values: what a contract says, each word with one meaning."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from dcim.metering.charging import Mode
from dcim.sla.rules.quantities import Amount

Text = dict[str, str]  # {"zh": ..., "en": ...}


@dataclass(frozen=True)
class Range:
    """A row's bounds; None = open end. Percent for availability, milliseconds for durations."""

    low: Decimal | None
    low_inclusive: bool
    high: Decimal | None
    high_inclusive: bool

    def contains(self, value: Fraction) -> bool:
        if self.low is not None and (
            value < self.low or (value == self.low and not self.low_inclusive)
        ):
            return False
        return self.high is None or not (
            value > self.high or (value == self.high and not self.high_inclusive)
        )


@dataclass(frozen=True)
class Tier:
    range: Range
    credit: Amount


CreditForm = Literal[
    "flat",
    "tiers_duration",
    "tiers_availability",
    "per_increment",
    "per_shortfall",
    "per_event",
    "prorata",
    "tiers_events",
    "per_day",
]
ClockStart = Literal["event", "detected", "ticket", "notice"]
Base = Literal[
    "item",
    "item_rent",
    "contract",
    "site",
    "invoice",
    "next_invoice",
    "larger_of_fee_and_usage",
    "paid",
    "area_share",
]


@dataclass(frozen=True)
class Credit:
    """How a missed target becomes money; fields not used by the form keep their defaults."""

    form: CreditForm
    base: Base = "item"
    cap: Amount | None = None
    give: Amount | None = None  # flat
    tiers: tuple[Tier, ...] = ()
    compare: tuple[str, int] | None = None  # ("rounded" | "cut", decimals); None = exact
    hole: Literal["lower", "upper", "none", "review"] | None = None
    overlap: Literal["lower", "upper"] | None = None
    increment_ms: int = 0
    step: Decimal = Decimal(0)  # per_shortfall, in percentage points or `step_unit`
    step_unit: str = ""  # a unit of measured values, of a metric judged by a figure
    each: Amount | None = None
    initial: Amount | None = None
    after_ms: int = 0
    counted: Literal["started", "full"] | None = None
    per: Literal["total", "event"] = "total"
    day_value: Literal["mrc/30", "mrc/days", "mrc*12/365"] | None = None
    multiple: Decimal = Decimal(1)  # prorata
    min_days: int = 0
    fee_of: Literal["month", "week"] = "month"
    week_value: Literal["mrc*12/52", "mrc*7/30", "mrc*7/days"] | None = None
    after_share: Decimal = Decimal(0)  # percent of the period, beside after_ms
    beyond_target: bool = False  # only what the target doesn't allow
    at_most: tuple[int, int] | None = None  # so many outages in any so many ms
    cap_event: Amount | None = None
    cap_day: Amount | None = None


@dataclass(frozen=True)
class Within:
    """A time limit: so many milliseconds, or so many business days of the contract's zone."""

    ms: int = 0
    business_days: int = 0


@dataclass(frozen=True)
class Average:
    """The mean of so long a window: aligned to UTC multiples, or of the time just past."""

    length_ms: int
    rolling: bool = False


@dataclass(frozen=True)
class Circumstance:
    """Time in which what a kind of resource measures lies in a range (stored integers)."""

    observe: str
    range: Range
    unit: str


@dataclass(frozen=True)
class Exclusion:
    kind: str  # class of the window, for example maintenance
    effect: Literal["out_of_both", "not_down"]
    notice: Within | None = None
    window: tuple[int, int] | None = None  # local minutes of the day, may run over midnight
    at_most_ms: int | None = None  # of one window
    per_period_ms: int | None = None  # of all windows of the class together
    approved: bool = False  # only what the customer approved
    evidence: bool = False  # only what something proves
    outage_up_to_ms: int | None = None  # excuses only outages this long at most
    circumstance: Circumstance | None = None  # instead of announced windows


@dataclass(frozen=True)
class Target:
    """All given parts; `governs` decides when percent and minutes are both there."""

    availability: Decimal | None = None
    downtime_ms: int | None = None
    downtime_inclusive: bool = True
    events: int | None = None
    longest_ms: int | None = None  # of one outage, inclusive
    figure: "FigureBound | None" = None
    governs: Literal["percent", "minutes", "both"] = "both"
    governs_stated: bool = False


@dataclass(frozen=True)
class FigureBound:
    """A figure of the whole period instead of downtime; `bound` in stored integers.

    `on_time` is the share of requests answered in time, in percent.
    """

    measure: Literal["mean", "highest", "lowest", "percentile", "on_time"]
    bound: Decimal
    at_most: bool  # else at least
    inclusive: bool
    unit: str
    percentile: Decimal = Decimal(0)


@dataclass(frozen=True)
class Report:
    """An outage counts only when it was reported so soon after its start or end."""

    within: Within
    since: Literal["start", "end"]


@dataclass(frozen=True)
class Answers:
    """Requests of a kind must be answered in time; `hours` are those in which time runs."""

    kind: str
    within_ms: int
    hours: tuple[int, int] | None = None  # local minutes of the day
    business_days: bool = False


@dataclass(frozen=True)
class FigureCondition:
    """A condition of an item in percent, for example the power it drew."""

    name: str
    bound: Decimal
    at_most: bool
    inclusive: bool


@dataclass(frozen=True)
class Part:
    """The days of a month in which one of its versions makes a promise: UTC ms, half-open, None
    where they don't begin or end within it. `title` is the promise's, without its days."""

    start: int | None
    end: int | None
    title: Text


@dataclass(frozen=True)
class Metric:
    id: str  # with "@2026-10-15" where it is that of a version that begins within the month
    title: Text
    clause: str
    kind: str
    applies_to: tuple[str, ...]
    observe: str
    combine: Literal["single", "any", "all", "at_least"]
    target: Target
    event_rounding: tuple[Literal["none", "up", "down"], int]
    at_least_down: int = 1  # for combine at_least
    limit: Range | None = None
    limit_unit: str = ""
    qualify_ms: int = 0
    qualify_strictly: bool = False  # longer than, instead of at least
    qualify_within_ms: int = 0  # added up within any window so long; 0: without a break
    counts_from: Literal["start", "threshold"] = "start"
    clock_start: ClockStart = "event"
    clock_stop: Literal["restored", "ticket_closed"] = "restored"
    unknown: Literal["left_out", "up", "down"] = "left_out"
    bridge_ms: int = 0  # gaps with down on both sides are down
    bridge_up_ms: int = 0  # gaps with up on both sides are up
    min_coverage: Decimal = Decimal(0)
    review_when: Literal["verdict", "credit"] = "verdict"
    denominator: Literal["service", "period", "fixed"] = "service"
    fixed_ms: int = 0
    exclude: tuple[Exclusion, ...] = ()
    eligible: tuple[str, ...] = ()
    credit: Credit | None = None
    average: Average | None = None
    report: Report | None = None
    answers: Answers | None = None
    eligible_figures: tuple[FigureCondition, ...] = ()
    # (condition, target where it holds); `target` is for all else
    targets_if: tuple[tuple[str, Target], ...] = ()
    part: Part | None = None  # None: the whole month

    @property
    def promise(self) -> str:
        """Its id in the document, whichever version says it."""
        return self.id.partition("@")[0]

    @property
    def whole_title(self) -> Text:
        return self.title if self.part is None else self.part.title


@dataclass(frozen=True)
class Termination:
    metrics: tuple[str, ...]
    measure: Literal[
        "downtime_pct", "downtime", "events", "one_event", "missed_periods", "caps_reached"
    ]
    more_than: Decimal  # percent, milliseconds or a count; the bound itself is not enough
    window_ms: int | None = None  # None = the period
    each_longer_ms: int = 0
    notice_ms: int | None = None
    inclusive: bool = False  # the bound itself is enough
    reaches_back: bool = False  # the window may begin before the period
    of_periods: int = 0  # caps_reached: in so many periods, this one among them
    exercise_ms: int | None = None  # the right lapses so long after the period
    only_if: tuple[str, bool] | None = None  # a condition of the item, and how it must be


@dataclass(frozen=True)
class Settle:
    """What a credit becomes, where, and whether the customer must ask for it."""

    kind: Literal["credit", "voucher", "extension"] = "credit"
    on: Literal["this_invoice", "next_invoice"] = "this_invoice"
    on_claim: bool = False
    within_ms: int = 0
    business_days: int = 0  # in place of within_ms
    since: Literal["period_end", "event_end"] = "period_end"
    carry_forward: bool | None = None  # what an invoice can't take; None: not limited by it
    at_end: Literal["paid_out", "voucher", "lapses"] | None = None  # no invoice left to take it
    expires_ms: int | None = None  # of a voucher, from the end of the period
    cash: bool = False
    day_value: Literal["mrc/30", "mrc/days", "mrc*12/365"] | None = None  # extension
    whole_days: Literal["up", "down", "exact"] = "exact"

    @property
    def waits(self) -> bool:
        """Whether a credit may be taken off a later invoice than its own period's."""
        return self.kind == "credit" and (self.on == "next_invoice" or bool(self.carry_forward))


@dataclass(frozen=True)
class Tax:
    """`included`: the fees contain it; a credit is an amount with it (gross) or without (net)."""

    rate: Decimal  # percent
    mode: Literal["included", "added"]
    credit_is: Literal["net", "gross"]


@dataclass(frozen=True)
class PriceRow:
    """Bounds in what the price is of: Mbit/s, GB, kWh, kW, kVA, A."""

    range: Range
    price: Decimal


@dataclass(frozen=True)
class PriceRows:
    """`whole`: all at the price of the row reached; `parts`: each part at its own row's price.

    The rows follow one another from 0 without a hole; the last is open.
    """

    by: Literal["whole", "parts"]
    rows: tuple[PriceRow, ...]


@dataclass(frozen=True)
class Limit:
    """A least or most: a rate (bit/s), a percentage of the commit or of the port, or money."""

    kind: Literal["rate", "commit", "port", "money"]
    value: Decimal


@dataclass(frozen=True)
class ValidDays:
    """A local day counts when it carried more octets, or had a point of more bit/s."""

    above: int
    unit: Literal["B", "bit/s"]
    points: Literal["all_days", "valid_days"] = "all_days"


@dataclass(frozen=True)
class HourPrice:
    """Price of the energy of some local hours; minutes of the day, [from, to)."""

    name: Text
    hours: tuple[tuple[int, int], ...]
    price: Decimal


@dataclass(frozen=True)
class Share:
    """A percentage of what the order rates the circuit at."""

    percent: Decimal


@dataclass(frozen=True)
class PowerTerms:
    """What only power says: committed power, PUE, free energy, hours."""

    unit: Literal["kW", "kVA", "A"] = "kW"
    measured_as: Literal["percentile", "highest", "mean"] = "highest"
    commit: Decimal | Share | Literal["item", "none"] = "none"  # in `unit`
    round_up: Decimal = Decimal(0)  # in `unit`
    price_committed: Decimal | Literal["item", "none"] = "none"  # per unit and month
    pue_measured: bool = False
    min_coverage: Decimal = Decimal(0)  # percent of the intervals
    window: tuple[int, int] | None = None  # demand counts within these local minutes only
    free_kwh: Decimal = Decimal(0)
    free_kw: Decimal = Decimal(0)  # through all hours in service
    by_hours: tuple[HourPrice, ...] = ()
    # The free kW are taken off each interval's energy, instead of the month's.
    included_by_interval: bool = False
    # Of which hours' energy the free kWh are taken; None without free kWh or without hours.
    included_from: Literal["all_hours", "dearest", "cheapest"] | None = None


@dataclass(frozen=True)
class Usage:
    id: str
    title: Text
    clause: str
    applies_to: tuple[str, ...]
    method: Literal["percentile", "energy", "demand", "flat", "breakered", "committed_power"]
    mode: Mode = "month_95"  # of method percentile
    night: tuple[int, int] = (0, 480)  # night_half_95: local minutes, may run over midnight
    interval_ms: int = 300_000
    percentile: Decimal = Decimal(95)
    direction: Literal[
        "higher_percentile", "percentile_of_higher", "percentile_of_sum", "in", "out"
    ] = "higher_percentile"
    rank: Literal["nearest", "discard_ceil", "round", "interpolate"] = "nearest"
    missing: Literal["dropped", "zero", "carry"] = "dropped"
    min_cover: Decimal = Decimal(50)  # percent of a bin
    thousand: int = 1000
    round_up_bps: int = 0
    commit: int | Share | Literal["item", "none"] = "none"  # bit/s, or a share of the port
    price_committed: Decimal | Literal["item", "none"] = "none"  # per Mbit/s and month
    # Per Mbit/s and month (and day, where charged day by day), GB, kWh or kW; with
    # `over_factor` it is that many times the committed price and this stays 0.
    price_over: Decimal | PriceRows | Literal["item"] = Decimal(0)
    pue: Decimal = Decimal(1)
    over_factor: Decimal | None = None
    port: int | Literal["item", "none"] = "none"  # bit/s, what `of port` is of
    at_least: Limit | None = None
    at_most: Limit | None = None
    pool: str = ""  # contract, site, or a group's name; "" = each item alone
    pool_overage: Literal["pool", "members"] = "pool"
    valid_days: ValidDays | None = None
    partial_month: Literal["as_measured", "by_days", "zero"] = "as_measured"
    included: Decimal = Decimal(0)  # GB of mode traffic
    rank_of_ms: int = 0  # ranked as if the month were so long; 0: by the points there are
    peak_of_ms: int = 0  # a point is the highest mean of such parts of its interval; 0: its mean
    power: PowerTerms | None = None  # None: energy and demand as they were at first


@dataclass(frozen=True)
class Change:
    """A version that holds in a month with several. `since`: a local day, "" for the first."""

    since: str
    name: str
    version: str
    sha256: str
    title: Text


@dataclass(frozen=True)
class Terms:
    """Of a document, or of a month in which several held (`language/versions.py`)."""

    name: str
    version: str
    title: Text
    currency: str
    rounding: str
    decimals: int
    timezone: str
    period: Literal["calendar_month"]
    rent_clause: str
    prorate: Literal["days", "none"]
    metrics: tuple[Metric, ...]
    usage: tuple[Usage, ...] = ()
    cap_item: Amount | None = None
    cap_month: Amount | None = None
    cap_clause: str = ""
    combine_credits: Literal["sum", "max", "once_per_time"] = "sum"
    termination: tuple[Termination, ...] = ()
    caps_of: Literal["fee", "paid"] = "fee"  # what percentages of caps refer to
    cap_year: Amount | None = None
    year_is: Literal["calendar_year", "twelve_months"] = "calendar_year"
    min_payout: Decimal = Decimal(0)
    exclusive: tuple[tuple[str, ...], ...] = ()  # groups of metrics, of each the highest
    not_combinable: tuple[str, ...] = ()  # metrics whose credit stands alone
    settle: Settle | None = None
    tax: Tax | None = None
    sha256: str = ""
    warnings: tuple[Text, ...] = ()
    changes: tuple[Change, ...] = ()  # all versions of a month, where there are several
