"""A port's raw samples as CSV: what was polled, nothing made up between."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

from flask import Response

from dcim.sla.rules.periods import format_instant
from dcim.sla.samples import SamplesRow

HEAD = ("received_at", "span_ms", "in_octets", "out_octets", "in_bps", "out_bps", "in_errors",
        "out_errors", "flags")  # fmt: skip


def answer_csv(several: Iterable[SamplesRow], name: str, more: Sequence[str] = ()) -> Response:
    """One line a sample; -1 (not reported) is left empty. Only numbers and instants: no formula.

    `several` is taken piece by piece while the answer goes out. `more` are columns of the samples
    that stand behind the usual ones.
    """
    return Response(
        _lines(several, more),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{safe_name(name)}.csv"'},
    )


def safe_name(name: str) -> str:
    """Letters, digits, dot, dash and underscore: fit for a header and any file system."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:100] or "file"


def _lines(several: Iterable[SamplesRow], more: Sequence[str]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow((*HEAD, *more))
    for samples in several:
        for row in _rows(samples, more):
            writer.writerow(row)
            if buffer.tell() > 32_768:
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
    yield buffer.getvalue()


def _rows(samples: SamplesRow, more: Sequence[str]) -> Iterator[list[object]]:
    columns = samples.columns
    for place, ts in enumerate(samples.ts):
        span = samples.span_ms[place]
        octets = [columns[name][place] for name in ("in_octets", "out_octets")]
        rates = [count * 8000 // span if span > 0 and count >= 0 else "" for count in octets]
        errors = [columns[name][place] for name in ("in_errors", "out_errors")]
        numbers = [value if value >= 0 else "" for value in (*octets, *errors)]
        further = [value if value >= 0 else "" for value in (columns[name][place] for name in more)]
        yield [
            format_instant(ts), span, *numbers[:2], *rates, *numbers[2:], samples.flags[place],
            *further,
        ]  # fmt: skip
