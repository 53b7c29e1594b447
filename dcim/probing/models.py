"""What the prober sends echoes to, how often, and for whom."""

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, Created, Id, Instant, Name
from dcim.customers.models import ContractItem
from dcim.db import Base
from dcim.inventory.models import Site
from dcim.probing.rounds import MOST_ECHOES

# Seconds between rounds: multiples of the clock's beat.
INTERVALS = (10, 20, 30, 60, 120, 300, 600, 900)


class ProbeTarget(Base):
    """An address, and the contract item or the site that its loss, latency and jitter tell of.

    `tcp_port` is where TCP connects to; an ICMP target is asked there where ICMP isn't allowed.
    A `reference` answers whenever the prober's own network works: its gateway, say. Where there
    are some and none answers, the silence of others tells nothing.
    """

    __tablename__ = "probe_target"

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)
    address: Mapped[Code]
    method: Mapped[Code] = mapped_column(default="icmp")
    tcp_port: Mapped[int | None]
    every_s: Mapped[int] = mapped_column(SmallInteger, default=60)
    count: Mapped[int] = mapped_column(SmallInteger, default=5)
    active: Mapped[bool] = mapped_column(default=True)
    reference: Mapped[bool] = mapped_column(default=False)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    contract_item_id: Mapped[int | None] = mapped_column(ForeignKey("contract_item.id"), index=True)
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"), index=True)
    created_at: Mapped[Created]
    # The last round: how its echoes went, and why some weren't sent; empty when all were.
    last_round_at: Mapped[Instant | None]
    last_way: Mapped[Name] = mapped_column(default="")
    last_problem: Mapped[Name] = mapped_column(default="")

    contract_item: Mapped[ContractItem | None] = relationship(foreign_keys=[contract_item_id])
    site: Mapped[Site | None] = relationship()

    __table_args__ = (
        ForeignKeyConstraint(
            ["contract_item_id", "customer_id"],
            ["contract_item.id", "contract_item.customer_id"],
            name="fk_probe_target_item_of_customer",
        ),
        CheckConstraint("num_nonnulls(contract_item_id, site_id) = 1", name="measures"),
        CheckConstraint("(contract_item_id IS NULL) = (customer_id IS NULL)", name="customer"),
        CheckConstraint("method IN ('icmp', 'tcp')", name="method"),
        CheckConstraint("method = 'icmp' OR tcp_port IS NOT NULL", name="tcp_needs_port"),
        CheckConstraint("tcp_port BETWEEN 1 AND 65535", name="tcp_port"),
        CheckConstraint(f"every_s IN ({', '.join(map(str, INTERVALS))})", name="every"),
        CheckConstraint(f"count BETWEEN 1 AND {MOST_ECHOES}", name="count"),
    )
