"""Which words the form shows, in which order, and which of them only beside others."""

from dcim.records.fields import mark
from dcim.sla.rules.drafting.controls import (
    AMOUNTS,
    ANSWER_TARGETS,
    DEADLINES,
    PERCENT,
    Amount,
    Both,
    Choice,
    Choices,
    Control,
    Length,
    Listed,
    Quantity,
    Rounding,
    Target,
    Worded,
)
from dcim.sla.rules.drafting.fields import APPLIES, TITLE, Field, has, is_one, only
from dcim.sla.rules.drafting.tables import Column, Table, Tiers
from dcim.sla.rules.drafting.usage_layout import BANDWIDTH, ENERGY

DAY_VALUES: Choices = (
    ("", mark("not stated")),
    ("mrc/30", mark("monthly fee / 30")),
    ("mrc/days", mark("monthly fee / days of the month")),
    ("mrc*12/365", mark("monthly fee × 12 / 365")),
)
YES: Choices = (("", mark("no")), ("required", mark("yes")))
CAPS = Amount(units=tuple(one for one in AMOUNTS if one[0] in ("%", "money")))

HEAD = (
    Field("title", mark("Title"), Both()),
    Field("terms", mark("Short name"), Control()),
    Field("version", mark("Version"), Control()),
    Field("currency", mark("Currency"), Control()),
    Field("time_zone", mark("Time zone"), Control(list="zones")),
    Field("rounding", mark("Rounding of money"), Rounding()),
    Field("period", mark("Period"), only("calendar_month"), quiet=True),
    Field(
        "rent.prorate",
        mark("Fee of part of a month"),
        Choice(
            choices=(
                ("", mark("not stated: by days")),
                ("days", mark("by days")),
                ("none", mark("in full")),
            )
        ),
    ),
    Field("rent.clause", mark("Clause of the fee"), Control(), rare="empty"),
)
MONEY = (
    Field("caps.item", mark("At most for an item"), CAPS),
    Field("caps.month", mark("At most for the month"), CAPS),
    Field("caps.clause", mark("Clause of the caps"), Control(), rare="empty"),
    Field(
        "combine_credits",
        mark("Several credits of one item"),
        Choice(
            choices=(
                ("", mark("not stated: added")),
                ("sum", mark("added")),
                ("max", mark("only the highest")),
                ("once_per_time", mark("the same time only once")),
            )
        ),
        rare="empty",
    ),
    Field(
        "settle.when",
        mark("Settlement"),
        Choice(
            choices=(
                ("", mark("not stated: automatic")),
                ("automatic", mark("automatic")),
                ("on_claim", mark("only when claimed")),
            ),
            shapes=True,
        ),
    ),
    Field(
        "settle.on",
        mark("Taken off"),
        Choice(
            choices=(
                ("", mark("not stated: this invoice")),
                ("this_invoice", mark("this invoice")),
                ("next_invoice", mark("the next invoice")),
            )
        ),
    ),
    Field(
        "settle.claim.within",
        mark("To be claimed within"),
        Length(units=DEADLINES),
        is_one("settle.when", "on_claim"),
    ),
    Field(
        "settle.claim.from",
        mark("Counted from"),
        Choice(
            choices=(
                ("period_end", mark("the end of the month")),
                ("event_end", mark("the end of the outage")),
            )
        ),
        is_one("settle.when", "on_claim"),
    ),
    Field(
        "termination",
        mark("Rights to terminate"),
        Table(
            columns=(
                Column("metrics", "metrics", mark("Promises"), Listed()),
                Column("when", "when", mark("Ground"), Control(list="rights")),
                Column("window", "window", mark("In any"), Control()),
                Column("each", "each_longer_than", mark("Each longer than"), Length()),
                Column("notice", "notice", mark("Notice"), Length()),
                Column("exercise", "exercise_within", mark("To be used within"), Length()),
            )
        ),
    ),
)

