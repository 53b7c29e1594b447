"""Writing records: everything wrong at once, who is in the way by name, nothing half done."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.db import ScopedSession, SessionFactory
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, StaleError
from dcim.records.deletions import list_deleted, purge_deleted, restore_record
from dcim.records.journal import add_note, list_history, list_notes
from dcim.records.listing import find_record
from dcim.records.models import DeletedRecord
from dcim.records.record import etag_of
from dcim.records.values import InvalidValuesError, RefusedRecordsError
from dcim.records.writing import change_many, change_record, create_record, delete_record
from tests.integration.records.kinds import DEVICE_TYPE, KINDS, ROOM, ROW, SITE

STAFF = Scope.staff("li@dc.example")


def make_site(session: Session, code: str = "SH1") -> int:
    return create_record(session, STAFF, SITE, {"code": code, "name": "上海一号"}).id


def test_everything_wrong_is_told_at_once(session: ScopedSession) -> None:
    with pytest.raises(InvalidValuesError) as told:
        create_record(
            session, STAFF, DEVICE_TYPE,
            {"model": "X\x07", "height": 500, "rated_w": "100", "colour": "red"},
        )  # fmt: skip
    assert told.value.fields == {
        "colour": ["There is no such field."],
        "manufacturer": ["This is needed."],
        "model": ["Control characters can't be accepted."],
        "height": ["From 0.0 to 60.0 U."],
        "rated_w": ["A whole number is needed here."],
    }


def test_a_record_is_created_and_audited(session: ScopedSession) -> None:
    made = create_record(session, STAFF, SITE, {"code": " SH1 ", "name": "上海一号"})
    assert dict(made.values) == {
        "code": "SH1",
        "name": "上海一号",
        "name_en": "",
        "timezone": "Asia/Shanghai",
        "address": "",
    }
    entry = session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.subject) == ("site.create", f"site/{made.id}")
    assert entry.detail["values"]["code"] == "SH1"


def test_the_holder_of_a_name_is_named(session: ScopedSession) -> None:
    site = make_site(session)
    create_record(session, STAFF, ROOM, {"site_id": site, "code": "R1", "name": "一"})
    with pytest.raises(ConflictError, match="SH1/R1 has the same Code already: R1"):
        create_record(session, STAFF, ROOM, {"site_id": site, "code": "R1", "name": "二"})
    # The session goes on: what was before is still there.
    assert create_record(session, STAFF, ROOM, {"site_id": site, "code": "R2", "name": "二"}).id


def test_an_unknown_reference_is_a_wrong_field(session: ScopedSession) -> None:
    with pytest.raises(InvalidValuesError) as told:
        create_record(session, STAFF, ROOM, {"site_id": 999, "code": "R1", "name": "一"})
    assert told.value.fields == {"site_id": ["There is no such record."]}


def test_a_change_keeps_both_values_in_the_history(session: ScopedSession) -> None:
    site = make_site(session)
    changed = change_record(session, STAFF, SITE, site, {"name": "上海二号", "code": "SH1"})
    assert changed["name"] == "上海二号"
    newest = list_history(session, STAFF, SITE, site).items[0]
    assert newest.changes == [("name", "上海一号", "上海二号")]
    # Nothing differs, nothing is noted.
    change_record(session, STAFF, SITE, site, {"name": "上海二号"})
    assert list_history(session, STAFF, SITE, site).total == 2


def test_a_change_of_what_someone_else_changed_is_refused(session: ScopedSession) -> None:
    site = make_site(session)
    seen = etag_of(SITE, change_record(session, STAFF, SITE, site, {"name": "a"}))
    change_record(session, STAFF, SITE, site, {"name": "b"}, expected=seen)
    with pytest.raises(StaleError):
        change_record(session, STAFF, SITE, site, {"name": "c"}, expected=seen)
    # The control: without the version it would have been overwritten.
    assert change_record(session, STAFF, SITE, site, {"name": "c"})["name"] == "c"


def test_what_is_fixed_stays(session: ScopedSession) -> None:
    room = create_record(
        session, STAFF, ROOM, {"site_id": make_site(session), "code": "R1", "name": "一"}
    )
    with pytest.raises(InvalidValuesError, match="Some fields"):
        change_record(session, STAFF, ROOM, room.id, {"site_id": make_site(session, "SH2")})
    assert change_record(session, STAFF, ROOM, room.id, {"site_id": room["site_id"]})


def make_types(session: Session, count: int) -> list[int]:
    return [
        create_record(
            session, STAFF, DEVICE_TYPE,
            {"manufacturer": "Maker", "model": f"M{n}", "height": 2, "weight_g": 2 * n},
        ).id
        for n in range(count)
    ]  # fmt: skip


def test_many_are_changed_or_none(session: ScopedSession) -> None:
    ids = make_types(session, 3)
    changed = change_many(session, STAFF, DEVICE_TYPE, ids, {"rated_w": 300})
    assert [one["rated_w"] for one in changed] == [300, 300, 300]
    with pytest.raises(RefusedRecordsError, match="Nothing was changed: 3 of 3") as told:
        change_many(session, STAFF, DEVICE_TYPE, ids, {"rated_w": 400, "weight_g": 3})
    assert list(told.value.fields) == ["Maker/M0", "Maker/M1", "Maker/M2"]
    with pytest.raises(RefusedRecordsError, match="1 of 2"):
        change_many(session, STAFF, DEVICE_TYPE, [ids[0], 999], {"rated_w": 500})
    watts = [find_record(session, STAFF, DEVICE_TYPE, one)["rated_w"] for one in ids]
    assert watts == [300, 300, 300]


def test_what_is_in_use_is_not_deleted(session: ScopedSession) -> None:
    site = make_site(session)
    create_record(session, STAFF, ROOM, {"site_id": site, "code": "R1", "name": "一"})
    with pytest.raises(ConflictError, match="Still in use by: 1 × Rooms"):
        delete_record(session, STAFF, SITE, site, kinds=KINDS)
    # Even where nobody told which kinds there are, the database refuses.
    with pytest.raises(ConflictError, match="still refers to this"):
        delete_record(session, STAFF, SITE, site)


def test_a_deleted_record_comes_back(session: ScopedSession) -> None:
    site = make_site(session)
    kept = delete_record(session, STAFF, SITE, site, kinds=KINDS)
    with pytest.raises(NotFoundError):
        find_record(session, STAFF, SITE, site)
    assert [one.title for one in list_deleted(session, STAFF).items] == ["SH1"]
    assert restore_record(session, STAFF, KINDS, kept) == site
    assert find_record(session, STAFF, SITE, site)["name"] == "上海一号"
    actions = [one.action for one in list_history(session, STAFF, SITE, site).items]
    assert actions == ["site.restore", "site.delete", "site.create"]
    with pytest.raises(NotFoundError):
        restore_record(session, STAFF, KINDS, kept)


def test_a_name_taken_meanwhile_is_told(session: ScopedSession) -> None:
    kept = delete_record(session, STAFF, SITE, make_site(session), kinds=KINDS)
    make_site(session)
    with pytest.raises(ConflictError, match="SH1 can't come back"):
        restore_record(session, STAFF, KINDS, kept)


def test_after_thirty_days_it_is_forgotten(session: ScopedSession) -> None:
    import datetime as dt

    kept = delete_record(session, STAFF, SITE, make_site(session), kinds=KINDS)
    assert purge_deleted(session) == 0
    session.get_one(DeletedRecord, kept).at -= dt.timedelta(days=30, seconds=1)
    session.flush()
    with pytest.raises(NotFoundError):
        restore_record(session, STAFF, KINDS, kept)
    assert purge_deleted(session) == 1


def test_notes_are_kept_and_bounded(session: ScopedSession) -> None:
    site = make_site(session)
    add_note(session, STAFF, SITE, site, " 钥匙在前台 ")
    assert [note.text for note in list_notes(session, STAFF, SITE, site)] == ["钥匙在前台"]
    with pytest.raises(InvalidError):
        add_note(session, STAFF, SITE, site, " ")


def test_a_customer_writes_nothing(session: ScopedSession) -> None:
    site = make_site(session)
    customer = Scope.customer("c@c.example", 1)
    for call in (
        lambda: create_record(session, customer, SITE, {"code": "X", "name": "x"}),
        lambda: change_record(session, customer, SITE, site, {"name": "x"}),
        lambda: delete_record(session, customer, SITE, site),
        lambda: add_note(session, customer, SITE, site, "x"),
    ):
        with pytest.raises(ForbiddenError):
            call()


def test_what_is_kept_of_deletions_is_walled_off_from_customers(
    session: ScopedSession, sessions: SessionFactory
) -> None:
    delete_record(session, STAFF, SITE, make_site(session), kinds=KINDS)
    session.commit()
    with sessions() as other:
        other.use_scope(Scope.customer("c@c.example", 1))
        assert other.scalars(select(DeletedRecord)).all() == []
        # The control: the row is there.
        other.use_scope(STAFF)
        assert len(other.scalars(select(DeletedRecord)).all()) == 1


def test_rows_follow_their_room(session: ScopedSession) -> None:
    room = create_record(
        session, STAFF, ROOM, {"site_id": make_site(session), "code": "R1", "name": "一"}
    )
    row = create_record(session, STAFF, ROW, {"room_id": room.id, "code": "A", "position": 1})
    assert row.titles == {"room_id": "R1"}
