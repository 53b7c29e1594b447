"""The index of what stands on records: `search_text`, which triggers keep (migration 0011).

One table for all kinds, so that a search costs the same in a house of 20,000 racks. It is closed
to the app role; `find_by_text` reads it, for staff alone. An index on the tables themselves would
serve nobody: row security is judged before any comparison that might leak.
"""

from typing import Any

from sqlalchemy import ARRAY, BigInteger, Text, bindparam, column, func, select

from dcim.records.fields import Field
from dcim.records.kinds import Kind

LONGEST = 100


def clean_words(text: str) -> str:
    return text.replace("\0", "").strip()[:LONGEST]


def source_of(kind: Kind) -> str:
    return str(kind.model.__tablename__)


def indexed_fields(kind: Kind) -> tuple[Field, ...]:
    """What the index holds of a kind: searched fields that stand in its own table."""
    return tuple(one for one in kind.searched if one.expression is None)


def call_search(words: str, sources: list[str], most: int | None) -> Any:
    """Rows (source, record_id), some twice: of each source at most `most` that are the words, that
    begin with them, that hold them; without `most` all."""
    return func.find_by_text(
        words, bindparam(None, sources, ARRAY(Text)), most, False
    ).table_valued(column("source", Text), column("record_id", BigInteger))


def matching_ids(kind: Kind, text: str) -> Any:
    """A subquery: the ids of which a searched field holds the text. None where the index can't
    tell: for one letter, two that aren't Chinese, and kinds with computed fields among these."""
    words = clean_words(text)
    fields = indexed_fields(kind)
    whole = len(words) > 2 or (len(words) == 2 and not words.isascii())
    if not whole or not fields or len(fields) != len(kind.searched):
        return None
    return select(call_search(words, [source_of(kind)], None).c.record_id)
