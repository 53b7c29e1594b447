"""Which part of a subject it was that raised an alarm: the lane, its light and its threshold; the
members a LAG has lost."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from dcim.alarms.readings import facts_of, read_told
from dcim.alarms.rules.parts import Told
from dcim.alarms.rules.quantities import QUANTITIES
from dcim.alarms.subjects import Subject
from dcim.metering.store import SampleStore

# A subject, and instants of its samples, UTC epoch ms.
Asked = tuple[Subject, Sequence[int]]


def tell_details(
    session: Session, store: SampleStore, quantity_name: str, asked: Sequence[Asked]
) -> dict[tuple[int, int], dict[str, Any]]:
    """By the subject's id and each instant asked for, as `reading_words` takes them; empty for
    quantities that have no parts. Read once for all."""
    quantity = QUANTITIES[quantity_name]
    if quantity.tell is None or not asked:
        return {}
    subjects = [subject for subject, _instants in asked]
    every = [at for _subject, instants in asked for at in instants]
    read = read_told(session, store, quantity, subjects, min(every), max(every) + 1)
    found = {}
    for (_subject, instants), (subject, told) in zip(asked, read, strict=True):
        for at in instants:
            place = int(np.searchsorted(told.ts, at))
            if place == len(told.ts) or told.ts[place] != at:
                continue
            detail = quantity.tell(_cut(told, place), facts_of(quantity, subject))
            if detail is not None:
                names = subject.names.get(quantity.key, ())
                places = detail.pop("places", None)
                if places is not None:
                    detail["names"] = [names[each] for each in places]
                found[subject.id, at] = detail
    return found


def _cut(told: Told, place: int) -> Told:
    one = slice(place, place + 1)
    return Told(
        told.ts[one],
        told.span_ms[one],
        told.at[:, one],
        {name: column[:, one] for name, column in told.values.items()},
    )
