"""32 clients want the same rack unit over HTTP, round after round.

In every round each client posts the installation of a device of its own into the same U at the same
moment. Exactly one gets 201; the others get a 409 that names who has the place and until when; none
gets anything else. Then the winner's device is taken out again and the next round begins. Real HTTP
server, real PostgreSQL, a connection for every client.
"""

import http.client
import json
import re
import tempfile
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

from sqlalchemy import func, select
from werkzeug.serving import WSGIRequestHandler, make_server

from dcim.accounts.audit import verify_chain
from dcim.accounts.models import User
from dcim.accounts.people import create_person
from dcim.accounts.scope import Scope
from dcim.accounts.tokens import create_token
from dcim.app import create_app
from dcim.config import EncryptionKeys, Settings
from dcim.db import SessionFactory, make_engine, make_sessions, transaction
from dcim.instance import Instance
from dcim.inventory.models import Device, Installation, InstallationSlot
from dcim.postgres import EmbeddedServer
from tests.drills.outcome import Outcome, Say
from tests.integration.inventory.house import build_house

CLIENTS, ROUNDS = 32, 200
SYSTEM = Scope.system("drill")
KEY = bytes(range(1, 33))
TOLD = re.compile(r"A-01 U\d+-\d+ is taken by racer-\d+ until it is removed\.")


class Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Thousands of lines that nobody reads."""


class Course:
    """A house with a racer's device for each client, and the server that the clients call."""

    def __init__(self, settings: Settings, sessions: SessionFactory) -> None:
        self.sessions = sessions
        with transaction(sessions, SYSTEM) as session:
            house = build_house(session)
            kind = house.devices["Reed1"].device_type_id
            racers = [
                Device(name=f"racer-{n}", device_type_id=kind, role="app") for n in range(CLIENTS)
            ]
            session.add_all(racers)
            made = create_person(
                session, SYSTEM, email="drill@example.com", name="drill", role="staff",
                customer_id=None, language="en", must_change_password=False,
            )  # fmt: skip
            session.flush()
            user = session.get_one(User, made.user.id)
            self.token = create_token(session, SYSTEM, user, "drill").plaintext
            self.rack_id, self.device_ids = house.rack.id, [racer.id for racer in racers]
        app = create_app(settings, sessions)
        self.server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
        self.port = self.server.server_port

    def call(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            said = answer.read().decode()
            return answer.status, json.loads(said).get("detail", "") if said else ""
        finally:
            connection.close()


def run(draw: Random, rounds: int | None, say: Say) -> Outcome:
    rounds = rounds or ROUNDS
    with tempfile.TemporaryDirectory(prefix="drill-") as directory:
        server = EmbeddedServer(Path(directory) / "instance")
        with server.lease():
            settings = Settings(
                data=server.data,
                secret_key="q7Vt1mZxJ4kBw8Rc0LsYpHd3NfUe9GaT",
                encryption=EncryptionKeys("k1", {"k1": KEY}),
            )
            settings = replace(settings, database_url=server.app_url)
            Instance(settings, server.app_url, server.owner_url).upgrade()
            engine = make_engine(server.app_url, pool_size=CLIENTS + 4)
            try:
                return _race(Course(settings, make_sessions(engine)), draw, rounds, say)
            finally:
                engine.dispose()


def _race(course: Course, draw: Random, rounds: int, say: Say) -> Outcome:
    statuses: Counter[int] = Counter()
    winners: Counter[int] = Counter()
    odd: list[str] = []
    took: list[float] = []
    serving = threading.Thread(target=course.server.serve_forever, daemon=True)
    serving.start()
    try:
        for number in range(rounds):
            u_low = 2 * draw.randrange(19)
            began = time.monotonic()
            answers = _play(course, u_low)
            took.append(time.monotonic() - began)
            statuses.update(status for status, _ in answers)
            first = [index for index, (status, _) in enumerate(answers) if status == 201]
            winners[len(first)] += 1
            odd += [
                f"round {number}: {status} {said}"
                for status, said in answers
                if status != 201 and not (status == 409 and TOLD.fullmatch(said))
            ]
            for index in first:
                device_id = course.device_ids[index]
                course.call("DELETE", f"/api/v1/devices/{device_id}/installation")
            if (number + 1) % 20 == 0:
                say(f"{number + 1} rounds, {dict(statuses)}")
    finally:
        course.server.shutdown()
        serving.join(timeout=10)
    with transaction(course.sessions, SYSTEM) as session:
        left = session.scalar(select(func.count()).select_from(Installation)) or 0
        left += session.scalar(select(func.count()).select_from(InstallationSlot)) or 0
        intact = verify_chain(session).intact
    for line in odd[:10]:
        say(line)
    passed = winners == {1: rounds} and not odd and not left and intact
    answered = ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items()))
    return Outcome(
        passed,
        (
            ("Clients × rounds", f"{CLIENTS} × {rounds}"),
            ("Rounds with exactly one winner", str(winners[1])),
            ("Answers", answered),
            ("500s and other answers", str(len(odd))),
            ("Refusals that name holder and until when", str(statuses[409] - len(odd))),
            ("Rows left behind", str(left)),
            ("Audit chain", "intact" if intact else "**broken**"),
            ("A round, median", f"{sorted(took)[len(took) // 2] * 1000:.0f} ms"),
        ),
    )


def _play(course: Course, u_low: int) -> list[tuple[int, str]]:
    answers: list[tuple[int, str]] = [(0, "no answer")] * CLIENTS
    started = threading.Barrier(CLIENTS, timeout=60)

    def want(client: int) -> None:
        started.wait()
        answers[client] = course.call(
            "POST",
            f"/api/v1/devices/{course.device_ids[client]}/installation",
            {"rack_id": course.rack_id, "u_low": u_low},
        )

    threads = [threading.Thread(target=want, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    return answers
