"""Lists, searches and a cabinet's page under 20 clients on gunicorn, beside /healthz alone.

The bound is five times the p99 of /healthz, which is measured alone with 20 clients before and
after, or 250 ms, whichever is larger. Clients, server and database share this machine.
"""

import base64
import http.client
import os
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.models import Role, User
from dcim.accounts.people import ensure_roles
from dcim.accounts.tokens import create_token
from dcim.app import create_app
from dcim.config import EncryptionKeys, Settings
from dcim.db import transaction
from dcim.inventory.models import Cabinet, Device
from dcim.supervisor import web
from tests.benchmarks.estate import SCOPE, Estate, Say, median, percentile, running_estate

RACKS = 20_000
CLIENTS = 20
SECONDS = 8
FLOOR_MS = 250.0
SECRET_KEY = secrets.token_urlsafe(36)
KEY = secrets.token_bytes(32)

Headers = dict[str, str]


def run(racks: int, say: Say) -> list[tuple[str, str]]:
    with running_estate(racks, say) as estate:
        with transaction(estate.sessions, SCOPE) as session:
            headers = sign_in(estate, session)
            paths = choose_paths(session)
        with serving(estate) as port:
            return measure(port, headers, paths, racks, say)


def sign_in(estate: Estate, session: Session) -> Headers:
    """A session's cookie for the pages and a token for the API."""
    settings = Settings(
        data=estate.folder, secret_key=SECRET_KEY, encryption=EncryptionKeys("k1", {"k1": KEY}),
        database_url=estate.database.app_url, owner_database_url=estate.database.owner_url,
    )  # fmt: skip
    ensure_roles(session)
    role = session.scalars(select(Role).where(Role.name == "administrator")).one()
    user = User(
        email="bench@dc.example", name="bench", password="x", fs_uniquifier="bench",
        language="zh", roles=[role],
    )  # fmt: skip
    session.add(user)
    session.flush()
    token = create_token(session, SCOPE, user, "bench").plaintext
    app = create_app(settings, estate.sessions)
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    cookie = serializer.dumps({"_user_id": "bench", "_fresh": True})
    return {"Cookie": f"session={cookie}", "Authorization": f"Bearer {token}"}


def choose_paths(session: Session) -> list[str]:
    middle = select(Cabinet.id).order_by(Cabinet.id).offset(30).limit(1)
    cabinet_id = session.scalars(middle).one()
    serial = session.scalars(select(Device.serial).order_by(Device.id).offset(777).limit(1)).one()
    return [
        "/staff/cabinets",
        "/staff/devices",
        "/staff/devices?q=server-0001",
        "/staff/customers",
        f"/staff/search?q={serial}",
        "/staff/search?q=D0001",
        "/staff/search?q=nothing-like-it",
        "/api/v1/devices",
        f"/staff/cabinets/{cabinet_id}",
        "/staff/capacity?go=1&units=8&count=2&kw=2&relation=same_row",
    ]


@contextmanager
def serving(estate: Estate) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = os.environ | {
        "DCIM_DATA": str(estate.folder),
        "DCIM_SECRET_KEY": SECRET_KEY,
        "DCIM_ENCRYPTION_KEYS": f"k1:{base64.b64encode(KEY).decode()}",
        "DCIM_DATABASE_URL": estate.database.app_url,
        "DCIM_OWNER_DATABASE_URL": estate.database.owner_url,
    }
    log = (estate.folder / "web.log").open("wb")
    process = subprocess.Popen(web("127.0.0.1", port).argv, env=environment, stdout=log, stderr=log)
    try:
        _await(port)
        yield port
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def _await(port: int) -> None:
    for _ in range(240):
        try:
            if (
                _get(http.client.HTTPConnection("127.0.0.1", port, timeout=5), "/healthz", {})
                == 200
            ):
                return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError("the server didn't start")


def _get(connection: http.client.HTTPConnection, path: str, headers: Headers) -> int:
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def measure(
    port: int, headers: Headers, paths: list[str], racks: int, say: Say
) -> list[tuple[str, str]]:
    before = percentile(load(port, "/healthz", {}), 0.99)
    rows, worst = [], 0.0
    for path in paths:
        mine = headers if path.startswith("/api") else {"Cookie": headers["Cookie"]}
        alone = median(_alone(port, path, mine))
        p99 = percentile(load(port, path, mine), 0.99)
        rows.append((path, p99, alone))
        worst = max(worst, p99)
        say(f"{path}: p99 {p99:.0f} ms, one client {alone:.0f} ms")
    after = percentile(load(port, "/healthz", {}), 0.99)
    health = max(before, after)
    bound = max(5 * health, FLOOR_MS)
    figures = [
        ("Racks, devices", f"{racks}, {10 * racks}"),
        ("`/healthz`, p99 before and after", f"{before:.1f} ms, {after:.1f} ms"),
        ("Bound", f"{bound:.0f} ms"),
    ]
    for path, p99, alone in rows:
        verdict = "within" if p99 <= bound else "**over**"
        figures.append(
            (
                f"`{path}`",
                (
                    f"p99 {p99:.0f} ms ({p99 / health:.1f} × healthz, {verdict});"
                    f" one client {alone:.1f} ms"
                ),
            )
        )
    return figures


def _alone(port: int, path: str, headers: Headers, rounds: int = 15) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        status = _get(connection, path, headers)
        took.append((time.perf_counter() - began) * 1000)
        if status not in {200, 303}:
            raise RuntimeError(f"{path} answered {status}")
    return took


def load(port: int, path: str, headers: Headers) -> list[float]:
    """Milliseconds of every request that 20 clients made in a few seconds, back to back."""
    took: list[float] = []
    ends = time.perf_counter() + SECONDS

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while time.perf_counter() < ends:
            began = time.perf_counter()
            _get(connection, path, headers)
            took.append((time.perf_counter() - began) * 1000)

    clients = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return took
