"""A list as a file: the columns seen or all fields, of the rows that fit or of those ticked."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from flask import Response, request, send_file
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import InvalidError
from dcim.http.database import current_scope, db_session
from dcim.i18n import format_local
from dcim.i18n import gettext as _
from dcim.paging import Query
from dcim.records.fields import (
    ChoiceType,
    DecimalType,
    Field,
    HalfUnitsType,
    IntegerType,
    ReferenceType,
)
from dcim.records.kinds import Kind
from dcim.records.listing import (
    Wish,
    conditions_of,
    count_records,
    make_records,
    put_in_order,
    read_wish,
    select_records,
)
from dcim.records.sheets import MOST_XLSX_ROWS, Cell, write_csv, write_xlsx
from dcim.records.titles import find_paths
from dcim.records.views import find_columns
from dcim.web.staff.labels import print_labels
from dcim.web.staff.records.choosing import posted_wish, read_ids
from dcim.web.staff.records.listing import read_columns, read_pairs
from dcim.web.staff.records.showing import word_of

# Rows fetched at once; each portion asks for the paths of what it refers to.
PORTION = 1000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def export_list(kind: Kind) -> Response | BaseResponse:
    """`format` is csv, xlsx or, on paper, labels; `fields=all` takes every field, else the columns
    of the list."""
    session, scope = db_session(), current_scope()
    everything = request.values.get("fields") == "all"
    fields = (
        list(kind.fields)
        if everything
        else read_columns(kind, find_columns(session, current_user.id, kind))
    )
    wish, ids = _read_choice(kind)
    if wish.problems:
        raise InvalidError("The filters of the list can't be understood. Choose again.")
    if request.values.get("format") == "labels":
        return print_labels(kind, wish, ids)
    as_xlsx = request.values.get("format") == "xlsx"
    statement = select_records(kind, scope, [one.name for one in fields])
    if ids is None:
        statement = statement.where(*conditions_of(kind, wish))
        count = count_records(session, scope, kind, wish)
    else:
        model: Any = kind.model
        statement = statement.where(model.id.in_(ids))
        count = len(ids)
    if as_xlsx and count > MOST_XLSX_ROWS:
        raise InvalidError("More rows than a sheet can hold: %(count)s.", count=count)
    tally = [0]
    rows = _make_rows(session, scope, kind, put_in_order(statement, kind, wish), fields, tally)
    file = write_xlsx(_(kind.label_plural), rows) if as_xlsx else write_csv(rows)
    record(
        session,
        scope,
        f"{kind.name}.export",
        kind.name.replace("_", "-"),
        count=tally[0],
        fields=[one.name for one in fields],
        filters=[[one.name, [str(value) for value in one.values]] for one in wish.filters],
        text=wish.text,
        chosen=len(ids) if ids is not None else None,
        format="xlsx" if as_xlsx else "csv",
    )
    ending = "xlsx" if as_xlsx else "csv"
    answer: Response = send_file(
        file,
        mimetype=XLSX if as_xlsx else "text/csv; charset=utf-8",
        as_attachment=True,
        download_name=f"{kind.plural}-{format_local(utc_now(), 'yyyyMMdd-HHmm')}.{ending}",
        max_age=0,
    )
    return answer


def _read_choice(kind: Kind) -> tuple[Wish, list[int] | None]:
    """The filters, and the rows ticked; None when all that fit are wanted."""
    if request.method == "GET":
        extra = {"format", "fields"}
        return read_wish(kind, [one for one in read_pairs() if one[0] not in extra]), None
    wish = posted_wish(kind)
    ids = read_ids(request.form.getlist("id"))
    if "all" in request.form:
        return wish, None
    if not ids:
        raise InvalidError("Choose at least one record.")
    return Wish(sort=wish.sort), ids


def _make_rows(
    session: Session,
    scope: Scope,
    kind: Kind,
    statement: Query,
    fields: list[Field],
    tally: list[int],
) -> Iterator[list[Cell]]:
    """The head, then a row for each record; `tally` counts them. Memory holds one portion."""
    yield heads_of(kind, fields)
    result = session.execute(statement.execution_options(yield_per=PORTION))
    for portion in result.partitions():
        records = make_records(session, scope, kind, portion)
        paths: dict[str, dict[int, str]] = {}
        for one in fields:
            if isinstance(one.type, ReferenceType):
                ids = {each[one.name] for each in records if each[one.name] is not None}
                paths[one.name] = find_paths(session, scope, one.type.kind(), ids) if ids else {}
        for each in records:
            tally[0] += 1
            yield [
                make_cell(one, each[kind.shown(one).name], paths.get(one.name, {}))
                for one in fields
            ]


def heads_of(kind: Kind, fields: list[Field]) -> list[Cell]:
    """Labels in the reader's language, which an import understands; a label that two fields share
    gives way to their names."""
    labels = [_(one.label) for one in kind.fields]
    return [_(one.label) if labels.count(_(one.label)) == 1 else one.name for one in fields]


def make_cell(one: Field, value: Any, paths: dict[int, str]) -> Cell:
    """As a sheet holds it, so that it can be read in again."""
    if value is None:
        return None
    kind = one.type
    if isinstance(kind, ReferenceType):
        return paths.get(value, "")
    if isinstance(kind, ChoiceType):
        return word_of(kind, value)
    if isinstance(kind, HalfUnitsType):
        # Kinds of half units differ in where they count from.
        return Decimal(kind.write(value))
    if isinstance(kind, IntegerType | DecimalType):
        return Decimal(value) if isinstance(kind, DecimalType) else int(value)
    return kind.write(value)
