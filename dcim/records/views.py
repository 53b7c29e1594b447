"""A person's own way to see a list: named views, and the columns chosen."""

from collections.abc import Collection, Sequence

from sqlalchemy import and_, bindparam, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.records.kinds import Kind
from dcim.records.models import ColumnChoice, SavedView

MOST_VIEWS = 100


_SEEN = and_(
    SavedView.kind == bindparam("face"),
    or_(SavedView.user_id == bindparam("person"), SavedView.shared.is_(True)),
)
_IN_ORDER = (SavedView.name, SavedView.id)
_VIEWS = select(SavedView).where(_SEEN).order_by(*_IN_ORDER)
_CHOSEN = select(ColumnChoice.names).where(
    ColumnChoice.user_id == bindparam("person"), ColumnChoice.kind == bindparam("face")
)
# A row even where nothing is kept.
_FACE = (
    select(_CHOSEN.scalar_subquery(), SavedView)
    .select_from(select(literal(1)).subquery())
    .outerjoin(SavedView, _SEEN)
    .order_by(*_IN_ORDER)
)


def list_views(session: Session, user_id: int, face: Kind | str) -> list[SavedView]:
    """One's own views of a kind's list, and those that others share; or of a page that keeps
    its queries under a name which no kind has."""
    asked = {"face": _name_of(face), "person": user_id}
    return list(session.scalars(_VIEWS, asked))


def list_views_of(session: Session, user_id: int, faces: Collection[str]) -> list[SavedView]:
    """As `list_views`, of several pages together: by page, then by name."""
    seen = or_(SavedView.user_id == user_id, SavedView.shared.is_(True))
    wanted = select(SavedView).where(SavedView.kind.in_(faces), seen)
    return list(session.scalars(wanted.order_by(SavedView.kind, *_IN_ORDER)))


def find_face(session: Session, user_id: int, kind: Kind) -> tuple[list[SavedView], list[str]]:
    """As `list_views` and `find_columns`, in one statement."""
    rows = session.execute(_FACE, {"face": kind.name, "person": user_id}).all()
    views = [view for _names, view in rows if view is not None]
    return views, _known_columns(kind, rows[0][0])


def save_view(
    session: Session,
    user_id: int,
    face: Kind | str,
    name: str,
    query: str,
    *,
    shared: bool = False,
) -> SavedView:
    """Keep a query under a name; the same name of the same person is overwritten."""
    words = name.replace("\0", "").strip()
    if not 1 <= len(words) <= 100 or len(query) > 4000:
        raise InvalidError("A view needs a name of at most 100 characters.", {"name": ["length"]})
    found = session.scalar(
        select(SavedView).where(
            SavedView.user_id == user_id, SavedView.kind == _name_of(face), SavedView.name == words
        )
    )
    if found is None:
        mine = select(SavedView.id).where(SavedView.user_id == user_id)
        if len(session.scalars(mine).all()) >= MOST_VIEWS:
            raise ConflictError("At most %(count)s saved views; delete one.", count=MOST_VIEWS)
        found = SavedView(user_id=user_id, kind=_name_of(face), name=words, query=query)
        session.add(found)
    found.query, found.shared = query, shared
    session.flush()
    return found


def _name_of(face: Kind | str) -> str:
    return face if isinstance(face, str) else face.name


def set_standard_view(session: Session, user_id: int, view: SavedView, standard: bool) -> None:
    """Make one's own view the one this kind's list opens with, or take that from it."""
    if view.user_id != user_id:
        raise NotFoundError("There is no such view.")
    if standard:
        session.execute(
            update(SavedView)
            .where(SavedView.user_id == user_id, SavedView.kind == view.kind)
            .values(standard=False)
        )
    view.standard = standard
    session.flush()


def delete_view(session: Session, user_id: int, view_id: int) -> None:
    """One's own only; anybody else's answers as an absent one."""
    found = session.scalar(
        select(SavedView).where(SavedView.id == view_id, SavedView.user_id == user_id)
    )
    if found is None:
        raise NotFoundError("There is no such view.")
    session.delete(found)
    session.flush()


def choose_columns(session: Session, user_id: int, kind: Kind, names: Sequence[str]) -> None:
    """Remember the columns; none chosen means the usual ones again."""
    known = [name for name in dict.fromkeys(names) if kind.has(name)]
    statement = insert(ColumnChoice).values(user_id=user_id, kind=kind.name, names=known)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["user_id", "kind"], set_={"names": statement.excluded.names}
        )
    )


def find_columns(session: Session, user_id: int | None, kind: Kind) -> list[str]:
    """The columns this person sees: those chosen, or the kind's usual ones."""
    chosen = session.scalar(_CHOSEN, {"face": kind.name, "person": user_id})
    return _known_columns(kind, chosen)


def _known_columns(kind: Kind, chosen: Sequence[str] | None) -> list[str]:
    known = [name for name in chosen or () if kind.has(name)]
    return known or [one.name for one in kind.fields if one.listed]
