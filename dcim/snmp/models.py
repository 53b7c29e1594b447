"""The devices that are polled: address, credential, profile, and how the last poll went."""

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dcim.columns import Code, Created, Id, Instant, Name
from dcim.db import Base
from dcim.inventory.models import Device


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

    device: Mapped[Device] = relationship()
    credential: Mapped[SnmpCredential] = relationship()

    __table_args__ = (
        UniqueConstraint("address", "udp_port"),
        CheckConstraint("udp_port BETWEEN 1 AND 65535", name="udp_port"),
    )
