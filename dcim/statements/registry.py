"""What this instance has issued, for whoever holds a file: by its hash, and nothing else."""

from dataclasses import dataclass

from sqlalchemy import func, literal, select, union

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.db import ScopedSession
from dcim.statements.models import MarkedCopy, Statement, StatementFile


@dataclass(frozen=True, slots=True)
class Registration:
    """`newest` is the highest revision of that contract's month."""

    number: str
    revision: int
    newest: int
    is_copy: bool = False


def find_registration(session: ScopedSession, sha256: str) -> Registration | None:
    """The statement whose issued PDF, or a marked copy of it, has exactly these bytes.

    Needs no scope of a tenant: who knows the hash holds the file, and learns only whether it was
    issued here and whether it was replaced.
    """
    with session.within(Scope.system("verify")):
        original = select(StatementFile.statement_id, literal(False).label("is_copy")).where(
            StatementFile.sha256 == sha256
        )
        copy = select(MarkedCopy.statement_id, literal(True)).where(MarkedCopy.sha256 == sha256)
        file = original.union_all(copy).subquery()
        found = session.execute(
            select(
                Statement.number,
                Statement.revision,
                Statement.contract_id,
                Statement.period,
                file.c.is_copy,
            ).join(file, file.c.statement_id == Statement.id)
        ).one_or_none()
        if found is None:
            return None
        newest = session.scalar(
            select(func.max(Statement.revision)).where(
                Statement.contract_id == found.contract_id, Statement.period == found.period
            )
        )
    return Registration(found.number, found.revision, newest or found.revision, found.is_copy)


def list_signers(session: ScopedSession, settings: Settings) -> list[str]:
    """SHA-256 fingerprints of the certificates we sign with: today's first, then former ones."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    from reports.sign import CERTIFICATE_NAME

    with session.within(Scope.system("verify")):
        signed = union(select(StatementFile.signer), select(MarkedCopy.signer))
        former = list(session.scalars(signed))
    path = settings.keys_folder / CERTIFICATE_NAME
    if not path.is_file():
        return sorted(former)
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    today = certificate.fingerprint(hashes.SHA256()).hex()
    return [today, *sorted(one for one in former if one != today)]
