"""Device types, devices, the steps of their lives and passes as kinds of records.

`create` of a device enters it without ports, which this layer doesn't know; the kind with ports
is `dcim.network.equipping.DEVICE`.
"""

from typing import Any

from sqlalchemy import ColumnElement, Text, case, cast, func, select

from dcim.accounts.roles import Right
from dcim.accounts.scope import Scope
from dcim.customers.kinds import CUSTOMER
from dcim.inventory.devices.changes import (
    check_device,
    create_device,
    delete_device,
    update_device,
)
from dcim.inventory.devices.models import DeviceTransition, EquipmentPass
from dcim.inventory.devices.type_descriptions import (
    DEEPEST_MM,
    HEAVIEST_G,
    HIGHEST,
    STRONGEST_W,
    WIDEST_MM,
)
from dcim.inventory.devices.types import check_device_type, create_device_type
from dcim.inventory.models import Device, DeviceType, Installation, Rack, Site
from dcim.inventory.rail_columns import printed_low
from dcim.records.fields import (
    ChoiceType,
    DayType,
    Field,
    FlagType,
    HalfUnitsType,
    InstantType,
    IntegerType,
    ReferenceType,
    TextType,
    mark,
)
from dcim.records.kinds import Kind

CODE = TextType(64, code=True)
SHORT = TextType(64)
CATEGORY_WORDS = {
    "server": mark("Server"),
    "storage": mark("Storage"),
    "switch": mark("Switch"),
    "router": mark("Router"),
    "firewall": mark("Firewall"),
    "pdu": mark("PDU"),
    "ups": mark("UPS"),
    "panel": mark("Patch panel"),
    "blank": mark("Blanking panel"),
    "cable_manager": mark("Cable manager"),
    "chassis": mark("Chassis"),
    "other": mark("Other"),
}
AIRFLOW_WORDS = {
    "front-to-rear": mark("Front to rear"),
    "rear-to-front": mark("Rear to front"),
    "left-to-right": mark("Left to right"),
    "right-to-left": mark("Right to left"),
    "side-to-rear": mark("Side to rear"),
    "passive": mark("Passive"),
    "mixed": mark("Mixed"),
}
STATE_WORDS = {
    "planned": mark("Planned"),
    "in_stock": mark("In stock"),
    "installed": mark("Installed"),
    "in_service": mark("In service"),
    "in_repair": mark("In repair"),
    "removed": mark("Removed"),
    "returned": mark("Returned"),
    "destroyed": mark("Destroyed"),
}
PASS_STATE_WORDS = {
    "requested": mark("Requested"),
    "approved": mark("Approved"),
    "refused": mark("Refused"),
    "passed": mark("Through the gate"),
    "cancelled": mark("Cancelled"),
}
DIRECTION_WORDS = {"in": mark("Into the house"), "out": mark("Out")}


def _own_device(scope: Scope) -> ColumnElement[bool] | None:
    return None if scope.is_staff else scope.filter(Device.customer_id)


def _own_transition(scope: Scope) -> ColumnElement[bool] | None:
    return None if scope.is_staff else scope.filter(DeviceTransition.customer_id)


def _own_pass(scope: Scope) -> ColumnElement[bool] | None:
    return None if scope.is_staff else scope.filter(EquipmentPass.customer_id)


