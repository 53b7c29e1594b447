"""Terms from their YAML text: read, checked, hashed; refusals name the place and the choices."""

import re
from dataclasses import replace
from functools import lru_cache
from typing import Any, cast
from zoneinfo import ZoneInfo

from dcim.errors import Message
from dcim.sla.rules.language import checks
from dcim.sla.rules.language.metric_loading import read_metric
from dcim.sla.rules.language.settlement_loading import (
    read_caps,
    read_groups,
    read_not_combinable,
    read_settle,
    read_tax,
    refuse_unsettled,
)
from dcim.sla.rules.language.termination_loading import read_termination
from dcim.sla.rules.language.tree import Problem, Reader, TermsRefusedError, hash_node, parse_text
from dcim.sla.rules.language.usage_loading import read_usage
from dcim.sla.rules.quantities import ROUNDING
from dcim.sla.rules.terms import Terms


@lru_cache(maxsize=256)
def load_terms(text: str) -> Terms:
    """Terms of a YAML text; TermsRefusedError lists every problem found."""
    node = parse_text(text)
    problems: list[Problem] = []
    top = Reader(node, "", problems)
    if problems:
        raise TermsRefusedError(problems)
    currency = top.need("currency", _currency, "XXX")
    rounding, decimals = top.need("rounding", _money_rounding, ("half_up", 2))
    rent = top.group("rent")
    caps = read_caps(top, currency)
    metrics = tuple(
        read_metric(name, words, currency) for name, words in top.named_groups("metrics")
    )
    terms = Terms(
        name=top.text("terms"),
        version=top.text("version"),
        title=top.both_languages("title"),
        currency=currency,
        rounding=rounding,
        decimals=decimals,
        timezone=top.need("time_zone", _zone, "UTC"),
        period=cast(Any, top.choose("period", ("calendar_month",))),
        rent_clause=rent.text("clause", "") if rent else "",
        prorate=cast(Any, rent.choose("prorate", ("days", "none"), "days") if rent else "days"),
        metrics=metrics,
        usage=tuple(read_usage(name, words, currency) for name, words in top.named_groups("usage")),
        cap_item=caps.item,
        cap_month=caps.month,
        cap_clause=caps.clause,
        combine_credits=cast(
            Any, top.choose("combine_credits", ("sum", "max", "once_per_time"), "sum")
        ),
        termination=tuple(read_termination(words) for words in top.entries("termination")),
        caps_of=cast(Any, caps.of),
        cap_year=caps.year,
        year_is=cast(Any, caps.year_is),
        min_payout=caps.min_payout,
        exclusive=read_groups(top, metrics),
        not_combinable=read_not_combinable(top, metrics),
        settle=read_settle(top),
        tax=read_tax(top),
        sha256=hash_node(node),
    )
    if rent:
        rent.finish()
    top.finish()
    known = {metric.id for metric in terms.metrics}
    for right in terms.termination:
        for name in right.metrics:
            if name not in known:
                top.refuse(
                    "termination",
                    Message("%(name)r is no metric of these terms", name=name),
                    tuple(known),
                )
    if not problems:
        checks.refuse_contradictions(terms, top)
        refuse_unsettled(terms, top)
    if problems:
        raise TermsRefusedError(problems)
    return replace(terms, warnings=tuple(checks.find_oddities(terms)))


def _currency(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise ValueError(Message("%(text)r is no currency code such as CNY", text=text))
    return text


def _money_rounding(text: str) -> tuple[str, int]:
    found = re.fullmatch(r"(\w+) to (1|0\.0{0,3}1)", text)
    if not found or found[1] not in ROUNDING:
        raise ValueError(
            Message(
                "%(text)r must read like 'half_up to 0.01' (%(choices)s)",
                text=text,
                choices=", ".join(ROUNDING),
            )
        )
    return found[1], len(found[2].partition(".")[2])


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(
            Message("%(text)r is no time zone such as Asia/Shanghai", text=text)
        ) from error
    return text
