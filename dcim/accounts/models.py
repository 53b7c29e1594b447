"""People, roles, tokens, and the audit chain."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.mutable import MutableList
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, Created, Digest, Document, Id, Instant, Name
from dcim.db import Base

user_roles = Table(
    "user_role",
    Base.metadata,
    Column("user_id", BigInteger, ForeignKey("app_user.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", BigInteger, ForeignKey("role.id"), primary_key=True),
)


class Role(Base):
    __tablename__ = "role"

    id: Mapped[Id]
    name: Mapped[Code] = mapped_column(unique=True)
    description: Mapped[Name] = mapped_column(default="")

    def get_permissions(self) -> set[str]:
        """Flask-Security asks; rights are decided by dcim.accounts.policy alone."""
        return set()


class User(Base):
    """A person who signs in. A customer's person has `customer_id`; staff have none."""

    __tablename__ = "app_user"

    id: Mapped[Id]
    email: Mapped[Name] = mapped_column(unique=True)
    username: Mapped[Name | None] = mapped_column(unique=True)
    name: Mapped[Name]
    password: Mapped[Name]
    active: Mapped[bool] = mapped_column(default=True)
    # Sessions carry this, not the id: changing it signs the person out everywhere.
    fs_uniquifier: Mapped[Code] = mapped_column(unique=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    language: Mapped[str] = mapped_column(String(8), default="zh")
    # An IANA name that a customer's person chose; empty is their customer's.
    timezone: Mapped[Code] = mapped_column(default="")
    must_change_password: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[Created]
    confirmed_at: Mapped[Instant | None]
    tf_primary_method: Mapped[str | None] = mapped_column(String(64))
    tf_totp_secret: Mapped[Name | None]
    mf_recovery_codes: Mapped[list[str] | None] = mapped_column(
        MutableList.as_mutable(ARRAY(String(64)))
    )

    roles: Mapped[list[Role]] = relationship(secondary=user_roles, lazy="selectin")


class LoginFailure(Base):
    """One refused sign-in; counted per account and per source, shared by all web processes."""

    __tablename__ = "login_failure"

    id: Mapped[Id]
    at: Mapped[Created]
    account: Mapped[Name]
    source: Mapped[Code]

    __table_args__ = (
        Index("ix_login_failure_account_at", "account", "at"),
        Index("ix_login_failure_source_at", "source", "at"),
    )


class ApiToken(Base):
    """A bearer token, known only by its digest: SHA-256 over 256 random bits needs no salt."""

    __tablename__ = "api_token"

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id", ondelete="CASCADE"), index=True)
    name: Mapped[Name]
    digest: Mapped[Digest] = mapped_column(unique=True)
    # The first characters, so that a person can tell tokens apart in a list.
    hint: Mapped[Code]
    # "all" its person may; "readings": what programs that draw graphs fetch, and nothing else.
    purpose: Mapped[Code] = mapped_column(default="all")
    created_at: Mapped[Created]
    expires_at: Mapped[Instant]
    last_used_at: Mapped[Instant | None]
    revoked_at: Mapped[Instant | None]

    user: Mapped[User] = relationship()

    __table_args__ = (CheckConstraint("purpose IN ('all', 'readings')", name="purpose"),)


class CalendarFeed(Base):
    """The secret address of a person's calendar, known only by its digest; one each."""

    __tablename__ = "calendar_feed"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("app_user.id", ondelete="CASCADE"), primary_key=True
    )
    digest: Mapped[Digest] = mapped_column(unique=True)
    hint: Mapped[Code]
    created_at: Mapped[Created]
    last_used_at: Mapped[Instant | None]


class AuditEntry(Base):
    """One deed in the chain: `digest` covers this entry and the digest before it.

    Rows are only ever inserted; a trigger refuses UPDATE, DELETE and TRUNCATE.
    """

    __tablename__ = "audit_entry"

    # Given by the writer under the chain's lock, without gaps: a missing number is a removed row.
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[Instant]
    actor: Mapped[Name]
    customer_id: Mapped[int | None] = mapped_column(BigInteger)
    action: Mapped[Code]
    subject: Mapped[Name]
    detail: Mapped[Document]
    request_id: Mapped[Code] = mapped_column(default="")
    source: Mapped[Code] = mapped_column(default="")
    digest: Mapped[Digest] = mapped_column(unique=True)

    __table_args__ = (
        CheckConstraint("id > 0", name="id_positive"),
        Index("ix_audit_entry_subject", "subject"),
    )


class SealedSecret(Base):
    """A secret at rest: AES-256-GCM, bound to its owner by the associated data."""

    __tablename__ = "sealed_secret"

    id: Mapped[Id]
    # What it belongs to, e.g. "snmp-credential/12"; part of the associated data.
    owner: Mapped[Name] = mapped_column(unique=True)
    key_id: Mapped[Code]
    nonce: Mapped[bytes]
    ciphertext: Mapped[bytes]
    sealed_at: Mapped[Created]


class JobRun(Base):
    """A job that must happen once per key, e.g. ("issue-statements", "2026-10")."""

    __tablename__ = "job_run"

    job: Mapped[Code] = mapped_column(primary_key=True)
    key: Mapped[Name] = mapped_column(primary_key=True)
    started_at: Mapped[Created]
    finished_at: Mapped[Instant | None]
    outcome: Mapped[dict[str, object] | None] = mapped_column(JSONB)