def _place() -> Any:
    """ "A-03 U10", or "A-03 0U" on the side rail; none for what stands nowhere."""
    unit = case(
        (Installation.u_low.is_(None), " 0U"),
        else_=func.concat(" U", cast(printed_low(Installation) // 2 + 1, Text)),
    )
    return (
        select(func.concat(Rack.code, unit))
        .select_from(Installation)
        .join(Rack, Rack.id == Installation.rack_id)
        .where(Installation.device_id == Device.id)
        .correlate(Device)
        .scalar_subquery()
    )


def _site_code() -> Any:
    return (
        select(Site.code)
        .where(Site.id == EquipmentPass.site_id)
        .correlate(EquipmentPass)
        .scalar_subquery()
    )


DEVICE_TYPE = Kind(
    name="device_type",
    plural="device-types",
    label=mark("Device type"),
    label_plural=mark("Device types"),
    model=DeviceType,
    fields=(
        Field("manufacturer", mark("Manufacturer"), required=True, searched=True),
        Field("model", mark("Model"), required=True, searched=True),
        Field(
            "slug", mark("Slug"), CODE, fixed=True, searched=True, listed=False, bulk=False,
            hint=mark("Made of the names where none is given."),
        ),
        Field("part_number", mark("Part number"), SHORT, default="", searched=True, listed=False),
        Field("category", mark("Category"), ChoiceType(CATEGORY_WORDS), default="other"),
        Field("height", mark("Height"), HalfUnitsType(0, HIGHEST), required=True, unit="U"),
        Field("full_depth", mark("Full depth"), FlagType(), default=True),
        Field("half_width", mark("Half width"), FlagType(), default=False, listed=False),
        Field(
            "airflow", mark("Airflow"), ChoiceType(AIRFLOW_WORDS), default="", blank="",
            listed=False,
        ),
        Field(
            "weight_g", mark("Weight"), IntegerType(0, HEAVIEST_G), default=0, blank=0, unit="g"
        ),
        Field(
            "width_mm", mark("Width"), IntegerType(0, WIDEST_MM), unit="mm", listed=False,
            group=mark("Size"),
        ),
        Field(
            "depth_mm", mark("Depth"), IntegerType(0, DEEPEST_MM), unit="mm", listed=False,
            group=mark("Size"),
        ),
        Field(
            "rated_w", mark("Nameplate"), IntegerType(0, STRONGEST_W), default=0, blank=0, unit="W"
        ),
        Field("typical_w", mark("Typical"), IntegerType(0, STRONGEST_W), unit="W", listed=False),
        Field("source", mark("Source of the figures"), default="", listed=False, wide=True),
        Field("curated", mark("Of the catalogue"), FlagType(), readonly=True),
    ),
    key=("manufacturer", "model"),
    see=Right.SEE_SPACE,
    change=Right.CHANGE_DEVICES,
    check=check_device_type,
    create=create_device_type,
    section="devices",
    constraints={
        "uq_device_type_slug": mark("Another device type has this slug."),
    },
)  # fmt: skip

DEVICE = Kind(
    name="device",
    plural="devices",
    label=mark("Device"),
    label_plural=mark("Devices"),
    model=Device,
    fields=(
        Field("name", mark("Name"), required=True, searched=True, bulk=False),
        Field(
            "device_type_id", mark("Type"), ReferenceType(lambda: DEVICE_TYPE), required=True
        ),
        Field("role", mark("Role"), SHORT, required=True),
        Field("customer_id", mark("Customer"), ReferenceType(lambda: CUSTOMER)),
        Field("place", mark("Place"), expression=_place, filtered=False),
        Field("state", mark("State"), ChoiceType(STATE_WORDS), default="in_stock", fixed=True),
        Field("serial", mark("Serial number"), SHORT, searched=True, bulk=False),
        Field("asset_tag", mark("Asset tag"), SHORT, searched=True, bulk=False),
        Field(
            "provider_owned", mark("Operator's machine"), FlagType(), readonly=True, listed=False
        ),
        Field("purchased_on", mark("Purchased"), DayType(), listed=False),
        Field("warranty_until", mark("Warranty until"), DayType(), listed=False),
        Field("note", mark("Note"), default="", wide=True, listed=False, internal=True),
        Field("created_at", mark("Entered"), InstantType(), readonly=True, listed=False),
    ),
    key=("name",),
    see=Right.SEE_SPACE,
    change=Right.CHANGE_DEVICES,
    own=Right.OWN_THINGS,
    reach=_own_device,
    owner="customer_id",
    check=check_device,
    create=create_device,
    update=update_device,
    delete=delete_device,
    page=("staff.device", "device_id"),
    section="devices",
)  # fmt: skip

DEVICE_TRANSITION = Kind(
    name="device_transition",
    plural="device-transitions",
    label=mark("Step of a device's life"),
    label_plural=mark("Steps of devices' lives"),
    model=DeviceTransition,
    fields=(
        Field("device_id", mark("Device"), ReferenceType(lambda: DEVICE), readonly=True),
        Field("at", mark("When"), InstantType(), readonly=True),
        Field("from_state", mark("Before"), ChoiceType(STATE_WORDS), readonly=True),
        Field("to_state", mark("After"), ChoiceType(STATE_WORDS), readonly=True),
        Field("actor", mark("Who"), readonly=True, searched=True, internal=True),
        Field("note", mark("Note"), readonly=True, searched=True, internal=True),
        Field(
            "customer_id", mark("Customer"), ReferenceType(lambda: CUSTOMER), readonly=True,
            listed=False,
        ),
    ),
    key=("device_id", "at"),
    title="at",
    see=Right.SEE_SPACE,
    change=Right.CHANGE_DEVICES,
    own=Right.OWN_THINGS,
    reach=_own_transition,
    owner="customer_id",
    default_sort="-at",
    creatable=False,
    deletable=False,
    importable=False,
    section="devices",
)  # fmt: skip

EQUIPMENT_PASS = Kind(
    name="equipment_pass",
    plural="equipment-passes",
    label=mark("Pass"),
    label_plural=mark("Passes"),
    model=EquipmentPass,
    fields=(
        Field("number", mark("Number"), CODE, readonly=True, searched=True),
        Field("direction", mark("Direction"), ChoiceType(DIRECTION_WORDS), readonly=True),
        Field("site", mark("Site"), expression=_site_code, filtered=False),
        Field("customer_id", mark("Customer"), ReferenceType(lambda: CUSTOMER), readonly=True),
        Field("bearer", mark("Who carries it"), readonly=True, searched=True),
        Field("planned_on", mark("Day"), DayType(), readonly=True),
        Field("state", mark("State"), ChoiceType(PASS_STATE_WORDS), readonly=True),
        Field("requested_by", mark("Requested by"), readonly=True, listed=False),
        Field("requested_at", mark("Requested"), InstantType(), readonly=True, listed=False),
        Field("checked_at", mark("At the gate"), InstantType(), readonly=True, listed=False),
    ),
    key=("number",),
    see=Right.SEE_SPACE,
    change=Right.CHANGE_DEVICES,
    own=Right.OWN_THINGS,
    reach=_own_pass,
    owner="customer_id",
    default_sort="-number",
    creatable=False,
    deletable=False,
    importable=False,
    page=("staff.equipment_pass", "pass_id"),
    new_page="staff.add_pass",
    section="devices",
)
