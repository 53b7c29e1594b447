"""Device types from files into the database: new, changed, left alone, refused; the catalogue."""

from dataclasses import replace

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.errors import ConflictError, ForbiddenError, InvalidError
from dcim.inventory.devices.models import DeviceTypePort
from dcim.inventory.devices.type_descriptions import PortLine, SupplyLine, TypeDescription
from dcim.inventory.devices.type_files import ReadType
from dcim.inventory.devices.type_import import import_types, load_catalogue, read_catalogue
from dcim.inventory.devices.types import check_device_type, find_lines, free_slug
from dcim.inventory.models import DeviceType
from dcim.inventory.space.placement import install_device
from tests.integration.devices.yard import NOW, SCOPE, Yard, add_device

SWITCH = TypeDescription(
    "Pine", "S1", "pine-s1", 2, category="switch", weight_g=9000, rated_w=300,
    ports=(PortLine("p1", "10gbase-t", 10**10), PortLine("m", "1000base-t", 10**9, mgmt=True)),
    supplies=(SupplyLine("PSU1", "C14", 350, 200),),
)  # fmt: skip


def bring(session: Session, *described: TypeDescription, **options: object) -> list[str]:
    reads = [ReadType(f"{one.slug}.yaml", one) for one in described]
    return [one.action for one in import_types(session, SCOPE, reads, **options)]  # type: ignore[arg-type]


def find(session: Session, slug: str) -> DeviceType:
    return session.scalars(select(DeviceType).where(DeviceType.slug == slug)).one()


def test_new_changed_same(session: Session) -> None:
    assert bring(session, SWITCH, dry_run=True) == ["create"]
    assert session.scalar(select(func.count()).select_from(DeviceType)) == 0
    assert bring(session, SWITCH) == ["create"]
    made = find(session, "pine-s1")
    assert (made.height, made.weight_g, made.category, made.source) == (
        2, 9000, "switch", "pine-s1.yaml",
    )  # fmt: skip
    assert find_lines(session, [made.id]) == {made.id: (SWITCH.ports, SWITCH.supplies)}
    assert bring(session, SWITCH) == ["same"]
    other = replace(SWITCH, weight_g=9500, ports=(PortLine("x", "other"),), source="datasheet")
    assert bring(session, other, existing="skip") == ["skip"]
    assert bring(session, other) == ["update"]
    session.refresh(made)
    assert (made.weight_g, made.source) == (9500, "datasheet")
    assert session.scalars(select(DeviceTypePort.name)).all() == ["x"]
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(one.detail["created"], one.detail["updated"]) for one in entries] == [
        (["pine-s1"], []), ([], ["pine-s1"]),
    ]  # fmt: skip


def test_one_type_in_two_files_and_names_that_disagree(session: Session) -> None:
    assert bring(session, SWITCH, SWITCH) == ["create", "refuse"]
    other = replace(SWITCH, model="S2", slug="pine-s2")
    assert bring(session, other) == ["create"]
    # The slug of one, the names of the other.
    assert bring(session, replace(other, slug="pine-s1")) == ["refuse"]


def test_a_height_that_installed_devices_dont_have(session: Session, yard: Yard) -> None:
    device = add_device(session, yard, "d1")
    install_device(session, SCOPE, device, yard.rack.id, u_low=0, at=NOW)
    taller = TypeDescription("M", "2U", "m-2u", 6)
    assert bring(session, taller) == ["refuse"]
    before = {"slug": "m-2u", "manufacturer": "M", "model": "2U", "height": 4}
    with pytest.raises(ConflictError, match="1 devices of type 2U"):
        check_device_type(session, SCOPE, before, {**before, "height": 6})
    check_device_type(session, SCOPE, before, {**before, "rated_w": 700})


def test_what_no_device_has_is_refused_by_field(session: Session) -> None:
    bring(session, SWITCH)
    before = {"slug": "pine-s1", "manufacturer": "Pine", "model": "S1", "height": 2, "rated_w": 300}
    with pytest.raises(InvalidError) as caught:
        check_device_type(session, SCOPE, before, {**before, "rated_w": 400, "weight_g": 2_000_000})
    assert set(caught.value.fields) == {"rated_w", "weight_g"}


def test_slugs_stay_apart(session: Session) -> None:
    bring(session, SWITCH)
    assert free_slug(session, "Pine", "S1") == "pine-s1-2"
    assert free_slug(session, "Pine", "S9") == "pine-s9"


def test_only_staff(session: Session, yard: Yard) -> None:
    with pytest.raises(ForbiddenError):
        import_types(session, Scope.customer("x", yard.customers["Reed"].id), [])


def test_the_catalogue_comes_once_and_leaves_others_work_alone(session: Session) -> None:
    own = next(one.description for one in read_catalogue() if one.description)
    bring(session, replace(own, weight_g=1))
    first = load_catalogue(session, SCOPE)
    assert [one.action for one in first].count("skip") == 1
    assert {one.action for one in first} == {"create", "skip"}
    assert find(session, own.slug).weight_g == 1
    assert not find(session, own.slug).curated
    again = load_catalogue(session, SCOPE)
    assert {one.action for one in again} == {"same", "skip"}
    curated = select(func.count()).where(DeviceType.curated)
    assert session.scalar(curated) == len(first) - 1


def test_statements_dont_grow_with_files(session: Session) -> None:
    def count(size: int, tag: str) -> int:
        described = [
            replace(SWITCH, model=f"{tag}{number}", slug=f"{tag.lower()}{number}")
            for number in range(size)
        ]
        seen = 0

        def note(*_rest: object) -> None:
            nonlocal seen
            seen += 1

        engine = session.get_bind()
        event.listen(engine, "before_cursor_execute", note)
        try:
            bring(session, *described)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return seen

    count(1, "C")
    assert count(3, "A") == count(60, "B")
