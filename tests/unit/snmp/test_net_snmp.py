"""Our own v3 reader against Net-SNMP's agent, beside pysnmp's; where snmpd is installed."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dcim.snmp.wire import faults
from dcim.snmp.wire.ber import VarBind
from dcim.snmp.wire.engine import Engine
from dcim.snmp.wire.target import Target, UsmCredentials

SNMPD = shutil.which("snmpd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(not SNMPD, reason="Net-SNMP's agent is not installed")

SYSTEM = (1, 3, 6, 1, 2, 1, 1)
SYS_NAME = (*SYSTEM, 5, 0)
UPTIME = (*SYSTEM, 3, 0)
# Ours, and what Net-SNMP calls the same.
AUTHENTICATION = {
    "MD5": "MD5",
    "SHA": "SHA",
    "SHA-224": "SHA-224",
    "SHA-256": "SHA-256",
    "SHA-384": "SHA-384",
    "SHA-512": "SHA-512",
}
PRIVACY = {
    "AES-128": "AES",
    "AES-192-BLUMENTHAL": "AES-192",
    "AES-256-BLUMENTHAL": "AES-256",
    "AES-192": "AES-192-C",
    "AES-256": "AES-256-C",
}
COMBINATIONS = [
    *[(auth, "none") for auth in AUTHENTICATION],
    *[(auth, "AES-128") for auth in AUTHENTICATION],
    *[(auth, priv) for auth in ("SHA", "SHA-256") for priv in PRIVACY if priv != "AES-128"],
]


def user_of(auth: Any, priv: Any, **changes: Any) -> UsmCredentials:
    given: dict[str, Any] = {
        "user": f"u-{auth}-{priv}".lower(),
        "auth": auth,
        "auth_password": "authpass-1",
        "priv": priv,
        "priv_password": "privpass-1",
    }
    return UsmCredentials(**(given | changes))


NOC = user_of("SHA-256", "AES-128")


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def write_settings(folder: Path, port: int) -> Path:
    lines = [f"agentaddress udp:127.0.0.1:{port}", "sysname edge-1", "rouser nobody noauth"]
    lines.append("createUser nobody")
    for auth, priv in COMBINATIONS:
        user = user_of(auth, priv).user
        secret = "" if priv == "none" else f' {PRIVACY[priv]} "privpass-1"'
        lines.append(f'createUser {user} {AUTHENTICATION[auth]} "authpass-1"{secret}')
        lines.append(f"rouser {user} {'auth' if priv == 'none' else 'priv'}")
    settings = folder / "snmpd.conf"
    settings.write_text("\n".join(lines) + "\n", encoding="ascii")
    return settings


@contextmanager
def running(settings: Path, port: int) -> Iterator[None]:
    """Start snmpd and wait until it answers a discovery."""
    assert SNMPD
    folder = settings.parent
    process = subprocess.Popen(
        [SNMPD, "-f", "-C", "-c", str(settings), "-Lf", str(folder / "log"), "-r", "-p", ""],
        env={**os.environ, "SNMP_PERSISTENT_DIR": str(folder / "kept"), "MIBS": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 10
        while not asyncio.run(_answers(port)):
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail((folder / "log").read_text(encoding="utf-8", errors="replace"))
        yield
    finally:
        process.terminate()
        process.wait(10)


async def _answers(port: int) -> bool:
    async with Engine() as engine:
        try:
            await engine.get(target(port, UsmCredentials("nobody"), timeout_s=0.2), [UPTIME])
        except (faults.Timeout, faults.Refused):
            await asyncio.sleep(0.05)
            return False
        return True


def target(port: int, user: UsmCredentials, **changes: Any) -> Target:
    given: dict[str, Any] = {"timeout_s": 2.0, "retries": 0}
    return Target("127.0.0.1", port, version="3", credentials=user, **(given | changes))


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    number = free_port()
    settings = write_settings(tmp_path_factory.mktemp("snmpd"), number)
    with running(settings, number):
        yield number


def constant(varbinds: list[VarBind]) -> list[VarBind]:
    return [varbind for varbind in varbinds if varbind.oid != UPTIME]


@pytest.mark.parametrize(("auth", "priv"), [("none", "none"), *COMBINATIONS])
def test_both_readers_read_the_same(port: int, auth: Any, priv: Any) -> None:
    user = UsmCredentials("nobody") if auth == "none" else user_of(auth, priv)

    async def work() -> None:
        async with Engine() as own, Engine(fast_v3=False) as pysnmp:
            there = target(port, user)
            found = await own.walk(there, SYSTEM)
            assert dict(found)[SYS_NAME].octets == b"edge-1"
            assert constant(found) == constant(await pysnmp.walk(there, SYSTEM))
            assert not own.drops
            assert own._usm is None

    asyncio.run(work())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"user": "stranger"}, faults.UnknownUser),
        ({"auth_password": "authpass-2"}, faults.WrongDigest),
        ({"priv": "none"}, faults.AgentError),  # authorizationError
        ({"context": "other"}, faults.Timeout),  # of these two Net-SNMP says nothing
        ({"priv_password": "privpass-2"}, faults.Timeout),
    ],
)
@pytest.mark.parametrize("fast", [True, False], ids=["own", "pysnmp"])
def test_causes_are_told_apart(
    port: int, fast: bool, change: dict[str, Any], fault: type[Exception]
) -> None:
    async def work() -> None:
        async with Engine(fast_v3=fast) as engine:
            wrong = UsmCredentials(**{**NOC.__dict__, **change})
            with pytest.raises(fault):
                await engine.get(target(port, wrong, timeout_s=0.5), [UPTIME])
            assert (await engine.get(target(port, NOC), [SYS_NAME]))[0].value.octets == b"edge-1"

    asyncio.run(work())


@pytest.mark.parametrize("forgets", [False, True], ids=["restarted", "reset"])
def test_an_agent_that_starts_again_is_read_on(tmp_path: Path, forgets: bool) -> None:
    """`reset` loses its engine id with its folder, and counts its starts from the beginning."""
    number = free_port()
    settings = write_settings(tmp_path, number)

    with asyncio.Runner() as runner:
        engine = runner.run(Engine().__aenter__())
        for _ in range(2):
            with running(settings, number):
                found = runner.run(engine.get(target(number, NOC), [SYS_NAME]))
                assert found[0].value.octets == b"edge-1"
            if forgets:
                shutil.rmtree(tmp_path / "kept")
        runner.run(engine.__aexit__(None, None, None))
