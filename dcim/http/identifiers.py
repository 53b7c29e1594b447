"""Ids in URLs: plain digits within PostgreSQL's bigint; anything else is no such page."""

from typing import Any

from werkzeug.routing import IntegerConverter, Map

MAX_ID = 2**63 - 1


class IdConverter(IntegerConverter):
    """The `int` of every route. A longer number is a 404 like any absent id, not a data error."""

    def __init__(self, url_map: Map, *args: Any, **options: Any) -> None:
        options.setdefault("max", MAX_ID)
        super().__init__(url_map, *args, **options)
