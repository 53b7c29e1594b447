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


@dataclass(frozen=True)
class Credit:
    """How a missed target becomes money; fields not used by the form keep their defaults."""

    form: Literal[
        "flat",
        "tiers_duration",
        "tiers_availability",
        "per_increment",
        "per_shortfall",
        "per_event",
        "prorata",
    ]
    base: Literal["item", "item_rent", "contract"] = "item"
    cap: Amount | None = None
    give: Amount | None = None  # flat
    tiers: tuple[Tier, ...] = ()
    compare: tuple[str, int] | None = None  # ("rounded" | "cut", decimals); None = exact
    hole: Literal["lower", "upper", "none", "review"] | None = None
    overlap: Literal["lower", "upper"] | None = None
    increment_ms: int = 0
    step: Decimal = Decimal(0)  # per_shortfall, percentage points
    each: Amount | None = None
    initial: Amount | None = None
    after_ms: int = 0
    counted: Literal["started", "full"] | None = None
    per: Literal["total", "event"] = "total"
    day_value: Literal["mrc/30", "mrc/days", "mrc*12/365"] | None = None
    multiple: Decimal = Decimal(1)  # prorata
    min_days: int = 0


@dataclass(frozen=True)
class Exclusion:
    kind: str  # class of the window, for example maintenance
    effect: Literal["out_of_both", "not_down"]
    notice_ms: int | None = None
    window: tuple[int, int] | None = None  # local minutes of the day, may run over midnight
    at_most_ms: int | None = None  # of one window
    per_period_ms: int | None = None  # of all windows of the class together


@dataclass(frozen=True)
class Target:
    """All given parts; `governs` decides when percent and minutes are both there."""

    availability: Decimal | None = None
    downtime_ms: int | None = None
    downtime_inclusive: bool = True
    events: int | None = None
    governs: Literal["percent", "minutes", "both"] = "both"
    governs_stated: bool = False


@dataclass(frozen=True)
class Metric:
    id: str
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
    counts_from: Literal["start", "threshold"] = "start"
    clock_start: Literal["event", "ticket"] = "event"
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


@dataclass(frozen=True)
class Termination:
    metrics: tuple[str, ...]
    measure: Literal["downtime_pct", "downtime", "events", "one_event"]
    more_than: Decimal  # percent, milliseconds or a count; the bound itself is not enough
    window_ms: int | None = None  # None = the period
    each_longer_ms: int = 0
    notice_ms: int | None = None


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
    peak_of_ms: int = 0  # a point is the highest mean of such parts of its interval; 0: its mean
    power: PowerTerms | None = None  # None: energy and demand as they were at first


@dataclass(frozen=True)
class Terms:
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
    combine_credits: Literal["sum", "max"] = "sum"
    termination: tuple[Termination, ...] = ()
    sha256: str = ""
    warnings: tuple[Text, ...] = ()
