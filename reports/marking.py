"""A marked copy: for whom it is, seen across each page and hidden in it, and read back.

Seen: words behind the content of every page, too pale to hide a figure. Hidden: the copy's code as
ticks a fiftieth of a millimetre wide, hardly darker than the paper, behind headings and foots; who
takes the words and attachments away leaves them.
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from reports.attachments import Attachment, canonical_bytes

COPY_NAME = "copy.json"
SCHEMA = "jifang.copy/1"
WORDS_ADDRESS, TRACE_ADDRESS = "jifang-mark:words", "jifang-mark:trace"
CODE = re.compile(r"[0-9a-f]{20}\Z")
SHA256 = re.compile(r"[0-9a-f]{64}\Z")
STREAM_LIMIT = 32 * 1024 * 1024
SHOWN = 40  # characters of the recipient across the page; copy.json holds all of them
_CODE_BITS = 80
# Which ticks begin a code; of 96 ticks the rest are its bits, the first is the highest.
_SYNC = "1010110011110001"
_WIDTH, _HIGH, _LOW = 0.07, 1.93, 0.91
_WORDS = {
    "zh": ("副本", "仅供", "原件 SHA-256"),
    "en": ("COPY", "for", "Original SHA-256"),
}
_DRAFT = {
    "zh": ("草稿", "未出具，未签署"),
    "en": ("DRAFT", "not issued, not signed"),
}


class MarkError(ValueError):
    """No description of a marked copy; the message says what is odd."""


@dataclass(frozen=True)
class Mark:
    """`code`: 20 hex digits; `original`: the issued PDF's number, revision and SHA-256."""

    code: str
    recipient: str
    made_at: str
    number: str
    revision: int
    original_sha256: str

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "code": self.code,
            "recipient": self.recipient,
            "made_at": self.made_at,
            "original": {
                "number": self.number,
                "revision": self.revision,
                "sha256": self.original_sha256,
            },
        }


def read_mark(said: Mapping[str, Any]) -> Mark:
    """Of copy.json. Raises MarkError."""
    try:
        original = said["original"]
        mark = Mark(
            said["code"], said["recipient"], said["made_at"], original["number"],
            original["revision"], original["sha256"],
        )  # fmt: skip
    except (KeyError, TypeError) as error:
        raise MarkError(f"{COPY_NAME} lacks {error}") from error
    texts = (mark.code, mark.recipient, mark.made_at, mark.number, mark.original_sha256)
    if (
        mark.as_json() != said
        or not all(isinstance(one, str) for one in texts)
        or type(mark.revision) is not int
        or not CODE.match(mark.code)
        or not SHA256.match(mark.original_sha256)
        or not mark.recipient.strip()
    ):
        raise MarkError(f"{COPY_NAME} is not of schema {SCHEMA}")
    return mark


def describe_copy(mark: Mark) -> Attachment:
    """The file by which a copy says what it is."""
    return Attachment(
        COPY_NAME,
        canonical_bytes(mark.as_json()),
        "application/json",
        f"A marked copy for {mark.recipient}, and its original's hash",
        "Supplement",
    )


def mark_style(images: Mapping[str, bytes]) -> str:
    """Print CSS that puts the images there are behind every page."""
    style = f"@page {{ background: url({WORDS_ADDRESS}) 0 0 / 105mm 74.25mm repeat }}\n"
    if TRACE_ADDRESS in images:
        style += (
            f".sheet h1, h2, h3, .identity, .running-foot {{ background: url({TRACE_ADDRESS}) "
            "0 100% / 27mm 0.6mm no-repeat }\n"
        )
    return style


def draft_images(language: str, face: str) -> dict[str, bytes]:
    """SVG by its address: says across each page that it is no statement."""
    title, words = _DRAFT[language]
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 210 148.5" font-family="{face}"'
        ' fill="#e9dfc9" text-anchor="middle"><g transform="rotate(-24 105 74)">'
        f'<text x="105" y="76" font-size="26" font-weight="700">{title}</text>'
        f'<text x="105" y="92" font-size="9">{words}</text></g></svg>'
    )
    return {WORDS_ADDRESS: svg.encode()}


def mark_images(mark: Mark, language: str, face: str) -> dict[str, bytes]:
    """SVG by its address."""
    copy, whom, of = _WORDS[language]
    shown = mark.recipient if len(mark.recipient) <= SHOWN else mark.recipient[: SHOWN - 1] + "…"
    # Of wide characters fewer fit: the words keep within their tile.
    width = sum(2 if ord(character) > 0x2E80 else 1 for character in shown)
    size = min(15.0, 330.0 / max(width, 12))
    words = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 210 148.5" font-family="{face}"'
        ' fill="#dfe6ef" text-anchor="middle"><g transform="rotate(-24 105 74)">'
        f'<text x="105" y="62" font-size="11">{escape(copy)} · {escape(whom)}</text>'
        f'<text x="105" y="82" font-size="{size:.2f}" font-weight="700">{escape(shown)}</text>'
        f'<text x="105" y="94" font-size="5">{escape(of)} {mark.original_sha256[:16]}</text>'
        "</g></svg>"
    )
    bits = _SYNC + f"{int(mark.code, 16):0{_CODE_BITS}b}"
    ticks = "".join(
        f'<rect x="{place}" y="0" width="{_WIDTH}" height="{_HIGH if bit == "1" else _LOW}"/>'
        for place, bit in enumerate(bits)
    )
    trace = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {len(bits)} 2" fill="#fdfdfd">'
        f"{ticks}</svg>"
    )
    return {WORDS_ADDRESS: words.encode(), TRACE_ADDRESS: trace.encode()}


_TICK = re.compile(rb"(?<![\d.])(\d+) 0 0?\.07 (1\.93|0?\.91) re\b")


_STREAM = re.compile(rb"\bstream\r?\n")


def find_codes(pdf: bytes) -> set[str]:
    """Codes hidden in the pages of a PDF, whatever became of its attachments and signature.

    It needs no whole PDF: every stream is looked at as it stands in the file.
    """
    found: set[str] = set()
    for begin in _STREAM.finditer(pdf):
        body = pdf[begin.end() : pdf.find(b"endstream", begin.end())]
        try:
            content = zlib.decompressobj().decompress(body, STREAM_LIMIT)
        except zlib.error:
            content = body
        found |= _read_ticks(content)
    return found


def _read_ticks(content: bytes) -> set[str]:
    if b"1.93" not in content:
        return set()
    codes, bits = set(), ""
    for place, height in _TICK.findall(content):
        if int(place) != len(bits):
            bits = ""
        bits += "1" if height.endswith(b".93") else "0"
        if len(bits) == len(_SYNC) + _CODE_BITS:
            if bits.startswith(_SYNC):
                codes.add(f"{int(bits[len(_SYNC) :], 2):020x}")
            bits = ""
    return codes
