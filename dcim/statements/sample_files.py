"""The file of raw samples beside a statement's PDF: written when it is frozen, handed out whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.errors import NotFoundError
from dcim.statements.files import FileDamagedError, finish_durably, open_partial
from dcim.statements.models import Statement
from dcim.statements.raw_samples import SampleArchive
from reports.evidence import PART, hash_file


@dataclass(slots=True)
class Samples:
    """`archive` takes samples; `described` is the inputs' part about it once it is finished."""

    archive: SampleArchive
    described: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckedSamples:
    """A file whose bytes are those that were issued, to be sent in parts."""

    path: Path
    size: int

    @property
    def name(self) -> str:
        return self.path.name

    def read_parts(self) -> Iterator[bytes]:
        """Opened when the first part is asked for: who never asks leaves nothing open."""
        with self.path.open("rb") as file:
            while part := file.read(PART):
                yield part


def samples_path(settings: Settings, number: str) -> Path:
    return settings.statements_folder / f"{number}.samples.zip"


@contextmanager
def keep_samples(settings: Settings, number: str) -> Iterator[Samples]:
    """Take a statement's samples and have them on the disk before its row is committed.

    Without any there is no file. One that a run left whose row was never committed is replaced:
    give it only to whoever holds the contract's turn and found no such statement.
    """
    path = samples_path(settings, number)
    with open_partial(path) as file:
        samples = Samples(SampleArchive(file))
        try:
            yield samples
        except BaseException:
            samples.archive.discard()
            raise
        samples.archive.close()
        if samples.archive.is_empty:
            return
        sha256, size = hash_file(file)
        finish_durably(file, path)
    samples.described = {"evidence": {"name": path.name, "bytes": size, "sha256": sha256}}


def drop_samples(settings: Settings, number: str) -> None:
    """Of a statement that isn't issued after all; in its contract's turn."""
    samples_path(settings, number).unlink(missing_ok=True)


def check_samples(
    session: Session, scope: Scope, settings: Settings, statement_id: int
) -> CheckedSamples:
    """The file as it was issued, checked against the frozen hash. The reading is audited.

    Raises NotFoundError for an absent or another tenant's statement and for one without samples,
    FileDamagedError when the bytes on disk are not those that were issued.
    """
    statement = session.scalar(
        scope.apply(select(Statement).where(Statement.id == statement_id), Statement.customer_id)
    )
    if statement is None or statement.samples_sha256 is None:
        raise NotFoundError("No such statement.")
    path = samples_path(settings, statement.number)
    try:
        with path.open("rb") as file:
            sha256, size = hash_file(file)
    except FileNotFoundError as error:
        raise FileDamagedError("The file of %(n)s is gone.", n=statement.number) from error
    if sha256 != statement.samples_sha256:
        raise FileDamagedError(
            "The file of %(n)s is not the one that was issued.", n=statement.number
        )
    record(
        session,
        scope,
        "statement.download",
        f"statement/{statement_id}",
        customer_id=statement.customer_id,
        sha256=sha256,
    )
    return CheckedSamples(path, size)
