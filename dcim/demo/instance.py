"""What makes one demo instance: its anchor, its agents' ports and its random SNMP secrets."""

import json
import os
import secrets
import socket
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dcim.demo.plan import SEED, make_plan
from dcim.demo.plan_parts import DemoPlan
from dcim.errors import JifangError

DEMO_FILE = "demo.json"
# Below the range from which systems lend ports to clients (Linux: 32768 up).
LOWEST_PORT, HIGHEST_PORT = 20_000, 31_000
ATTEMPTS = 200


@dataclass(frozen=True)
class DemoInstance:
    """Kept in the data folder, readable by its owner alone. `anchor_ms`: when the demo was made."""

    seed: int
    anchor_ms: int
    base_port: int
    community: str = field(repr=False)
    v3_user: str
    v3_auth_password: str = field(repr=False)
    v3_priv_password: str = field(repr=False)
    host: str = "127.0.0.1"

    def plan(self) -> DemoPlan:
        return make_plan(self.anchor_ms, self.seed)


def open_demo(data: Path) -> DemoInstance | None:
    """The demo of this data folder, or None where there is none."""
    try:
        words = (data / DEMO_FILE).read_text("utf-8")
    except FileNotFoundError:
        return None
    return DemoInstance(**json.loads(words))


def create_demo(data: Path, now_ms: int, *, base_port: int | None = None) -> DemoInstance:
    """Make the demo of this data folder, or open the one there is: an instance has one for life."""
    existing = open_demo(data)
    if existing is not None:
        return existing
    agents = len(make_plan(now_ms).agents)
    demo = DemoInstance(
        seed=SEED,
        anchor_ms=now_ms,
        base_port=base_port or find_free_ports(agents),
        community=secrets.token_urlsafe(18),
        v3_user=f"jifang-{secrets.token_hex(3)}",
        v3_auth_password=secrets.token_urlsafe(24),
        v3_priv_password=secrets.token_urlsafe(24),
    )
    handle = os.open(data / DEMO_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(_plain(demo), file, indent=1)
    return demo


def _plain(demo: DemoInstance) -> dict[str, Any]:
    return asdict(demo)


def find_free_ports(count: int, host: str = "127.0.0.1") -> int:
    """The first of `count` UDP ports in a row that nobody listens on."""
    for _ in range(ATTEMPTS):
        base = LOWEST_PORT + secrets.randbelow(HIGHEST_PORT - LOWEST_PORT - count)
        if _all_free(host, base, count):
            return base
    raise JifangError("No %(count)s UDP ports in a row are free for the demo.", count=count)


def _all_free(host: str, base: int, count: int) -> bool:
    with ExitStack() as stack:
        for port in range(base, base + count):
            probe = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True
