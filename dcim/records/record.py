"""One record as the faces get it: typed values, the titles of what it refers to, its version."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dcim.records.kinds import Kind


@dataclass(frozen=True, slots=True)
class Record:
    """`titles`: for a reference field, what the referred record is called."""

    id: int
    values: Mapping[str, Any]
    titles: Mapping[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


def to_json(kind: Kind, values: Mapping[str, Any]) -> dict[str, Any]:
    """Field values as JSON keeps them, in the kind's order."""
    return {
        one.name: None if values[one.name] is None else one.type.to_json(values[one.name])
        for one in kind.fields
        if one.name in values
    }


def etag_of(kind: Kind, record: Record) -> str:
    """Changes whenever a stored field has changed (RFC 9110, 8.8.3; without quotes)."""
    written = {one.name for one in kind.fields if one.expression is None}
    values = {name: value for name, value in record.values.items() if name in written}
    text = json.dumps([kind.name, record.id, to_json(kind, values)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
