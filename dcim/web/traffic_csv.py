"""A port's raw samples as CSV: what was polled, nothing made up between."""

import csv
import io
import re
from collections.abc import Iterator

from flask import Response

from dcim.sla.rules.periods import format_instant
from dcim.sla.samples import SamplesRow

HEAD = ("received_at", "span_ms", "in_octets", "out_octets", "in_bps", "out_bps", "in_errors",
        "out_errors", "flags")  # fmt: skip


def answer_csv(samples: SamplesRow, name: str) -> Response:
    """One line a sample; -1 (not reported) is left empty. Only numbers and instants: no formula."""
    return Response(
        _lines(samples),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{safe_name(name)}.csv"'},
    )


def safe_name(name: str) -> str:
    """Letters, digits, dot, dash and underscore: fit for a header and any file system."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:100] or "file"


def _lines(samples: SamplesRow) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(HEAD)
    columns = samples.columns
    for place, ts in enumerate(samples.ts):
        span = samples.span_ms[place]
        octets = [columns[name][place] for name in ("in_octets", "out_octets")]
        rates = [count * 8000 // span if span > 0 and count >= 0 else "" for count in octets]
        errors = [columns[name][place] for name in ("in_errors", "out_errors")]
        numbers = [value if value >= 0 else "" for value in (*octets, *errors)]
        writer.writerow(
            [format_instant(ts), span, *numbers[:2], *rates, *numbers[2:], samples.flags[place]]
        )
        if buffer.tell() > 32_768:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()
