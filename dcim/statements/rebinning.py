"""Pure: a statement's bins computed anew from the raw samples, and where they don't hold."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dcim.sla.rules.facts import Item
from dcim.sla.rules.intervals import Interval
from dcim.sla.usage import bandwidth_rows, bandwidth_step, power_bins, power_step
from dcim.statements.inputs import Case, read_case
from dcim.statements.raw_samples import SampleReader
from reports.evidence import Rebinned, WrongBin

TRAFFIC_WORDS = (
    ("入方向字节", "octets in"),
    ("出方向字节", "octets out"),
    ("已测毫秒", "ms measured"),
)
POWER_WORDS = (
    ("已测毫秒", "ms measured"),
    ("最大毫瓦", "mW at most"),
    ("平均毫瓦", "mW on average"),
    ("毫瓦时", "mWh"),
)
Row = Sequence[int]


def rebin(inputs: dict[str, Any], reader: SampleReader) -> Rebinned:
    """Every bin of the inputs against the one the samples make, by the code that issued it.

    How long bins are and when an item was in service is taken from the terms and items, never from
    the archive. Raises SamplesRefusedError, and what `read_case` raises.
    """
    case = read_case(inputs)
    items = {item.id: item for item in case.facts.items}
    count = 0
    wrong: list[WrongBin] = []
    for entry in inputs["bandwidth"]:
        low, high = _service(case, items[entry["item"]])
        step = bandwidth_step(case.terms.usage, items[entry["item"]].kind)
        made = bandwidth_rows(reader.traffic(entry["item"]), low, high, step)
        count += len(made)
        wrong += _compare(entry, entry["bins"], made, step, TRAFFIC_WORDS)
    for entry in inputs["power"]:
        low, high = _service(case, items[entry["item"]])
        step = power_step(case.terms.usage, items[entry["item"]].kind, low)
        made = power_bins(reader.power(entry["id"]), low, high, step)
        count += len(made)
        wrong += _compare(entry, entry["bins"], made, step, POWER_WORDS)
    return Rebinned(count, tuple(wrong))


def _service(case: Case, item: Item) -> Interval:
    return max(case.period.start, item.start), min(case.period.end, item.end)


def _compare(
    entry: Mapping[str, Any],
    stated: Sequence[Row],
    made: Sequence[Row],
    step: int,
    words: Sequence[tuple[str, str]],
) -> Iterator[WrongBin]:
    """Bins by their start; one that only one side has differs in all it says."""
    left, right = ({row[0]: list(row[1:]) for row in rows} for rows in (stated, made))
    for start in sorted(left.keys() | right.keys()):
        if left.get(start) == right.get(start):
            continue
        place = {
            language: f"{entry['label'][language]} {_span(start, step)}"
            for language in ("zh", "en")
        }
        yield WrongBin(
            place,
            *(
                {
                    language: _say(side.get(start), [pair[number] for pair in words], language)
                    for number, language in enumerate(("zh", "en"))
                }
                for side in (left, right)
            ),
        )


def _say(values: Sequence[int] | None, words: Sequence[str], language: str) -> str:
    if values is None:
        return {"zh": "没有这一计费点", "en": "no such bin"}[language]
    comma = {"zh": "，", "en": ", "}[language]
    return comma.join(f"{value} {word}" for value, word in zip(values, words, strict=True))


def _span(start: int, step: int) -> str:
    low, high = (dt.datetime.fromtimestamp(at / 1000, dt.UTC) for at in (start, start + step))
    return f"{low:%Y-%m-%d %H:%M}–{high:%H:%M} UTC"
