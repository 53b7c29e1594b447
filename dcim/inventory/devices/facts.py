"""What a device's page says beside its place: its type's figures, its supplies, its rental."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import ContractItem
from dcim.errors import NotFoundError
from dcim.inventory.devices.models import DeviceSupply
from dcim.inventory.models import Device, DeviceType


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """Watts, millimetres, grams; none is unknown."""

    device_id: int
    state: str
    provider_owned: bool
    rental_item_id: int | None
    rental_code: str | None
    rental_label: str | None
    rental_label_en: str | None
    purchased_on: dt.date | None
    warranty_until: dt.date | None
    note: str
    slug: str
    part_number: str
    category: str
    airflow: str
    weight_g: int
    width_mm: int | None
    depth_mm: int | None
    rated_w: int
    typical_w: int | None
    source: str


def find_device_facts(session: Session, scope: Scope, device_id: int) -> DeviceFacts:
    """Raises NotFoundError for an absent device and for another's alike."""
    row = session.execute(
        select(
            Device.id.label("device_id"),
            Device.state,
            Device.provider_owned,
            Device.rental_item_id,
            ContractItem.code.label("rental_code"),
            ContractItem.label.label("rental_label"),
            ContractItem.label_en.label("rental_label_en"),
            Device.purchased_on,
            Device.warranty_until,
            Device.note,
            DeviceType.slug,
            DeviceType.part_number,
            DeviceType.category,
            DeviceType.airflow,
            DeviceType.weight_g,
            DeviceType.width_mm,
            DeviceType.depth_mm,
            DeviceType.rated_w,
            DeviceType.typical_w,
            DeviceType.source,
        )
        .join(DeviceType, DeviceType.id == Device.device_type_id)
        .outerjoin(ContractItem, ContractItem.id == Device.rental_item_id)
        .where(Device.id == device_id, scope.filter(Device.customer_id))
    ).one_or_none()
    if row is None:
        raise NotFoundError("There is no such device.")
    return DeviceFacts(**row._mapping)


def list_supplies(session: Session, device_id: int) -> list[DeviceSupply]:
    """The power supplies of a device whose reach was decided before."""
    return list(
        session.scalars(
            select(DeviceSupply)
            .where(DeviceSupply.device_id == device_id)
            .order_by(DeviceSupply.name)
        )
    )
