"""Pure: the raw samples behind a statement's bins as a ZIP, and read back; the same samples give
the same bytes.

    index.json           jifang.samples/1: which file holds what, see docs/statement.md
    traffic/ITEM/N.csv   ts_ms,span_ms,in_octets,out_octets of a meter while its port was the item's
    power/FEED.csv       ts_ms,mw,wh

Instants are UTC epoch milliseconds, integers. One meter's month is in memory at a time, whether
written or read.
"""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np

from dcim.metering.batch import Columns, Ints
from dcim.sla.rules.intervals import Interval, Intervals, union
from dcim.sla.usage import Delta
from dcim.statements.attachments import safe_name

SCHEMA = "jifang.samples/1"
INDEX = "index.json"
MEDIA_TYPE = "application/zip"
TRAFFIC_HEADING = "ts_ms,span_ms,in_octets,out_octets"
POWER_HEADING = "ts_ms,mw,wh"
WHAT = {
    "zh": "原始采样（单独的文件，不在本 PDF 内）",
    "en": "Raw samples (a file of its own, not in this PDF)",
}
# What a reader takes at most: a month of seconds of one meter, thousands of meters.
FILE_LIMIT = 512 * 1024 * 1024
COUNT_LIMIT = 50_000
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first instant that a ZIP knows


class SamplesRefusedError(ValueError):
    """The file is no archive of samples, or what it holds can't be read; the message says where."""


