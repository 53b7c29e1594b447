"""Finding by what stands on records: ranks, short and Chinese words, an index kept by triggers."""

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.exc import ProgrammingError

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession
from dcim.errors import ForbiddenError
from dcim.inventory.devices.kinds import DEVICE_TYPE
from dcim.inventory.models import DeviceType, Site
from dcim.inventory.space.kinds import ROOM, SITE
from dcim.kinds import KINDS
from dcim.records.deletions import restore_record
from dcim.records.finding import BEGINS, CONTAINS, EXACT, find_matches
from dcim.records.listing import list_records, read_wish
from dcim.records.search_index import indexed_fields, source_of
from dcim.records.writing import change_record, create_record, delete_record

STAFF = Scope.staff("li@dc.example")


@pytest.fixture
def sites(session: ScopedSession) -> dict[str, int]:
    names = {"SH1": "上海云帆机房", "SH10": "苏州", "ASH1": "Ashburn 50%_off", "X": "北京"}
    return {
        code: create_record(session, STAFF, SITE, {"code": code, "name": name}).id
        for code, name in names.items()
    }


def look(session: ScopedSession, words: str) -> list[tuple[str, int]]:
    found = find_matches(session, STAFF, (SITE, ROOM), words)
    return [(one.title, one.rank) for one in found]


@pytest.mark.usefixtures("sites")
def test_exact_before_beginnings_before_parts(session: ScopedSession) -> None:
    assert look(session, "sh1") == [("SH1", EXACT), ("SH10", BEGINS), ("ASH1", CONTAINS)]
    assert find_matches(session, STAFF, (SITE,), "SH1")[0].field.name == "code"


@pytest.mark.usefixtures("sites")
@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ("云帆", ["SH1"]),  # two Chinese letters amid others
        ("机", []),  # one, not at the beginning
        ("北", ["X"]),
        ("s", ["SH1", "SH10"]),  # one letter: beginnings of the first word
        ("x", ["X"]),
        ("sh", ["SH1", "SH10"]),  # two: beginnings
        ("50%", ["ASH1"]),  # taken literally
        ("50_", []),
        ("%_o", ["ASH1"]),
        ("", []),
        ("  ", []),
        ("\0", []),
        ("nothing like it", []),
    ],
)
def test_short_words_and_signs(session: ScopedSession, words: str, titles: list[str]) -> None:
    assert [title for title, _ in look(session, words)] == titles


def test_the_index_follows_the_records(session: ScopedSession, sites: dict[str, int]) -> None:
    change_record(session, STAFF, SITE, sites["X"], {"name": "Nanjing"})
    assert look(session, "北京") == []
    assert look(session, "njin") == [("X", CONTAINS)]
    # Also those who write past the services.
    session.execute(update(Site).where(Site.id == sites["X"]).values(name_en="Purple Mountain"))
    assert look(session, "mountain") == [("X", CONTAINS)]
    kept = delete_record(session, STAFF, SITE, sites["X"], kinds=(SITE,))
    assert look(session, "mountain") == []
    restore_record(session, STAFF, (SITE,), kept)
    assert look(session, "mountain") == [("X", CONTAINS)]


@pytest.mark.usefixtures("sites")
def test_every_part_of_three_letters_or_more_is_found(session: ScopedSession) -> None:
    """Looked up by pieces of three, or by the five at both ends: never past a part."""
    word = "ashburn 50%_off"
    for low in range(len(word)):
        for high in range(low + 3, len(word) + 1):
            if (part := word[low:high]) == part.strip():
                wish = read_wish(SITE, [("q", part)])
                assert list_records(session, STAFF, SITE, wish).total == 1, part
                assert [title for title, _ in look(session, part)] == ["ASH1"], part
                # Both ends are there, but not so far from one another.
                if len(part) > 10:
                    assert look(session, part[:5] + "-" + part[-5:]) == []


@pytest.mark.usefixtures("sites")
def test_lists_search_alike(session: ScopedSession) -> None:
    for words, total in (("sh1", 3), ("sh", 3), ("云帆", 1), ("h", 3), ("50%_", 1), ("zz9", 0)):
        wish = read_wish(SITE, [("q", words)])
        assert list_records(session, STAFF, SITE, wish).total == total, words


def test_staff_alone(session: ScopedSession, sites: dict[str, int]) -> None:
    customer = Scope.customer("c@c.example", 1)
    with pytest.raises(ForbiddenError):
        find_matches(session, customer, (SITE,), "SH1")
    # And the database doesn't rely on that.
    asked = text("SELECT * FROM find_by_text('SH1', ARRAY['site'], 9, false)")
    found = {row.record_id for row in session.execute(asked)}
    assert found == {sites[code] for code in ("SH1", "SH10", "ASH1")}
    session.use_scope(customer)
    for statement in (asked, text("SELECT * FROM search_text")):
        with pytest.raises(ProgrammingError, match=r"only staff search|permission denied"):
            session.execute(statement)
        session.rollback()
        session.use_scope(customer)
    # Not even staff reads the table past the function.
    session.use_scope(STAFF)
    with pytest.raises(ProgrammingError, match="permission denied"):
        session.execute(text("SELECT * FROM search_text"))


def test_triggers_know_the_searched_fields_of_all_kinds(session: ScopedSession) -> None:
    rows = session.execute(
        text(
            "SELECT tgrelid::regclass::text, encode(tgargs, 'escape') FROM pg_trigger"
            " WHERE tgname = 'search_written'"
        )
    )
    kept = {table: [one for one in args.split("\\000") if one] for table, args in rows}
    wanted = {
        source_of(kind): [one.name for one in indexed_fields(kind)]
        for kind in KINDS
        if indexed_fields(kind)
    }
    assert kept == wanted


# Above a thousand hits each kind is asked for its own few.
@pytest.mark.parametrize("count", [300, 1300])
def test_a_broad_word_brings_the_best_few(session: ScopedSession, count: int) -> None:
    session.execute(
        insert(DeviceType),
        [{"manufacturer": "Maker", "model": f"Model {n}", "height": 2} for n in range(count)],
    )
    found = find_matches(session, STAFF, (DEVICE_TYPE,), "model 29", most=12)
    assert [one.title for one in found] == ["Model 29", *(f"Model 29{n}" for n in range(10))]
    assert len(find_matches(session, STAFF, (DEVICE_TYPE,), "model", most=12)) == 12
