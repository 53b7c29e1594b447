"""Deleting many records, all or none."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ConflictError, InvalidError, JifangError, NotFoundError
from dcim.records.kinds import Kind
from dcim.records.titles import find_paths
from dcim.records.values import RefusedRecordsError
from dcim.records.writing import delete_record


def delete_many(
    session: Session,
    scope: Scope,
    kind: Kind,
    record_ids: Sequence[int],
    *,
    kinds: Sequence[Kind] = (),
) -> list[int]:
    """The numbers by which each can be brought back.

    Raises RefusedRecordsError that names every record that refuses, each with its reason.
    """
    kept: list[int] = []
    refusals: dict[int, JifangError] = {}
    wanted = sorted(set(record_ids))
    with session.begin_nested():
        for record_id in wanted:
            try:
                with session.begin_nested():
                    kept.append(delete_record(session, scope, kind, record_id, kinds=kinds))
            except (ConflictError, InvalidError, NotFoundError) as error:
                refusals[record_id] = error
        if refusals:
            paths = find_paths(session, scope, kind, list(refusals))
            raise RefusedRecordsError(
                {paths.get(one, str(one)): error for one, error in refusals.items()}, len(wanted)
            )
    return kept
