"""Customers of an estate: each with a contract, its terms, and items that space is sold by."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from dcim.customers.models import (
    Contact,
    Contract,
    ContractItem,
    ContractTerms,
    Customer,
    ItemVersion,
)
from dcim.demo.estate.names import customer_name
from dcim.demo.estate.plan import Sale, day_of
from dcim.demo.estate.writing import Writer
from dcim.demo.load_customers import read_terms
from dcim.network.models import BandwidthService, ServiceMembership
from dcim.sla.rules.language.loading import load_terms

TERMS = "standard"
FEE_PER_U, FEE_PER_100_W, FEE_OF_A_LINE = Decimal(260), Decimal(45), Decimal(5800)
HUNDRED_MBIT = 100_000_000
OPENED_DAYS = 1_600


@dataclass(slots=True)
class Buyer:
    """A customer as its rows know it; `items` counts those it has."""

    number: int
    customer_id: int
    contract_id: int
    items: int = 0

    @property
    def code(self) -> str:
        return f"D{self.number + 1:05}"


def write_customers(writer: Writer, count: int, day: dt.date) -> list[Buyer]:
    document = read_terms(TERMS)
    digest = load_terms(document).sha256
    opened = day - dt.timedelta(days=OPENED_DAYS)
    return [_write(writer, number, opened, document, digest) for number in range(count)]


def _write(writer: Writer, number: int, opened: dt.date, document: str, digest: str) -> Buyer:
    name, name_en = customer_name(number)
    code = f"D{number + 1:05}"
    noon = dt.datetime.combine(opened, dt.time(4), dt.UTC)
    customer_id = writer.add(
        Customer, code=code, name=name, name_en=name_en, language="zh", active=True,
        created_at=noon,
    )  # fmt: skip
    writer.add(
        Contact, customer_id=customer_id, name="示例联系人",
        email=f"ops@{code.lower()}.example", may_order=True, may_enter=True,
    )  # fmt: skip
    contract_id = writer.add(
        Contract, customer_id=customer_id, number=f"DEMO-{code}", starts_on=opened, ends_on=None,
        signed_at=noon,
    )  # fmt: skip
    writer.add(
        ContractTerms, contract_id=contract_id, customer_id=customer_id, version=1,
        effective_from=opened, document=document, sha256=digest,
    )  # fmt: skip
    return Buyer(number, customer_id, contract_id)


def write_item(writer: Writer, buyer: Buyer, sale: Sale, day: dt.date, *, whole: bool) -> int:
    """The contract item one sale is by; its id."""
    units = sale.height // 2
    fee = FEE_PER_U * units + FEE_PER_100_W * sale.watts / 100
    return _add_item(
        writer, buyer, "rack" if whole else "space",
        (f"{units}U 机位", f"{units}U of rack"), fee, sale.watts,
        day_of(day, sale.starts) or day, day_of(day, sale.ends),
    )  # fmt: skip


def write_service(writer: Writer, buyer: Buyer, port_id: int, day: dt.date) -> None:
    """A line of 100 Mbit/s on one port."""
    starts = day - dt.timedelta(days=200)
    item_id = _add_item(
        writer, buyer, "bandwidth", ("100M 带宽", "100 Mbit/s line"), FEE_OF_A_LINE, None,
        starts, None,
    )  # fmt: skip
    service_id = writer.add(
        BandwidthService, customer_id=buyer.customer_id, contract_item_id=item_id,
        code=f"{buyer.code}-BW1", carrier="CT", commit_bps=HUNDRED_MBIT,
        ceiling_bps=10 * HUNDRED_MBIT,
    )  # fmt: skip
    writer.add(
        ServiceMembership, service_id=service_id, customer_id=buyer.customer_id, port_id=port_id,
        starts_at=dt.datetime.combine(starts, dt.time(4), dt.UTC), ends_at=None,
    )  # fmt: skip


def _add_item(
    writer: Writer,
    buyer: Buyer,
    kind: str,
    labels: tuple[str, str],
    fee: Decimal,
    watts: int | None,
    starts: dt.date,
    ends: dt.date | None,
) -> int:
    buyer.items += 1
    item_id = writer.add(
        ContractItem, contract_id=buyer.contract_id, customer_id=buyer.customer_id,
        code=f"{buyer.code}-{buyer.items:03}", kind=kind, label=labels[0], label_en=labels[1],
        monthly_fee=fee, contracted_w=watts, starts_on=starts, ends_on=ends,
    )  # fmt: skip
    writer.add(
        ItemVersion, item_id=item_id, customer_id=buyer.customer_id, effective_from=starts,
        quantity=Decimal(1), unit_price=None, monthly_fee=fee, contracted_w=watts,
        amendment_id=None,
    )  # fmt: skip
    return item_id
