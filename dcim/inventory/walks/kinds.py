"""Cabinet walks as a kind of record: listed and exported, written by walking only."""

from typing import Any

from sqlalchemy import func, select

from dcim.accounts.roles import Right
from dcim.inventory.models import Cabinet
from dcim.inventory.walks.models import CabinetWalk, WalkFinding
from dcim.records.fields import Field, InstantType, IntegerType, TextType, mark
from dcim.records.kinds import Kind


def count_differences() -> Any:
    return (
        select(func.count())
        .select_from(WalkFinding)
        .where(WalkFinding.walk_id == CabinetWalk.id, WalkFinding.verdict != "as_recorded")
        .correlate(CabinetWalk)
        .scalar_subquery()
    )


def name_cabinet() -> Any:
    return (
        select(Cabinet.code)
        .where(Cabinet.id == CabinetWalk.cabinet_id)
        .correlate(CabinetWalk)
        .scalar_subquery()
    )


CABINET_WALK = Kind(
    name="cabinet_walk",
    plural="cabinet-walks",
    label=mark("Cabinet audit"),
    label_plural=mark("Cabinet audits"),
    model=CabinetWalk,
    fields=(
        Field("cabinet", mark("Cabinet"), TextType(), expression=name_cabinet),
        Field("started_at", mark("Started at"), InstantType(), readonly=True),
        Field("started_by", mark("Started by"), readonly=True, searched=True),
        Field("finished_at", mark("Certified at"), InstantType(), readonly=True),
        Field("finished_by", mark("Certified by"), readonly=True, searched=True),
        Field("differences", mark("Differences"), IntegerType(), expression=count_differences),
        Field(
            "note", mark("Note"), TextType(longest=4000, multiline=True), readonly=True, wide=True
        ),
    ),
    key=("started_at",),
    title="cabinet",
    see=Right.SEE_SPACE,
    change=Right.CHANGE_SPACE,
    default_sort="-finished_at",
    deletable=False,
    creatable=False,
    importable=False,
    page=("staff.walk_summary", "walk_id"),
    section="space",
)
KINDS = (CABINET_WALK,)
