"""Files embedded in a PDF, read back for verification, with limits on what they may unpack to."""

import io
import zlib
from typing import Any

TOTAL_LIMIT = 512 * 1024 * 1024
COUNT_LIMIT = 5000


class UnpackingError(Exception):
    """The PDF's embedded files cannot be read, are ambiguous, or unpack to too much."""


def open_pdf(pdf: bytes) -> Any:
    """pyHanko's strict reader. Raises UnpackingError."""
    from pyhanko.pdf_utils.reader import PdfFileReader

    try:
        return PdfFileReader(io.BytesIO(pdf), strict=True)
    except Exception as error:
        raise UnpackingError(f"no readable PDF: {error}") from error


def embedded_files(pdf: bytes) -> dict[str, bytes]:
    """Name to contents of everything in the EmbeddedFiles name tree.

    A flat tree is what this system writes; nested ones, doubled names and filters other than
    Flate are refused. Raises UnpackingError.
    """
    reader = open_pdf(pdf)
    try:
        return read_tree(reader)
    except UnpackingError:
        raise
    except Exception as error:
        raise UnpackingError(f"the embedded files cannot be read: {error}") from error


def read_tree(reader: Any) -> dict[str, bytes]:
    root = reader.root
    if "/Names" not in root or "/EmbeddedFiles" not in root["/Names"]:
        return {}
    tree = root["/Names"]["/EmbeddedFiles"]
    if "/Kids" in tree:
        raise UnpackingError("the embedded files are not listed in one list")
    entries = tree["/Names"]
    if len(entries) // 2 > COUNT_LIMIT:
        raise UnpackingError(f"more than {COUNT_LIMIT} embedded files")
    files: dict[str, bytes] = {}
    left = TOTAL_LIMIT
    for index in range(1, len(entries), 2):
        specification = entries[index]
        name = str(specification["/UF"])
        if name in files or str(entries[index - 1]) != str(specification["/F"]):
            raise UnpackingError(f"the embedded file {name} is listed twice or under another name")
        data = unpack(specification["/EF"]["/F"], left)
        left -= len(data)
        files[name] = data
    return files


def unpack(stream: Any, limit: int) -> bytes:
    """A stream's contents, at most `limit` bytes of them."""
    encoded: bytes = stream.encoded_data
    filters = stream.get("/Filter")
    if filters is None:
        if len(encoded) > limit:
            raise UnpackingError("the embedded files are too large")
        return encoded
    if str(filters) != "/FlateDecode" or "/DecodeParms" in stream:
        raise UnpackingError(f"embedded with an unexpected filter: {filters}")
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(encoded, limit)
    if unpacker.unconsumed_tail:
        raise UnpackingError("the embedded files are too large")
    if not unpacker.eof:
        raise UnpackingError("an embedded file is cut off")
    return data
