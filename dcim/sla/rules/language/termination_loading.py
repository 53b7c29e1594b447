"""Rights to terminate, read from their words."""

import re
from decimal import Decimal
from typing import Any, cast

from dcim.sla.rules.language.tree import Reader
from dcim.sla.rules.quantities import read_duration, read_number, read_percent
from dcim.sla.rules.terms import Termination


def read_termination(words: Reader) -> Termination:
    """One right; problems are added to the reader."""
    found = words.need("when", _termination_rule, cast(Any, ("downtime_pct", Decimal(0))))
    right = Termination(
        metrics=words.texts("metrics"),
        measure=found[0],
        more_than=found[1],
        window_ms=None
        if words.text("window", "period") == "period"
        else words.need("window", read_duration, None),
        each_longer_ms=words.read("each_longer_than", read_duration, 0),
        notice_ms=words.read("notice", read_duration, None),
    )
    words.finish()
    return right


def _termination_rule(text: str) -> tuple[Any, Decimal]:
    found = re.fullmatch(r"(downtime|events|one event) > (.+)", text)
    if not found:
        raise ValueError(
            f"{text!r} must read like 'downtime > 1 %', 'downtime > 24 h', 'events > 3' "
            "or 'one event > 72 h'"
        )
    if found[1] == "events":
        return "events", read_number(found[2])
    if found[1] == "one event":
        return "one_event", Decimal(read_duration(found[2]))
    if found[2].endswith("%"):
        return "downtime_pct", read_percent(found[2])
    return "downtime", Decimal(read_duration(found[2]))
