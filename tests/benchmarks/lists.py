"""Lists and searches under 20 clients on gunicorn, beside /healthz alone.

The bound is five times the p99 of /healthz, measured alone with 20 clients before and after (both
together, once the workers have read what they keep in memory), or 250 ms, whichever is larger. It
is for lists and searches; other pages are measured beside them. Clients, server and database share
this machine.
"""

import base64
import http.client
import os
import re
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.people import create_person, ensure_roles
from dcim.accounts.tokens import create_token
from dcim.db import transaction
from dcim.inventory.models import Cabinet, Device
from dcim.supervisor import web
from tests.benchmarks.estate import SCOPE, Say, median, percentile, running_estate
from tests.servers import Database

RACKS = 20_000
CLIENTS = 20
SECONDS = 8
WARM_SECONDS = 10
FLOOR_MS = 250.0
UNBOUND = ("/staff/cabinets/", "/staff/capacity")
SECRET_KEY = secrets.token_urlsafe(36)
KEY = secrets.token_bytes(32)

Headers = dict[str, str]
# An exact hit of a search opens its page; all else answers with a page.
EXPECTED: dict[str, int] = {}


def run(racks: int, say: Say) -> list[tuple[str, str]]:
    with running_estate(racks, say) as estate:
        with transaction(estate.sessions, SCOPE) as session:
            login = enter_person(session)
            paths = choose_paths(session)
        with serving(estate.folder, estate.database) as port:
            headers = {"Cookie": sign_in(port, login), "Authorization": f"Bearer {login.token}"}
            return measure(port, headers, paths, racks, say)


@dataclass(frozen=True)
class Login:
    email: str
    password: str
    token: str


def enter_person(session: Session) -> Login:
    ensure_roles(session)
    made = create_person(
        session, SCOPE, email="bench@dc.example", name="bench", role="administrator",
        customer_id=None, language="zh", must_change_password=False,
    )  # fmt: skip
    token = create_token(session, SCOPE, made.user, "bench").plaintext
    return Login(made.user.email, made.one_time_password, token)


def sign_in(port: int, login: Login) -> str:
    """The session's cookie, by the form as a browser sends it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/login")
    page = connection.getresponse()
    cookie = _cookie_of(page)
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.read().decode())
    form = {
        "email": login.email,
        "password": login.password,
        "csrf_token": found[1] if found else "",
    }
    connection.request(
        "POST", "/login", urlencode(form),
        {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"},
    )  # fmt: skip
    answer = connection.getresponse()
    answer.read()
    if answer.status not in {302, 303}:
        raise RuntimeError(f"signing in answered {answer.status}")
    return _cookie_of(answer)


def _cookie_of(answer: http.client.HTTPResponse) -> str:
    sent = answer.headers.get_all("Set-Cookie") or []
    return "; ".join(one.partition(";")[0] for one in sent)


def choose_paths(session: Session) -> list[str]:
    middle = select(Cabinet.id).order_by(Cabinet.id).offset(30).limit(1)
    cabinet_id = session.scalars(middle).one()
    serial = session.scalars(select(Device.serial).order_by(Device.id).offset(777).limit(1)).one()
    EXPECTED[f"/staff/search?q={serial}"] = 303
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
def serving(folder: Path, database: Database) -> Iterator[int]:
    environment = {
        "DCIM_DATA": str(folder),
        "DCIM_SECRET_KEY": SECRET_KEY,
        "DCIM_ENCRYPTION_KEYS": f"k1:{base64.b64encode(KEY).decode()}",
        "DCIM_DATABASE_URL": database.app_url,
        "DCIM_OWNER_DATABASE_URL": database.owner_url,
    }
    with serve(environment, folder / "web.log") as port:
        yield port


@contextmanager
def serve(environment: Mapping[str, str], log: Path) -> Iterator[int]:
    """The server as it is run in earnest, with these settings; gives its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with log.open("wb") as out:
        process = subprocess.Popen(
            web("127.0.0.1", port).argv, env=os.environ | environment, stdout=out, stderr=out
        )
        try:
            _await(port)
            yield port
        finally:
            process.terminate()
            process.wait(20)


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
    for path in paths:
        _alone(port, path, headers if path.startswith("/api") else {"Cookie": headers["Cookie"]})
    time.sleep(WARM_SECONDS)
    before = load(port, "/healthz", {})
    rows = []
    for path in paths:
        mine = headers if path.startswith("/api") else {"Cookie": headers["Cookie"]}
        alone = median(_alone(port, path, mine))
        p99 = percentile(load(port, path, mine), 0.99)
        rows.append((path, p99, alone))
        say(f"{path}: p99 {p99:.0f} ms, one client {alone:.0f} ms")
    after = load(port, "/healthz", {})
    health = percentile(before + after, 0.99)
    bound = max(5 * health, FLOOR_MS)
    figures = [
        ("Racks, devices", f"{racks}, {10 * racks}"),
        (
            "`/healthz`, p99 before, after, of both",
            f"{percentile(before, 0.99):.1f}, {percentile(after, 0.99):.1f}, {health:.1f} ms",
        ),
        ("Bound", f"{bound:.0f} ms"),
    ]
    for path, p99, alone in rows:
        verdict = "within" if p99 <= bound else "**over**"
        if path.startswith(UNBOUND):
            verdict = "no bound"
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
        if status != EXPECTED.get(path, 200):
            raise RuntimeError(f"{path} answered {status}")
    return took


def load(port: int, path: str, headers: Headers) -> list[float]:
    """Milliseconds of every request that 20 clients made in a few seconds, back to back."""
    took: list[float] = []
    failed: list[str] = []
    ends = time.perf_counter() + SECONDS

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while time.perf_counter() < ends:
            began = time.perf_counter()
            if _get(connection, path, headers) != EXPECTED.get(path, 200):
                failed.append(path)
            took.append((time.perf_counter() - began) * 1000)

    clients = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    if failed:
        raise RuntimeError(f"{path} failed {len(failed)} times under load")
    return took
