"""Which words of usage the form shows: the 95th percentile and its kin, and kWh."""

from collections.abc import Callable

from dcim.records.fields import mark
from dcim.sla.rules.drafting.controls import (
    PERCENT,
    Choice,
    Commit,
    Control,
    Length,
    Price,
    Quantity,
)
from dcim.sla.rules.drafting.fields import APPLIES, TITLE, Field, Get, only
from dcim.sla.rules.language.checks import IDLE_WORDS


def _means(word: str) -> Callable[[Get], bool]:
    """Whether a word has a meaning under the charging mode."""
    return lambda get: (get("mode") or "month_95") not in IDLE_WORDS[word]


BANDWIDTH = (
    *TITLE,
    APPLIES,
    Field("method", mark("Method"), only("percentile"), quiet=True),
    Field(
        "mode",
        mark("Charged"),
        Choice(
            choices=(
                ("", mark("not stated: month's 95th percentile")),
                ("month_95", mark("95th percentile of the month")),
                ("day_95", mark("95th percentile of each day")),
                ("mean_day_95", mark("mean of the days' 95th percentiles")),
                ("day_peak", mark("each day's peak")),
                ("mean_day_peak", mark("mean of the days' peaks")),
                ("fourth_peak", mark("fourth highest peak of the month")),
                ("top_5", mark("mean of the five highest days")),
                ("enhanced_95", mark("95th percentile of in and out together")),
                ("flat", mark("the port, whatever is used")),
                ("traffic", mark("by traffic")),
            ),
            shapes=True,
        ),
    ),
    Field("percentile", mark("Percentile"), Quantity(), _means("percentile")),
    Field("commit", mark("Commit"), Commit(), _means("commit")),
    Field(
        "price.committed",
        mark("Price of the commit"),
        Price(open_word=mark("in the item's fee")),
        lambda get: get("mode") != "traffic",
    ),
    Field(
        "price.over",
        mark("Price above it"),
        Price(),
        lambda get: get("mode") != "flat",
    ),
    Field("interval", mark("Billing interval"), Length()),
    Field(
        "direction",
        mark("Direction"),
        Choice(
            choices=(
                ("higher_percentile", mark("the higher percentile of in and out")),
                ("percentile_of_higher", mark("percentile of the higher direction")),
                ("percentile_of_sum", mark("percentile of the sum")),
                ("in", mark("in only")),
                ("out", mark("out only")),
            )
        ),
        _means("direction"),
    ),
    Field(
        "rank",
        mark("Way of ranking"),
        Choice(
            choices=(
                ("nearest", mark("highest 5 % left out, rounded down")),
                ("discard_ceil", mark("highest 5 % left out, rounded up")),
                ("round", mark("nearest place")),
                ("interpolate", mark("between two points")),
            )
        ),
        _means("rank"),
        rare="always",
    ),
    Field(
        "missing",
        mark("Missing points"),
        Choice(
            choices=(
                ("dropped", mark("left out")),
                ("zero", mark("count as 0")),
                ("carry", mark("repeat the last one")),
            )
        ),
        _means("missing"),
    ),
    Field("min_cover", mark("A point is missing below"), PERCENT, rare="always"),
    Field(
        "round_up",
        mark("Rounded up to full"),
        Quantity(suffix="Mbit/s"),
        _means("round_up"),
        rare="empty",
    ),
)
ENERGY = (
    *TITLE,
    APPLIES,
    Field("method", mark("Method"), only("energy"), quiet=True),
    Field("price", mark("Price"), Price(unit="per kWh")),
    Field("included", mark("Included"), Length(units=(("kWh", mark("kWh a month")), ("kW", "kW")))),
    Field("pue", mark("PUE"), Control()),
    Field("interval", mark("Interval"), Length(), rare="always"),
    Field("min_coverage", mark("To a person below"), PERCENT),
)
