"""The part of the terms that is billed by measurement, read from its words."""

from typing import Any, cast

from dcim.errors import Message
from dcim.sla.rules.language.metric_loading import required_texts
from dcim.sla.rules.language.tree import NAME, Reader
from dcim.sla.rules.language.usage_bandwidth_loading import read_bandwidth
from dcim.sla.rules.language.usage_power_loading import read_power
from dcim.sla.rules.terms import Usage

METHODS = ("percentile", "energy", "demand", "flat", "breakered", "committed_power")


def read_usage(name: str, words: Reader, currency: str) -> Usage:
    """One kind of usage and its prices; problems are added to the reader."""
    if not NAME.fullmatch(name):
        words.refuse("", Message("a usage's name is lower case letters, digits, - and _"))
    method = words.choose("method", METHODS)
    basis = Usage(
        id=name,
        title=words.both_languages("title"),
        clause=words.text("clause", ""),
        applies_to=required_texts(words, "applies_to"),
        method=cast(Any, method),
    )
    if method == "percentile":
        basis = read_bandwidth(basis, words, currency)
    else:
        basis = read_power(basis, words, currency)
    if basis.interval_ms <= 0 or 86_400_000 % basis.interval_ms:
        words.refuse("interval", Message("a day must be a whole number of billing intervals"))
    words.finish()
    return basis
