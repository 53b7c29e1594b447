"""Notifications of an implementation that isn't ours: pysnmp sends, we receive and answer."""

import asyncio
from typing import Any

import pytest
from pysnmp.hlapi.v3arch.asyncio import (
    CommunityData,
    ContextData,
    NotificationType,
    ObjectIdentity,
    SnmpEngine,
    UdpTransportTarget,
    send_notification,
)

from dcim.snmp.wire.usm import user_data
from tests.agents.trap_sender import COMMUNITY
from tests.integration.traps.conftest import USER, TrapHouse

LINK_UP = "1.3.6.1.6.3.1.1.5.4"


def send(who: Any, kind: str, source: str, address: tuple[str, int]) -> Any:
    """What went wrong with it, as pysnmp tells; an inform waits for its answer."""

    async def work() -> Any:
        engine = SnmpEngine()
        target = await UdpTransportTarget.create(address, timeout=3, retries=1)
        target.set_local_address((source, 0))
        told = NotificationType(ObjectIdentity(LINK_UP))
        try:
            answer = await send_notification(engine, who, target, ContextData(), kind, told)
        finally:
            engine.close_dispatcher()
        return answer[0]

    return asyncio.run(work())


@pytest.mark.parametrize("kind", ["trap", "inform"])
@pytest.mark.parametrize("version", ["2c", "3"])
def test_what_pysnmp_sends_is_kept_and_its_informs_are_answered(
    house: TrapHouse, kind: str, version: str
) -> None:
    plain = CommunityData(COMMUNITY.decode(), mpModel=1)  # noqa: S508 - v2c is what is tried
    who = user_data(USER) if version == "3" else plain
    source = "127.0.9.100" if version == "3" else "127.0.9.1"
    with house.receiving() as receiver:
        assert send(who, kind, source, receiver.address) is None
        house.wait_for(lambda: house.count() == 1)
    [row] = house.query("SELECT version, oid, is_inform, severity FROM trap")
    assert tuple(row) == (version, LINK_UP, kind == "inform", "clear")
    assert house.drops() == {}


def test_control_an_inform_with_a_wrong_pass_phrase_has_no_answer(house: TrapHouse) -> None:
    who = user_data(USER.__class__("trapper", "SHA-256", "guessed-words", "AES-128", "guessed-it"))
    with house.receiving() as receiver:
        assert send(who, "inform", "127.0.9.100", receiver.address) is not None
        house.wait_for(lambda: house.drops().get("wrong_digest", 0) >= 1)
    assert house.count() == 0
