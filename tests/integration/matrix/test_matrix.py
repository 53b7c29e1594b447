"""No tenant sees another's data: every route, every role, every kind of id."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import String, Text, create_engine, text

import dcim.models
from dcim.accounts.roles import ROLES
from dcim.policy import POLICY
from dcim.schema import TENANT_TABLES
from tests.integration.matrix.cases import list_rules
from tests.integration.matrix.conftest import IGNORED_WARNING, OpenBench
from tests.integration.matrix.counting import MATRIX_CASES, MATRIX_LEAKS
from tests.integration.matrix.run import run_matrix
from tests.integration.matrix.world import RULED, World
from tests.servers import Database

pytestmark = pytest.mark.filterwarnings(IGNORED_WARNING)

# Nobody, five kinds of staff, two kinds of customer of two tenants; three of them by token too.
PEOPLE = 13
# Described for people and programs, not operations of the API itself.
DESCRIPTIONS = {"/api/v1/openapi.json", "/api/v1/docs"}


@pytest.mark.parametrize("who", range(PEOPLE))
def test_no_call_leaks(
    who: int,
    open_bench: OpenBench,
    world: World,
    record_property: Callable[[str, object], None],
) -> None:
    """One person's calls; the numbers of all of them are added up at the end of the run.

    Not vacuous: whoever has the right is answered, own things by own ids.
    """
    person = world.people[who]
    with open_bench() as bench:
        report = run_matrix(bench, POLICY, people=[person])
        reads = list_reads(bench.app, person.role)
    record_property(MATRIX_CASES, report.cases)
    record_property(MATRIX_LEAKS, report.leaks)
    assert not report.problems, "\n".join(report.problems[:40])
    assert report.cases > 500
    assert reads <= {what for _role, what in report.answered}


def list_reads(app: Flask, role: str) -> set[str]:
    """Every GET of the API that this role has the right to."""
    rights = ROLES[role].rights if role in ROLES else frozenset()
    return {
        f"GET {rule.rule}"
        for rule in list_rules(app)
        if rule.rule.startswith("/api/")
        and "GET" in (rule.methods or ())
        and role != "anonymous"
        and (not POLICY[str(rule.endpoint)].rights or rights & POLICY[str(rule.endpoint)].rights)
    }


def test_everyone_is_tried(world: World) -> None:
    assert len(world.people) == PEOPLE
    assert {person.role for person in world.people} == {"anonymous", *ROLES}


def test_url_map_and_description_are_the_same(open_bench: OpenBench) -> None:
    with open_bench() as bench:
        spec = bench.app.extensions["jifang_api"].describe()
        mapped = {
            (re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule), method)
            for rule in list_rules(bench.app)
            if rule.rule.startswith("/api/") and rule.rule not in DESCRIPTIONS
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        }
    described = {
        (path, method.upper())
        for path, operations in spec["paths"].items()
        for method in operations
        if method != "parameters"
    }
    assert mapped == described


def test_every_text_of_a_tenant_is_a_canary(world: World, matrix_database: Database) -> None:
    """The matrix can only see leak what is marked: a new column must be seeded too."""
    engine = create_engine(matrix_database.admin_url)
    unmarked = []
    with engine.connect() as connection:
        for name, key in TENANT_TABLES.items():
            table = dcim.models.metadata.tables[name]
            for column in table.columns:
                if not isinstance(column.type, String | Text) or column.name in RULED.get(name, ()):
                    continue
                value = connection.scalar(
                    text(f'SELECT max("{column.name}") FROM "{name}" WHERE {key} = :id'),  # noqa: S608
                    {"id": world.tenants["B"].ids["customer_id"]},
                )
                if "CANARY-B" not in str(value):
                    unmarked.append(f"{name}.{column.name}")
    engine.dispose()
    assert not unmarked
