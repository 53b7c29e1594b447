"""The devices that are polled: address, credential, profile, how the last poll went, and what
they say that the inventory doesn't."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, Created, Document, Id, Instant, Name
from dcim.db import Base
from dcim.inventory.models import Device
from dcim.network.models import Port


class SnmpCredential(Base):
    """A community or a USM user. The secrets are sealed under owner `snmp-credential/<id>`."""

    __tablename__ = "snmp_credential"

    id: Mapped[Id]
    name: Mapped[Name] = mapped_column(unique=True)
    version: Mapped[Code]
    # USM: the user name and protocols are no secrets; the pass phrases are.
    username: Mapped[Code | None]
    auth_protocol: Mapped[Code | None]
    priv_protocol: Mapped[Code | None]
    context: Mapped[Code] = mapped_column(default="")
    created_at: Mapped[Created]

    __table_args__ = (CheckConstraint("version IN ('1', '2c', '3')", name="version"),)


class SnmpAgent(Base):
    """One polled address of a device."""

    __tablename__ = "snmp_agent"

    id: Mapped[Id]
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"), unique=True)
    credential_id: Mapped[int] = mapped_column(ForeignKey("snmp_credential.id"), index=True)
    address: Mapped[Code]
    udp_port: Mapped[int] = mapped_column(default=161)
    # A poll job is one shard of agents, locked by its number.
    shard: Mapped[int] = mapped_column(SmallInteger, default=0, index=True)
    enabled: Mapped[bool] = mapped_column(Boolean, default=True)
    profile: Mapped[Code] = mapped_column(default="")
    sys_name: Mapped[Name] = mapped_column(default="")
    sys_descr: Mapped[Name] = mapped_column(default="")
    sys_object_id: Mapped[Name] = mapped_column(default="")
    last_poll_at: Mapped[Instant | None]
    last_answer_at: Mapped[Instant | None]
    last_error: Mapped[Name] = mapped_column(default="")
    last_duration_ms: Mapped[int | None]
    # Polls in a row without an answer; drives the back-off.
    silent_polls: Mapped[int] = mapped_column(default=0)
    # The daily comparison with the inventory (dcim.snmp.discovery.checking).
    last_check_at: Mapped[Instant | None]
    last_check_error: Mapped[Name] = mapped_column(default="")
    # When its ports' optics were last read, also if it told of none.
    last_optics_at: Mapped[Instant | None]

    device: Mapped[Device] = relationship()
    credential: Mapped[SnmpCredential] = relationship()

    __table_args__ = (
        UniqueConstraint("address", "udp_port"),
        CheckConstraint("udp_port BETWEEN 1 AND 65535", name="udp_port"),
    )


class PollDrop(Base):
    """What was not accepted of an agent on a UTC day (ts // DAY_MS), or wasn't answered, by reason.

    Without an agent: datagrams from addresses that nobody asked.
    """

    __tablename__ = "poll_drop"

    id: Mapped[Id]
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("snmp_agent.id", ondelete="CASCADE"))
    day: Mapped[int]
    reason: Mapped[Code]
    count: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        UniqueConstraint("agent_id", "day", "reason", postgresql_nulls_not_distinct=True),
        Index("ix_poll_drop_day", "day"),
    )


class Sensor(Base):
    """A thing on a device that measures, accepted by a person. `name` is what it is called there
    for good (see `discovery.examining.see_sensors`); its samples are a series of their own."""

    __tablename__ = "sensor"

    id: Mapped[Id]
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))
    family: Mapped[Code]
    name: Mapped[Name]
    place: Mapped[Name] = mapped_column(default="")

    __table_args__ = (
        UniqueConstraint("device_id", "family", "name"),
        CheckConstraint("family IN ('power', 'climate')", name="family"),
    )


class DiscoveryFinding(Base):
    """One difference between what a device says and what the inventory knows.

    A link's `key` names both ports, so the other end's finding of it has the same. `details` are
    what a person decides on; a decision holds until they change.
    """

    __tablename__ = "discovery_finding"

    id: Mapped[Id]
    agent_id: Mapped[int] = mapped_column(ForeignKey("snmp_agent.id", ondelete="CASCADE"))
    kind: Mapped[Code]
    subject: Mapped[Code]
    key: Mapped[Name]
    details: Mapped[Document]
    # Of a link: the agent's own port, and the one it sees.
    port_id: Mapped[int | None] = mapped_column(
        ForeignKey("port.id", ondelete="CASCADE"), index=True
    )
    other_port_id: Mapped[int | None] = mapped_column(
        ForeignKey("port.id", ondelete="CASCADE"), index=True
    )
    first_seen_at: Mapped[Instant]
    last_seen_at: Mapped[Instant]
    decision: Mapped[Code] = mapped_column(default="")
    decided_at: Mapped[Instant | None]
    decided_by: Mapped[Name] = mapped_column(default="")

    agent: Mapped[SnmpAgent] = relationship()
    port: Mapped[Port | None] = relationship(foreign_keys=[port_id])
    other_port: Mapped[Port | None] = relationship(foreign_keys=[other_port_id])

    __table_args__ = (
        UniqueConstraint("agent_id", "subject", "key"),
        CheckConstraint("kind IN ('new', 'changed', 'gone', 'renamed')", name="kind"),
        CheckConstraint(
            "subject IN ('identity', 'port', 'outlet', 'sensor', 'meter', 'link', 'neighbour')",
            name="subject",
        ),
        CheckConstraint("decision IN ('', 'accepted', 'dismissed')", name="decision"),
        CheckConstraint("(decision = '') = (decided_at IS NULL)", name="decided"),
        CheckConstraint(
            "(subject = 'link') = (port_id IS NOT NULL AND other_port_id IS NOT NULL)",
            name="ends",
        ),
        Index(
            "ix_discovery_finding_open",
            "agent_id",
            postgresql_where=text("decision = ''"),
        ),
    )


class HeardNeighbour(Base):
    """One neighbour that a device heard by LLDP at its last check, as far as it is known: with
    `doubt` empty both ports are (see `discovery.neighbours`).

    What it no longer hears goes; so does a row whose device or port does, until the next check.
    """

    __tablename__ = "heard_neighbour"

    id: Mapped[Id]
    agent_id: Mapped[int] = mapped_column(ForeignKey("snmp_agent.id", ondelete="CASCADE"))
    key: Mapped[Name]
    port_id: Mapped[int | None] = mapped_column(
        ForeignKey("port.id", ondelete="CASCADE"), index=True
    )
    other_device_id: Mapped[int | None] = mapped_column(
        ForeignKey("device.id", ondelete="CASCADE"), index=True
    )
    other_port_id: Mapped[int | None] = mapped_column(
        ForeignKey("port.id", ondelete="CASCADE"), index=True
    )
    doubt: Mapped[Code] = mapped_column(default="")
    # What the device calls its own port, and all that the neighbour says of itself.
    local_port: Mapped[Name]
    chassis: Mapped[Name]
    sys_name: Mapped[Name]
    sys_descr: Mapped[Name]
    remote_port: Mapped[Name]
    remote_descr: Mapped[Name]
    addresses: Mapped[list[str]] = mapped_column(JSONB)
    first_heard_at: Mapped[Instant]
    last_heard_at: Mapped[Instant]

    agent: Mapped[SnmpAgent] = relationship()
    port: Mapped[Port | None] = relationship(foreign_keys=[port_id])
    other_port: Mapped[Port | None] = relationship(foreign_keys=[other_port_id])
    other_device: Mapped[Device | None] = relationship()

    __table_args__ = (
        UniqueConstraint("agent_id", "key"),
        CheckConstraint(
            "doubt IN ('', 'own_port', 'unknown_device', 'several_devices', 'unknown_port',"
            " 'itself')",
            name="doubt",
        ),
        CheckConstraint(
            "doubt <> '' OR (port_id IS NOT NULL AND other_port_id IS NOT NULL)", name="ends"
        ),
    )


class Transceiver(Base):
    """The module in a device's port as it was last read, by the port's name on the device.

    `lanes` are the series of its lanes, the first one's first; `limits` by quantity and limit in
    the units of family `optics` (`reading.optics`). `since` when it, by its serial, is there.
    `rx_lit_ms` and `tx_lit_ms`: when each lane in this port first had light, UTC epoch ms; null:
    it never had.
    """

    __tablename__ = "transceiver"

    id: Mapped[Id]
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))
    port_name: Mapped[Name]
    vendor: Mapped[Name] = mapped_column(default="")
    part: Mapped[Name] = mapped_column(default="")
    serial: Mapped[Name] = mapped_column(default="")
    limits: Mapped[dict[str, dict[str, int]]] = mapped_column(JSONB)
    lanes: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    rx_lit_ms: Mapped[list[int | None]] = mapped_column(ARRAY(BigInteger))
    tx_lit_ms: Mapped[list[int | None]] = mapped_column(ARRAY(BigInteger))
    since: Mapped[Instant]
    read_at: Mapped[Instant]

    __table_args__ = (
        UniqueConstraint("device_id", "port_name"),
        CheckConstraint("since <= read_at", name="times"),
        CheckConstraint("cardinality(lanes) > 0", name="lanes"),
        CheckConstraint("cardinality(rx_lit_ms) = cardinality(lanes)", name="rx_lit"),
        CheckConstraint("cardinality(tx_lit_ms) = cardinality(lanes)", name="tx_lit"),
    )


class LagMember(Base):
    """That a device says, or said, that a port is in a LAG, both by ifName: they needn't be in the
    inventory. `starts_at` is the first check that was told it.

    With `detached_at` it carries nothing since: LACP left it out, or it is down and told no more.
    Open rows are written only where something changes: the board of ports hangs on them.
    """

    __tablename__ = "lag_member"

    id: Mapped[Id]
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))
    lag_name: Mapped[Name]
    port_name: Mapped[Name]
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant | None]
    detached_at: Mapped[Instant | None]

    __table_args__ = (
        Index("ix_lag_member_port", "device_id", "port_name"),
        Index("ix_lag_member_lag", "device_id", "lag_name"),
        Index(
            "uq_lag_member_open",
            "device_id",
            "port_name",
            unique=True,
            postgresql_where=text("ends_at IS NULL"),
        ),
        CheckConstraint("ends_at >= starts_at", name="order"),
        CheckConstraint("lag_name <> port_name", name="itself"),
    )
