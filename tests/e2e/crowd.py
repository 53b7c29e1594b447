"""A seeded world whose every text is hostile, served to a browser; and its routes as addresses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from unittest.mock import patch

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import text
from werkzeug.routing import Rule

from dcim.accounts.roles import ROLES
from dcim.accounts.scope import Scope
from dcim.app import create_app
from dcim.config import EncryptionKeys, Settings
from dcim.db import SessionFactory, make_engine, make_sessions, transaction
from dcim.outbox.opting_out import sign_opt_out
from dcim.policy import POLICY
from tests.e2e.listening import Answer, listening
from tests.integration.conftest import TEMPLATE, migrate
from tests.integration.matrix import world as worlds
from tests.integration.matrix.cases import ID_NAME, NEEDED, REPEATED, WORDS, list_rules, own_id
from tests.integration.matrix.world import Person, World, seed_world
from tests.servers import build_template, fresh_database, scratch_server, shared_directory

SYSTEM = Scope.system("e2e")
# What of a row isn't text that somebody typed: the system gives it, files are named by it.
GIVEN = {("statement", "number"): "S-{tag}", ("held_month", "number"): "H-{tag}"}
# Open to all by the policy, since the library guards them: about who is signed in.
OWN_PAGES = ("security.change_password", "security.two_factor_setup")
NO_PAGES = ("static", "security.static", "shell.home")
Fill = Callable[[str, str, str], str]


@dataclass(frozen=True)
class Visit:
    """One address, and who opens it."""

    endpoint: str
    rule: str
    path: str
    person: Person


@dataclass(frozen=True)
class Crowd:
    address: str
    app: Flask
    settings: Settings
    sessions: SessionFactory
    world: World
    sign: Callable[[str], str]  # a person's uniquifier into the cookie of its session
    words: Mapping[str, str]  # what stands for a part of an address that is no id

    def list_visits(self, api: Person | None = None) -> list[Visit]:
        """Every GET route of pages, filled in; of one that several may open, the mightiest's.
        With `api` those of the API instead that aren't made from kinds, as this person's.

        Staff open each tenant's things in turn.
        """
        visits: list[Visit] = []
        for rule in list_rules(self.app):
            endpoint = str(rule.endpoint)
            if "GET" not in (rule.methods or ()) or endpoint in NO_PAGES:
                continue
            if (blueprint_of(rule) == "api") is not bool(api) or (api and endpoint in REPEATED):
                continue
            person = api or choose_person(self.world, endpoint)
            ids = {name for name in rule.arguments if ID_NAME.search(name)}
            for tag in [person.tenant] if person.tenant else self._choose_tenants(ids, len(visits)):
                path = self._fill(rule, person, tag)
                visits.append(Visit(endpoint, rule.rule, path, person))
        return visits

    def _choose_tenants(self, ids: set[str], turn: int) -> list[str]:
        """One of those that were seeded, and who else has one of everything the address names."""
        seeded = [tag for tag, one in self.world.tenants.items() if "customer_id" in one.ids]
        chosen = [seeded[turn % len(seeded)]]
        return chosen + [
            tag for tag, one in self.world.tenants.items()
            if tag not in seeded and ids and ids <= one.ids.keys()
        ]  # fmt: skip

    def _fill(self, rule: Rule, person: Person, tag: str) -> str:
        path = rule.rule
        for name in sorted(rule.arguments):
            if ID_NAME.search(name):
                # Of some things there is one for the two tenants with people alone.
                own = tag if name in self.world.tenants[tag].ids else "A"
                value = str(own_id(self.world, person, own, name, rule.rule))
            else:
                value = self.words.get(name) or WORDS[name][0]
            path = re.sub(rf"<(?:[^:<>]+:)?{name}>", value, path)
        query = NEEDED.get(rule.rule, "")
        return path + (f"?{query}" if query else "")

    def cookie(self, person: Person) -> str:
        return self.sign(person.cookie)


def blueprint_of(rule: Rule) -> str:
    """ "api" for what machines read; the page that documents it is a page as others are."""
    is_api = rule.rule.startswith("/api/") and rule.endpoint != "api_docs.page"
    return "api" if is_api else str(rule.endpoint).partition(".")[0]


def choose_person(world: World, endpoint: str) -> Person:
    """Who may open it: nobody in particular where that will do, else staff before customers."""
    access = POLICY[endpoint]
    if access.public and endpoint not in OWN_PAGES:
        return world.people[0]
    order = ("administrator", "customer_administrator", "finance", "auditor", "staff", "noc")
    for role in order:
        if not access.rights or ROLES[role].rights & access.rights:
            return next(one for one in world.people if one.role == role and one.cookie)
    raise AssertionError(f"nobody may open what asks for {sorted(access.rights)}")


@contextmanager
def serve_crowd(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    fill: Fill,
    beside: Mapping[str, Answer],
) -> Iterator[Crowd]:
    """`fill` gives the text of a tenant's column; `beside` is served with the application."""
    data = tmp_path_factory.mktemp(name)
    for folder in ("keys", "statements", "spool", "log"):
        (data / folder).mkdir(mode=0o700)

    def write(tag: str, table: str, column: str) -> str:
        given = GIVEN.get((table, column))
        return given.format(tag=tag) if given else fill(tag, table, column)

    with scratch_server(shared_directory(tmp_path_factory)) as server:
        build_template(server, TEMPLATE, migrate)
        with fresh_database(server, name, template=TEMPLATE) as database, ExitStack() as stack:
            settings = Settings(
                data=Path(data),
                secret_key="q7Vt1mZxJ4kBw8Rc0LsYpHd3NfUe9GaT",
                encryption=EncryptionKeys("k1", {"k1": bytes(range(32))}),
                database_url=database.app_url,
                owner_database_url=database.owner_url,
                snmp_allowed=(ip_network("127.0.0.0/8"),),
            )
            engine = make_engine(database.app_url)
            stack.callback(engine.dispose)
            sessions = make_sessions(engine)
            with (
                patch.object(worlds, "canary", write),
                transaction(sessions, SYSTEM) as session,
            ):
                world = seed_world(session, settings)
                for tag in world.tenants:
                    session.execute(
                        text("UPDATE app_user SET name = :name WHERE customer_id = :id"),
                        {
                            "name": fill(tag, "app_user", "name"),
                            "id": world.tenants[tag].ids["customer_id"],
                        },
                    )
            app = create_app(settings, sessions)
            signer = SecureCookieSessionInterface().get_signing_serializer(app)
            assert signer is not None

            def sign(uniquifier: str) -> str:
                return str(signer.dumps({"_user_id": uniquifier, "_fresh": True}))

            with listening(app, beside) as address:
                yield Crowd(
                    address, app, settings, sessions, world, sign, find_words(settings, world)
                )


def find_words(settings: Settings, world: World) -> dict[str, str]:
    """Secrets that addresses carry: a calendar's, and the way out of a kind of mail."""
    reader = next(one for one in world.people if one.role == "customer_administrator")
    assert reader.user_id is not None
    return {
        "secret": next(one for one in world.plain_tokens if one.startswith("jfcal_")),
        "token": sign_opt_out(settings.secret_key, reader.user_id, "ticket.own"),
    }
