"""Which records a deed on many is meant for: those ticked, or all that fit the list's filters."""

from typing import Any
from urllib.parse import parse_qsl

from flask import request
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import InvalidError
from dcim.records.kinds import Kind
from dcim.records.listing import (
    Wish,
    conditions_of,
    make_records,
    put_in_order,
    read_wish,
    select_records,
)
from dcim.records.record import Record

# Of one deed; all are locked, judged and audited one by one in one transaction.
MOST = 1000


def read_ids(texts: list[str]) -> list[int]:
    """The numbers among these texts, each once, in their order."""
    numbers = (text.strip() for text in texts)
    return list(
        dict.fromkeys(
            int(one) for one in numbers if one.isascii() and one.isdigit() and len(one) < 19
        )
    )


def posted_wish(kind: Kind) -> Wish:
    """The list's filters as the form carries them along."""
    return read_wish(kind, parse_qsl(request.form.get("query", "").replace("\0", "")[:4000]))


def choose_records(session: Session, scope: Scope, kind: Kind) -> list[Record]:
    """The chosen records that the scope reaches, in the list's order, at most 1,000.

    Raises InvalidError when there are none or too many.
    """
    statement = select_records(kind, scope)
    model: Any = kind.model
    if "all" in request.form:
        wish = posted_wish(kind)
        if wish.problems:
            # A filter that isn't understood would choose more than was meant.
            raise InvalidError("The filters of the list can't be understood. Choose again.")
        statement = put_in_order(statement.where(*conditions_of(kind, wish)), kind, wish)
    else:
        texts = [*request.form.getlist("id"), *request.form.get("ids", "").split(",")]
        ids = read_ids(texts[: 2 * MOST])
        statement = put_in_order(statement.where(model.id.in_(ids)), kind, Wish())
    rows = session.execute(statement.limit(MOST + 1)).all()
    if not rows:
        raise InvalidError("Choose at least one record.")
    if len(rows) > MOST:
        raise InvalidError("At most %(count)s records at once.", count=MOST)
    return make_records(session, scope, kind, rows)
