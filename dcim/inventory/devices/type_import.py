"""Bringing device types in from files: who is new, who is changed, who is refused, all at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.errors import InvalidError
from dcim.inventory.devices.type_descriptions import Problem, TypeDescription
from dcim.inventory.devices.type_files import ReadType, read_type_file
from dcim.inventory.devices.types import (
    Lines,
    count_installed,
    find_lines,
    require_staff,
    write_lines,
)
from dcim.inventory.models import DeviceType
from dcim.records.fields import mark

CATALOGUE = Path(__file__).parent / "catalogue"
MOST_FILES = 20_000
Existing = Literal["update", "skip"]
Action = Literal["create", "update", "same", "skip", "refuse"]


@dataclass
class Outcome:
    """What becomes (or would become) of one described type."""

    name: str
    action: Action
    description: TypeDescription | None = None
    problems: list[Problem] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)
    type_id: int | None = None


def read_catalogue() -> list[ReadType]:
    """The types that come with the program."""
    return [
        one
        for path in sorted(CATALOGUE.glob("*.yaml"))
        for one in read_type_file(path.name, path.read_bytes())
    ]


def load_catalogue(session: Session, scope: Scope, *, dry_run: bool = False) -> list[Outcome]:
    """Bring the program's own types in; a type that somebody here has described stays as it is."""
    return import_types(session, scope, read_catalogue(), curated=True, dry_run=dry_run)


def import_types(
    session: Session,
    scope: Scope,
    reads: Sequence[ReadType],
    *,
    existing: Existing = "update",
    curated: bool = False,
    dry_run: bool = False,
) -> list[Outcome]:
    """Create and change types as the files say; those with problems are refused, the rest goes in.

    A type is known by its slug, else by its names. With `dry_run` nothing is written and the
    outcomes say what would be. The number of statements does not grow with the files. Raises
    ForbiddenError, InvalidError for too many files.
    """
    require_staff(scope)
    if len(reads) > MOST_FILES:
        raise InvalidError("At most %(count)s device types at once.", count=MOST_FILES)
    outcomes = [
        Outcome(one.name, "create" if one.description else "refuse", one.description,
                list(one.problems), list(one.remarks))
        for one in reads
    ]  # fmt: skip
    _refuse_doubles(outcomes)
    known = _match(session, outcomes, existing, curated=curated)
    _refuse_new_heights(session, outcomes, known)
    if not dry_run:
        _write(session, scope, outcomes, known, curated=curated)
    return outcomes


def _refuse_doubles(outcomes: list[Outcome]) -> None:
    """One type described in two files: neither is better, so the second is refused."""
    seen: dict[object, str] = {}
    for one in outcomes:
        if one.description is None:
            continue
        described = one.description
        for key in (described.slug, (described.manufacturer, described.model)):
            if key in seen:
                _refuse(one, "slug", mark("%(file)s describes the same type."), file=seen[key])
                break
        else:
            seen[described.slug] = seen[described.manufacturer, described.model] = one.name


def _refuse(outcome: Outcome, place: str, message: str, **places: object) -> None:
    outcome.action = "refuse"
    outcome.problems.append(Problem(place, message, places))


def _match(
    session: Session, outcomes: list[Outcome], existing: Existing, *, curated: bool
) -> dict[int, DeviceType]:
    """Find the types that are there already, by id, and decide what becomes of each."""
    rows = session.execute(
        select(DeviceType.id, DeviceType.slug, DeviceType.manufacturer, DeviceType.model)
    ).all()
    by_slug = {row.slug: row.id for row in rows}
    by_names = {(row.manufacturer, row.model): row.id for row in rows}
    for one in outcomes:
        if one.action == "refuse" or one.description is None:
            continue
        names = (one.description.manufacturer, one.description.model)
        ids = {by_slug.get(one.description.slug), by_names.get(names)} - {None}
        if len(ids) > 1:
            _refuse(one, "slug", mark("Its slug is one type's and its names are another's."))
        elif ids:
            one.type_id = ids.pop()
    wanted = [one.type_id for one in outcomes if one.type_id is not None]
    known = {
        kind.id: kind
        for kind in session.scalars(select(DeviceType).where(DeviceType.id.in_(wanted)))
    }
    lines = find_lines(session, wanted)
    for one in outcomes:
        if one.type_id is None or one.action == "refuse" or one.description is None:
            continue
        kind = known[one.type_id]
        if _is_same(kind, lines[kind.id], one.description):
            one.action = "same"
        elif existing == "skip":
            one.action = "skip"
        elif curated and not kind.curated:
            one.action = "skip"
            one.remarks.append(
                Problem("slug", mark("Somebody here described this type; it stays as it is."))
            )
        else:
            one.action = "update"
    return known


def _is_same(kind: DeviceType, lines: Lines, described: TypeDescription) -> bool:
    """Whether the description changes nothing. Where it names no source, the old one stays."""
    figures = described.figures
    if not described.source:
        figures["source"] = kind.source
    ports, supplies = lines
    return (
        all(getattr(kind, name) == value for name, value in figures.items())
        and set(ports) == set(described.ports)
        and set(supplies) == set(described.supplies)
    )


def _refuse_new_heights(
    session: Session, outcomes: list[Outcome], known: dict[int, DeviceType]
) -> None:
    changed = [
        (one, known[one.type_id])
        for one in outcomes
        if one.action == "update"
        and one.type_id is not None
        and one.description is not None
        and known[one.type_id].height != one.description.height
    ]
    counts = count_installed(session, [kind.id for _one, kind in changed]) if changed else {}
    for one, kind in changed:
        if kind.id in counts:
            _refuse(
                one,
                "height",
                mark(
                    "%(count)s devices of type %(model)s stand in racks; its height can't change."
                ),
                count=counts[kind.id],
                model=kind.model,
            )


def _write(
    session: Session,
    scope: Scope,
    outcomes: list[Outcome],
    known: dict[int, DeviceType],
    *,
    curated: bool,
) -> None:
    made: list[tuple[Outcome, DeviceType]] = []
    for one in outcomes:
        if one.description is None:
            continue
        source = one.description.source or one.name
        if one.action == "create":
            figures = replace(one.description, source=source[:255]).figures
            made.append((one, DeviceType(**figures, curated=curated)))
        elif one.action == "update" and one.type_id is not None:
            kind = known[one.type_id]
            for name, value in one.description.figures.items():
                if name != "source" or value:
                    setattr(kind, name, value)
            kind.curated = curated
    session.add_all(kind for _one, kind in made)
    session.flush()
    for one, kind in made:
        one.type_id = kind.id
    written = [one for one in outcomes if one.action in {"create", "update"}]
    write_lines(
        session,
        {
            one.type_id: (one.description.ports, one.description.supplies)
            for one in written
            if one.type_id is not None and one.description is not None
        },
    )
    if written:
        record(
            session,
            scope,
            "device_type.import",
            "device-type/import",
            curated=curated,
            created=_slugs(written, "create"),
            updated=_slugs(written, "update"),
        )


def _slugs(written: list[Outcome], action: Action) -> list[str]:
    return [
        one.description.slug
        for one in written
        if one.action == action and one.description is not None
    ]