class SampleArchive:
    """Writes to an open file; `close` ends it. A `dcim.sla.usage.SampleSink`."""

    def __init__(self, file: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6)
        self._traffic: dict[str, list[dict[str, Any]]] = {}
        self._power: list[dict[str, str]] = []

    @property
    def is_empty(self) -> bool:
        return not self._traffic and not self._power

    def add_traffic(
        self, item: str, meter: str, spans: Sequence[Interval], deltas: Sequence[Delta]
    ) -> None:
        members = self._traffic.setdefault(item, [])
        name = f"traffic/{safe_name(item)}/{len(members) + 1:04d}.csv"
        self._write(name, TRAFFIC_HEADING, ["%d,%d,%d,%d" % delta for delta in deltas])  # noqa: UP031
        members.append({"file": name, "meter": meter, "spans": [list(span) for span in spans]})

    def add_power(self, feed: str, meter: str, columns: Columns) -> None:
        """Only readings that tell the power: no others are in a bin."""
        told = columns.values["mw"] >= 0
        rows = (columns.ts[told], columns.values["mw"][told], columns.values["wh"][told])
        lines = ["%d,%d,%d" % row for row in zip(*(one.tolist() for one in rows), strict=True)]  # noqa: UP031
        name = f"power/{safe_name(feed)}.csv"
        self._write(name, POWER_HEADING, lines)
        self._power.append({"id": feed, "file": name, "meter": meter})

    def close(self) -> None:
        index = {
            "schema": SCHEMA,
            "traffic": [
                {"item": item, "members": members} for item, members in self._traffic.items()
            ],
            "power": self._power,
        }
        text = json.dumps(index, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
        self._store(INDEX, text.encode())
        self._zip.close()

    def discard(self) -> None:
        """Let go of the file without finishing it."""
        self._zip.close()

    def _write(self, name: str, heading: str, lines: Sequence[str]) -> None:
        self._store(name, "\n".join((heading, *lines, "")).encode("ascii"))

    def _store(self, name: str, content: bytes) -> None:
        entry = zipfile.ZipInfo(name, _EPOCH)
        entry.create_system = 3  # as on Unix, whatever this is
        entry.external_attr = 0o100644 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        self._zip.writestr(entry, content, compresslevel=6)


def manifest_entry(inputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the manifest says of the archive that the inputs name; nothing where they name none."""
    evidence = inputs.get("evidence")
    if evidence is None:
        return []
    return [
        {
            "name": evidence["name"],
            "media_type": MEDIA_TYPE,
            "bytes": evidence["bytes"],
            "sha256": evidence["sha256"],
            "what": WHAT,
            "external": True,
        }
    ]


class SampleReader:
    """Reads an archive that anybody may have made. Every method raises SamplesRefusedError."""

    def __init__(self, file: BinaryIO) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise SamplesRefusedError(f"no readable ZIP: {error}") from error
        names = self._zip.namelist()
        if len(names) > COUNT_LIMIT or len(set(names)) != len(names):
            raise SamplesRefusedError("a file stands twice in the ZIP, or there are too many")
        try:
            index = json.loads(self._read(INDEX))
            if index["schema"] != SCHEMA:
                raise SamplesRefusedError(f"{INDEX}: not {SCHEMA}")
            self._traffic = {
                str(one["item"]): [
                    (str(member["file"]), _read_spans(member["spans"])) for member in one["members"]
                ]
                for one in index["traffic"]
            }
            self._power = {str(one["id"]): str(one["file"]) for one in index["power"]}
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, SamplesRefusedError):
                raise
            raise SamplesRefusedError(f"{INDEX} does not have the expected form") from error
        told = [file for members in self._traffic.values() for file, _ in members]
        told += [*self._power.values(), INDEX]
        if sorted(told) != sorted(names):
            raise SamplesRefusedError(f"{INDEX} does not name the files that are there")

    def traffic(self, item: str) -> Iterator[tuple[Columns, Intervals]]:
        """Of each meter of an item its samples and when they were the item's, one by one."""
        for name, spans in self._traffic.get(item, []):
            ts, span_ms, inward, outward = self._rows(name, TRAFFIC_HEADING)
            nothing = np.zeros_like(ts)
            values = {
                "in_octets": inward,
                "out_octets": outward,
                "in_errors": nothing,
                "out_errors": nothing,
            }
            yield Columns(ts, span_ms, nothing, values), spans

    def power(self, feed: str) -> Columns:
        """Of a feed; nothing where it isn't in the archive."""
        if feed in self._power:
            ts, mw, wh = self._rows(self._power[feed], POWER_HEADING)
        else:
            ts = mw = wh = np.zeros(0, dtype=np.int64)
        nothing = np.zeros_like(ts)
        return Columns(ts, nothing, nothing, {"mv": nothing, "ma": nothing, "mw": mw, "wh": wh})

    def _rows(self, name: str, heading: str) -> Ints:
        """Shape (columns, n), sorted by the first."""
        content = self._read(name)
        first, _, rest = content.partition(b"\n")
        if first != heading.encode():
            raise SamplesRefusedError(f"{name}: the heading must be {heading}")
        width = heading.count(",") + 1
        if not rest:
            return np.zeros((width, 0), dtype=np.int64)
        try:
            rows = np.loadtxt(
                io.BytesIO(rest), dtype=np.int64, delimiter=",", comments=None, ndmin=2
            ).T
        except (ValueError, OverflowError) as error:
            raise SamplesRefusedError(f"{name}: {error}") from error
        if rows.shape[0] != width or (np.diff(rows[0]) < 0).any():
            raise SamplesRefusedError(f"{name}: {width} numbers a line, in the order of time")
        return rows

    def _read(self, name: str) -> bytes:
        try:
            with self._zip.open(name) as file:
                content = file.read(FILE_LIMIT + 1)
        except KeyError as error:
            raise SamplesRefusedError(f"{name} is not in the ZIP") from error
        except Exception as error:  # zlib, CRC, encryption, an odd method: whatever a ZIP can hold
            raise SamplesRefusedError(f"{name} can't be unpacked: {error}") from error
        if len(content) > FILE_LIMIT:
            raise SamplesRefusedError(f"{name} is too large")
        return content


def _read_spans(rows: Sequence[Sequence[int]]) -> Intervals:
    spans = [(int(low), int(high)) for low, high in rows]
    if union(spans) != spans:
        raise SamplesRefusedError(f"{INDEX}: spans must be sorted and apart from each other")
    return spans
