"""What surrounds records of every kind: saved views, notes, deletions, imports, repeats."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy import Text as Unbounded
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dcim.columns import Code, Created, Digest, Document, Id, Instant, Name, Text
from dcim.db import Base


class SavedView(Base):
    """A list's filters, sort order and columns under a name: `query` as it stands in the URL."""

    __tablename__ = "saved_view"

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id", ondelete="CASCADE"), index=True)
    kind: Mapped[Code]
    name: Mapped[Name]
    query: Mapped[Text]
    # Seen by all staff; changed by its maker alone.
    shared: Mapped[bool] = mapped_column(default=False)
    # Its maker's list opens with it; at most one of a kind.
    standard: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[Created]

    __table_args__ = (UniqueConstraint("user_id", "kind", "name"),)


class ColumnChoice(Base):
    """Which columns a person sees in the list of a kind, in which order."""

    __tablename__ = "column_choice"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("app_user.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[Code] = mapped_column(primary_key=True)
    names: Mapped[list[str]] = mapped_column(ARRAY(String(64)))


class JournalEntry(Base):
    """What someone noted about a record; staff's own, never a customer's to read."""

    __tablename__ = "journal_entry"

    id: Mapped[Id]
    # As in the audit log: "device/12".
    subject: Mapped[Name] = mapped_column(index=True)
    at: Mapped[Created]
    actor: Mapped[Name]
    text: Mapped[Text]


class DeletedRecord(Base):
    """A deleted record with the rows that went with it: kept 30 days, so that it can come back."""

    __tablename__ = "deleted_record"

    id: Mapped[Id]
    kind: Mapped[Code]
    record_id: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[Name]
    at: Mapped[Created]
    actor: Mapped[Name]
    # [{"table": …, "row": {column: value}}], parents first.
    rows: Mapped[list[Document]] = mapped_column(JSONB)
    restored_at: Mapped[Instant | None]

    __table_args__ = (Index("ix_deleted_record_at", "at"),)


class IdempotentAnswer(Base):
    """The answer to a POST that carried an Idempotency-Key: told again, not done again."""

    __tablename__ = "idempotent_answer"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("app_user.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[Name] = mapped_column(primary_key=True)
    # SHA-256 over method, path and body: another request under the same key is refused.
    request: Mapped[Digest]
    status: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    headers: Mapped[Document]
    at: Mapped[Created]

    __table_args__ = (Index("ix_idempotent_answer_at", "at"),)


class ImportRun(Base):
    """One sheet on its way in: checked whole, then written whole."""

    __tablename__ = "import_run"

    id: Mapped[Id]
    kind: Mapped[Code]
    file_name: Mapped[Name]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("app_user.id", ondelete="SET NULL"), index=True
    )
    actor: Mapped[Name]
    # What happens to rows whose record exists already: "update" or "skip".
    existing: Mapped[Code] = mapped_column(default="update")
    state: Mapped[Code] = mapped_column(default="checking")
    rows: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    # [{"row": 17, "column": "serial", "message": msgid, "places": {…}, "value": "…"}]
    problems: Mapped[list[Document]] = mapped_column(JSONB, default=list)
    created_at: Mapped[Created]
    finished_at: Mapped[Instant | None]

    __table_args__ = (
        CheckConstraint(
            "state IN ('checking', 'refused', 'ready', 'writing', 'done', 'failed')", name="state"
        ),
        CheckConstraint("existing IN ('update', 'skip')", name="existing"),
    )


class SearchText(Base):
    """What stands on a record, lower-cased, each word between line ends. Kept by triggers, closed
    to the app role: `find_by_text` reads it (migration 0011, `dcim.records.finding`)."""

    __tablename__ = "search_text"

    source: Mapped[str] = mapped_column(Unbounded(), primary_key=True)
    record_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    words: Mapped[str] = mapped_column(Unbounded())

    __table_args__ = (
        Index(
            "search_text_grams",
            text("array_append(search_grams(words), '=' || source)"),
            postgresql_using="gin",
        ),
        # In the collation "C", which is not compared: it isn't reflected.
        Index("search_text_beginning", "source", text('"left"(words, 100)')),
    )
