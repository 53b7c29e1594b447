"""The breached example with bins that minutes of samples make, and those samples as an archive."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from dcim.metering.batch import Columns
from dcim.sla.rules.intervals import Interval
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.usage import bandwidth_rows, bandwidth_step, clip_deltas, power_bins, power_step
from dcim.statements.raw_samples import SampleArchive
from reports.evidence import hash_file
from tests.statements.examples import END, MINUTE, START, breached_inputs, wave

# Polls come at an odd second, so that samples cross the edges of bins.
LATE = 7_321
# The port passed to another in the middle of a sample; before that the service was on the first.
MOVED = START + 14 * 86_400_000 + 31_000


def traffic(seed: int, gap: tuple[int, int] = (0, 0)) -> Columns:
    """A sample a minute from before the month to after it; none received within `gap`."""
    ts = np.arange(START - 5 * MINUTE, END + 5 * MINUTE, MINUTE, dtype=np.int64) + LATE
    ts = ts[(ts < gap[0]) | (ts >= gap[1])]
    span = np.full_like(ts, MINUTE)
    inward = np.array([wave(int(at), 10**8, 10**9) + seed for at in ts], dtype=np.int64)
    zero = np.zeros_like(ts)
    values = {
        "in_octets": inward,
        "out_octets": inward * 7 + 3,
        "in_errors": zero,
        "out_errors": zero,
    }
    return Columns(ts, span, zero, values)


def power(seed: int) -> Columns:
    ts = np.arange(START, END, MINUTE, dtype=np.int64) + LATE
    mw = np.array([wave(int(at), 1_800_000, 2_500_000) + seed for at in ts], dtype=np.int64)
    mw[1000:1005] = -1  # not reported
    nothing = np.full_like(ts, -1)
    return Columns(ts, nothing, nothing, {"mv": nothing, "ma": nothing, "mw": mw, "wh": nothing})


def sampled_inputs(language: str = "en") -> tuple[dict[str, Any], bytes]:
    """Inputs that name their archive, and the archive."""
    inputs = breached_inputs(language)
    usages = load_terms(inputs["terms"]).usage
    file = io.BytesIO()
    archive = SampleArchive(file)
    for entry in inputs["bandwidth"]:
        members: list[tuple[Columns, list[Interval]]] = [
            (traffic(1, (START + 10**8, START + 10**8 + 10 * MINUTE)), [(START, MOVED)]),
            (traffic(2), [(MOVED, END)]),
        ]
        for number, (columns, spans) in enumerate(members, 1):
            deltas = clip_deltas(columns, spans)
            archive.add_traffic(entry["item"], f"sw-{number}/ge1", spans, deltas)
        step = bandwidth_step(usages, "bandwidth")
        entry["bins"] = bandwidth_rows(members, START, END, step)
    for seed, entry in enumerate(inputs["power"]):
        columns = power(seed)
        archive.add_power(entry["id"], f"pdu-{seed}/input", columns)
        entry["bins"] = power_bins(columns, START, END, power_step(usages, "cabinet", START))
    archive.close()
    sha256, size = hash_file(file)
    inputs["evidence"] = {"name": "SLA-1.samples.zip", "bytes": size, "sha256": sha256}
    return inputs, file.getvalue()


def rewrite(archive: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The archive with one of its files changed, everything else as it was."""
    output = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as old,
        zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry, change(content) if entry.filename == name else content)
    return output.getvalue()


def raise_sample(line: int, column: int, by: int) -> Callable[[bytes], bytes]:
    """Add to one number of a file; line 1 is the first below the heading."""

    def change(content: bytes) -> bytes:
        lines = content.split(b"\n")
        cells = lines[line].split(b",")
        cells[column] = str(int(cells[column]) + by).encode()
        lines[line] = b",".join(cells)
        return b"\n".join(lines)

    return change
