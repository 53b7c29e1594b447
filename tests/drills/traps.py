"""Traps of a whole data centre, a flood, and garbage, received by `dcim traps` itself.

Senders are loopback addresses. First 200 devices send 20 a second each for a minute, every trap
another one, with limits of 25 a second each and 5,000 in all: every one must be stored, and how
long the last ones take from the wire to the table is told. Then one device sends 50,000 a second
(or what the machine gives) while another one sends its first trap: that must be in the table within
5 seconds, and so must a kind of trap that is new in the flood. Then 100,000 mutated datagrams: the
receiver must live, and the next 200 sound traps all be stored.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from sqlalchemy import insert, text

from dcim.accounts.scope import Scope
from dcim.config import write_settings_file
from dcim.db import SessionFactory, transaction
from dcim.instance import Instance, open_instance
from dcim.inventory.models import Device
from dcim.snmp.agents.registration import find_or_make_device, store_credential
from dcim.snmp.wire import ber
from dcim.snmp.wire.target import UsmCredentials
from tests.agents.trap_sender import COMMUNITY, V3Sender, open_at, v1, v2c
from tests.drills.outcome import Outcome, Say

SOURCES, RATE, SECONDS = 200, 20, 60
FLOOD_RATE, FLOOD_S = 50_000, 10
MUTATED, SOUND = 100_000, 200
WITHIN_S = 5.0
SETTINGS = {
    "DCIM_SNMP_ALLOWED": "127.0.0.0/8",
    "DCIM_LOG_LEVEL": "WARNING",
    "DCIM_TRAP_SOURCE_RATE": "25",
    "DCIM_TRAP_SOURCE_BURST": "50",
    "DCIM_TRAP_TOTAL_RATE": "5000",
}
SYSTEM = Scope.system("drill")
NEW = (1, 3, 6, 1, 4, 1, 99_999, 0, 1)
_CODE = Path(__file__).parents[2]


def run(draw: Random, rounds: int | None, say: Say) -> Outcome:
    return measure(draw, rounds or SECONDS, MUTATED, say)


def measure(draw: Random, seconds: int, mutated: int, say: Say) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="drill-") as directory:
        data = Path(directory) / "instance"
        data.mkdir(mode=0o700)
        port = _free_port()
        write_settings_file(data, SETTINGS | {"DCIM_TRAP_LISTEN": f"127.0.0.1:{port}"})
        with open_instance(data) as instance:
            instance.upgrade()
            sessions = instance.make_sessions()
            try:
                _register(instance, sessions)
                return _drill(data, sessions, ("127.0.0.1", port), draw, seconds, mutated, say)
            finally:
                sessions.kw["bind"].dispose()


def _drill(
    data: Path,
    sessions: SessionFactory,
    at: tuple[str, int],
    draw: Random,
    seconds: int,
    mutated: int,
    say: Say,
) -> Outcome:
    with _receiver(data) as process:
        _until(lambda: _try_once(sessions, at), 60)
        say("receiving")
        sent, stored, drain_s = _steady(sessions, at, seconds)
        steady_drops = _drops(sessions)
        say(f"{stored} of {sent} stored; the last {drain_s:.1f} s after it was sent")
        rate, quiet_s, new_s = _flood(sessions, at)
        say(f"flood of {rate:,.0f}/s: quiet device in {quiet_s:.1f} s, new kind in {new_s:.1f} s")
        sound = _garbage(sessions, at, draw, mutated)
        say(f"{sound} of {SOUND} after {mutated:,} mutated")
        alive = process.poll() is None
        memory = _peak_memory(process.pid)
    drops = _drops(sessions)
    passed = (
        sent == stored
        and not steady_drops
        and max(quiet_s, new_s) <= WITHIN_S
        and sound == SOUND
        and alive
        and "unexpected" not in drops
    )
    told = ", ".join(f"{reason} {count:,}" for reason, count in sorted(drops.items()))
    return Outcome(
        passed,
        [
            ("Devices, traps a second each, seconds", f"{SOURCES}, {RATE}, {seconds}"),
            ("Sent, stored", f"{sent:,}, {stored:,}"),
            ("The last stored after it was sent", f"{drain_s:.1f} s"),
            ("Flood of one device, for", f"{rate:,.0f} a second, {FLOOD_S} s"),
            ("A quiet device's first trap in the table", f"{quiet_s:.1f} s"),
            ("A kind that is new in the flood", f"{new_s:.1f} s"),
            ("Mutated datagrams, then sound ones stored", f"{mutated:,}, {sound} of {SOUND}"),
            ("Receiver alive, most memory of its two processes", f"{alive}, {memory:.0f} MB"),
            ("Not taken in all", told),
        ],
    )


def _steady(sessions: SessionFactory, at: tuple[str, int], seconds: int) -> tuple[int, int, float]:
    """(sent, stored, seconds from the last one sent to the last one stored)."""
    senders = [open_at(_address(number)) for number in range(SOURCES)]
    before, due, sent = _stored(sessions), time.monotonic(), 0
    for step in range(seconds * RATE):
        time.sleep(max(0.0, due - time.monotonic()))
        for sender in senders:
            sender.sendto(v2c(number=step + 1), at)
            sent += 1
        # A sender that the machine held up goes on; it doesn't make up for it all at once.
        due = max(due + 1 / RATE, time.monotonic() - 0.25)
    ended = time.monotonic()
    _close(senders)
    _until(lambda: _stored(sessions) - before >= sent, 120)
    return sent, _stored(sessions) - before, time.monotonic() - ended


def _flood(sessions: SessionFactory, at: tuple[str, int]) -> tuple[float, float, float]:
    """(datagrams a second, seconds until the quiet one's trap shows, until the new kind does)."""
    code = (
        "import sys, time; from tests.agents.trap_sender import open_at, v2c\n"
        "address, port, rate, seconds = sys.argv[1], *map(int, sys.argv[2:])\n"
        "device = open_at(address); packets = [v2c(number=n) for n in range(1000)]\n"
        "began = time.monotonic(); sent = 0\n"
        "while (passed := time.monotonic() - began) < seconds:\n"
        "    while sent < passed * rate:\n"
        "        for _ in range(50): device.sendto(packets[sent % 1000], ('127.0.0.1', port)); "
        "sent += 1\n"
        "        passed = time.monotonic() - began\n"
        "        if passed >= seconds: break\n"
        "    time.sleep(0.0002)\n"
        "print(sent)\n"
    )
    argv = [sys.executable, "-c", code, _address(0), str(at[1]), str(FLOOD_RATE), str(FLOOD_S)]
    flooding = subprocess.Popen(argv, cwd=_CODE, stdout=subprocess.PIPE, text=True)
    time.sleep(FLOOD_S / 2)
    shown: dict[str, float] = {}

    def send(name: str, address: str) -> None:
        with open_at(address) as device:
            began = time.monotonic()
            # A new kind of the loud device itself, and the first of a device that was silent.
            device.sendto(v2c(NEW, 1), at)
            _until(lambda: _has(sessions, address), 60)
            shown[name] = time.monotonic() - began

    threads = [
        threading.Thread(target=send, args=(name, _address(number)))
        for name, number in (("quiet", SOURCES), ("new", 0))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent = int(flooding.communicate()[0])
    return sent / FLOOD_S, shown.get("quiet", 99.0), shown.get("new", 99.0)


def _garbage(sessions: SessionFactory, at: tuple[str, int], draw: Random, mutated: int) -> int:
    """How many of the sound traps behind the mutated ones are stored."""
    originals = [v2c(), v1(), v2c(pdu=ber.INFORM), V3Sender(UsmCredentials("nobody")).trap()]
    senders = [open_at(_address(number)) for number in range(SOURCES)]
    for number in range(mutated):
        packet = bytearray(draw.choice(originals))
        for _ in range(draw.randrange(1, 8)):
            packet[draw.randrange(len(packet))] = draw.randrange(256)
        senders[number % SOURCES].sendto(bytes(packet[: draw.randrange(1, len(packet) + 1)]), at)
        if number % 4_000 == 0:
            time.sleep(0.5)  # within what all may send
    time.sleep(3)
    for number, sender in enumerate(senders[:SOUND]):
        sender.sendto(v2c((*NEW, 9), number), at)
    _close(senders)
    count = "SELECT count(*) FROM trap WHERE oid = '1.3.6.1.4.1.99999.0.1.9'"
    _until(lambda: _number(sessions, count) >= SOUND, 30)
    return _number(sessions, count)


# -- the instance


def _address(number: int) -> str:
    return f"127.0.{5 + number // 200}.{1 + number % 200}"


def _register(instance: Instance, sessions: SessionFactory) -> None:
    addresses = [_address(number) for number in range(SOURCES + 1)]
    with transaction(sessions, SYSTEM) as session:
        keys, words = instance.settings.encryption, COMMUNITY.decode()
        credential = store_credential(
            session, SYSTEM, keys, name="traps", version="2c", community=words
        )
        one = find_or_make_device(
            session, SYSTEM, "switch", role="switch", manufacturer="Load", model="48"
        )
        shared = {"device_type_id": one.device_type_id, "role": "switch", "state": "in_stock"}
        session.execute(insert(Device), [{"name": each, **shared} for each in addresses])
        session.execute(
            text(
                "INSERT INTO snmp_agent (device_id, credential_id, address, udp_port, shard,"
                " enabled, profile, sys_name, sys_descr, sys_object_id, last_error, silent_polls,"
                " last_check_error) SELECT d.id, :credential, d.name, 161, 0, true, '', '', '', '',"
                " '', 0, '' FROM device d WHERE d.name = ANY(:addresses)"
            ),
            {"credential": credential.id, "addresses": addresses},
        )


@contextmanager
def _receiver(data: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {"DCIM_DATA": str(data)}
    process = subprocess.Popen(
        [sys.executable, "-m", "dcim.cli", "traps"], cwd=_CODE, env=environment
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _try_once(sessions: SessionFactory, at: tuple[str, int]) -> bool:
    with open_at(_address(1)) as device:
        device.sendto(v2c((1, 3, 6, 1, 4, 1, 99_999, 0, 99)), at)
    time.sleep(0.5)
    return bool(_stored(sessions))


def _until(done: Callable[[], bool], within_s: float) -> None:
    began = time.monotonic()
    while not done() and time.monotonic() - began < within_s:
        time.sleep(0.1)


def _number(sessions: SessionFactory, statement: str) -> int:
    with transaction(sessions, SYSTEM) as session:
        return int(session.execute(text(statement)).scalar_one() or 0)


def _stored(sessions: SessionFactory) -> int:
    return _number(sessions, "SELECT sum(count) FROM trap")


def _has(sessions: SessionFactory, address: str) -> bool:
    oid = ".".join(map(str, NEW))
    where = f"oid = '{oid}' AND source = '{address}'"
    return bool(_number(sessions, f"SELECT count(*) FROM trap WHERE {where}"))  # noqa: S608


def _drops(sessions: SessionFactory) -> dict[str, int]:
    with transaction(sessions, SYSTEM) as session:
        rows = session.execute(text("SELECT reason, sum(count) FROM trap_drop GROUP BY reason"))
        return {reason: int(count) for reason, count in rows}


def _peak_memory(pid: int) -> float:
    """Peak resident memory of a process and its child, MB."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    total = 0
    for each in (str(pid), *children):
        for line in Path(f"/proc/{each}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                total += int(line.split()[1])
    return total / 1000


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _close(senders: list[socket.socket]) -> None:
    for sender in senders:
        sender.close()