_EXCLUDE = Field(
    "exclude",
    mark("Not counted"),
    Table(
        columns=(
            Column("class", "class", mark("What"), Control(list="classes")),
            Column("notice", "notice", mark("Announced"), Length(units=DEADLINES)),
            Column("window", "window", mark("Hours"), Control()),
            Column("per_period", "per_period", mark("At most a month"), Length()),
            Column(
                "effect",
                "effect",
                mark("Effect"),
                Choice(
                    choices=(
                        ("out_of_both", mark("out of downtime and total")),
                        ("not_down", mark("only not downtime")),
                    )
                ),
            ),
        )
    ),
)
_CREDIT = (
    Field(
        "credit.form",
        mark("Credit"),
        Choice(
            choices=(
                ("", mark("none")),
                ("flat", mark("one amount")),
                ("tiers_availability", mark("rows by availability")),
                ("tiers_duration", mark("rows by downtime")),
                ("tiers_events", mark("rows by outages")),
                ("per_increment", mark("for each started or full time")),
                ("per_shortfall", mark("for each step below the target")),
                ("per_event", mark("for each outage")),
                ("per_day", mark("for each day with an outage")),
                ("prorata", mark("share of the fee")),
            ),
            shapes=True,
        ),
        head=mark("Credit for a miss"),
    ),
    Field("credit.give", mark("Amount"), Amount(), is_one("credit.form", "flat")),
    Field("credit.initial", mark("At once"), Amount(), is_one("credit.form", "per_increment")),
    Field("credit.increment", mark("For each"), Length(), is_one("credit.form", "per_increment")),
    Field("credit.step", mark("For each"), PERCENT, is_one("credit.form", "per_shortfall")),
    Field(
        "credit.counted",
        mark("Counted where"),
        Choice(choices=(("started", mark("started")), ("full", mark("full")))),
        is_one("credit.form", "per_increment", "per_shortfall"),
    ),
    Field(
        "credit.each",
        mark("Gives"),
        Amount(),
        is_one("credit.form", "per_increment", "per_shortfall", "per_event", "per_day"),
    ),
    Field("credit.multiple", mark("Times"), Quantity(), is_one("credit.form", "prorata")),
    Field(
        "credit.min_days",
        mark("At least"),
        Quantity(unit=mark("days")),
        is_one("credit.form", "prorata"),
    ),
    Field(
        "credit.tiers",
        mark("Rows of the credit"),
        Tiers(),
        is_one("credit.form", "tiers_availability"),
    ),
    Field(
        "credit.tiers",
        mark("Rows of the credit"),
        Tiers(bound=Length()),
        is_one("credit.form", "tiers_duration"),
    ),
    Field(
        "credit.tiers",
        mark("Rows of the credit"),
        Tiers(bound=Quantity(unit=mark("outages"))),
        is_one("credit.form", "tiers_events"),
    ),
    Field(
        "credit.hole",
        mark("What lies in no row"),
        Choice(
            choices=(
                ("", mark("there is none")),
                ("lower", mark("the lower credit")),
                ("upper", mark("the higher credit")),
                ("none", mark("no credit")),
                ("review", mark("a person decides")),
            )
        ),
        is_one("credit.form", "tiers_availability", "tiers_duration", "tiers_events"),
        rare="empty",
    ),
    Field(
        "credit.base",
        mark("Of which fee"),
        Choice(
            choices=(
                ("", mark("not stated: the item's monthly fee")),
                ("item", mark("the item's monthly fee")),
                ("item_rent", mark("the item's fee of this month")),
                ("contract", mark("all monthly fees of the contract")),
                ("site", mark("all monthly fees at the site")),
                ("paid", mark("what was paid for the item")),
            )
        ),
        has("credit.form"),
        rare="empty",
    ),
    Field(
        "credit.day_value",
        mark("A day's worth"),
        Choice(choices=DAY_VALUES),
        has("credit.form"),
    ),
    Field("credit.cap", mark("Cap of this promise"), Amount(), has("credit.form")),
)
_ELIGIBLE = Field("eligible", mark("Only where"), Listed(), rare="empty")
OUTAGES = (
    *TITLE,
    Field("kind", mark("Kind"), Control(list="kinds"), rare="always"),
    APPLIES,
    Field("observe", mark("Observed"), Control(list="observed"), rare="always"),
    Field(
        "combine",
        mark("Feeds or ports"),
        Choice(
            choices=(
                ("all", mark("down when all are down at once (both feeds)")),
                ("any", mark("down when one of them is down")),
                ("single", mark("there is one only")),
            )
        ),
    ),
    Field(
        "limit.from",
        mark("Well from"),
        Quantity(suffix="degC", unit="°C"),
        rare="empty",
    ),
    Field(
        "limit.up_to",
        mark("Well up to"),
        Quantity(suffix="degC", unit="°C"),
        rare="empty",
    ),
    Field(
        "qualify",
        mark("Outages that count"),
        Worded(
            words=(
                ("", mark("every one")),
                ("at_least", mark("that last at least")),
                ("longer_than", mark("longer than")),
            )
        ),
    ),
    Field(
        "event_rounding",
        mark("Rounding of each outage"),
        Worded(
            words=(
                ("none", mark("none, to the second")),
                ("up to", mark("up to")),
                ("down to", mark("down to")),
            ),
            alone="none",
        ),
    ),
    Field(
        "unknown.counts_as",
        mark("Time nobody measured"),
        Choice(
            choices=(
                ("", mark("not stated: left out")),
                ("left_out", mark("left out")),
                ("up", mark("counts as up")),
                ("down", mark("counts as down")),
            )
        ),
    ),
    Field("unknown.min_coverage", mark("To a person below"), PERCENT),
    Field("unknown.bridge", mark("Gaps bridged within downtime"), Length(), rare="always"),
    Field("unknown.bridge_up", mark("Gaps bridged within service"), Length(), rare="always"),
    Field(
        "denominator",
        mark("Of which time"),
        Choice(
            choices=(
                ("", mark("not stated: in service")),
                ("service", mark("in service")),
                ("period", mark("the whole month")),
            )
        ),
        rare="empty",
    ),
    _EXCLUDE,
    Field("target", mark("Target"), Target(), head=mark("Target")),
    Field(
        "governs",
        mark("Which of both governs"),
        Choice(
            choices=(
                ("", mark("not stated")),
                ("percent", mark("the percentage")),
                ("minutes", mark("the time")),
                ("both", mark("both must hold")),
            )
        ),
        is_one("target.how", "share_time", "share_below"),
    ),
    _ELIGIBLE,
    *_CREDIT,
)
ANSWERS = (
    *TITLE,
    Field("kind", mark("Kind"), Control(list="kinds"), rare="always"),
    APPLIES,
    Field("answers.to", mark("Answer to"), Control(list="requests")),
    Field("answers.within", mark("Answered within"), Length()),
    Field("answers.hours", mark("Hours"), Control()),
    Field(
        "answers.days",
        mark("Days"),
        Choice(
            choices=(
                ("", mark("not stated: every day")),
                ("all", mark("every day")),
                ("business", mark("business days")),
            )
        ),
    ),
    Field("target", mark("Target"), Target(choices=ANSWER_TARGETS), head=mark("Target")),
    _ELIGIBLE,
    *_CREDIT,
)


LAYOUTS = {
    "metrics.outages": OUTAGES,
    "metrics.answers": ANSWERS,
    "usage.percentile": BANDWIDTH,
    "usage.energy": ENERGY,
}
