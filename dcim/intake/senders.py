"""Whom datagrams are taken of, by address: kept in memory, read from the database by each kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends from an address. Of an address of an allowed network, no agent."""

    agent_id: int | None = None
    device_id: int | None = None
    shard: int | None = None


SenderT = TypeVar("SenderT", bound=Sender)


@dataclass(frozen=True, slots=True)
class Book(Generic[SenderT]):
    """Senders by address; `stranger` is who an address of the allowed networks is taken for."""

    senders: Mapping[str, SenderT]
    stranger: SenderT
    version: object = None

    def find(self, source: str) -> SenderT:
        return self.senders.get(source, self.stranger)
