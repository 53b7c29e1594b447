"""The API under generated input: whatever comes, the answer is as described and nothing breaks."""

import re
from collections.abc import Collection
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis.strategies import one_of
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

import dcim.api.record_resources
import dcim.power.queries
from dcim.kinds import KINDS
from tests.integration.matrix.conftest import IGNORED_WARNING, OpenBench
from tests.integration.matrix.world import Person, World

pytestmark = pytest.mark.filterwarnings(IGNORED_WARNING)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


# The resources made from these kinds are of one make with the first three, which are tried in full.
REPEATED = re.compile(
    rf"/api/v1/({'|'.join(kind.plural for kind in KINDS[3:])})(/many|/{{\w+}}(/history|/notes)?)?"
)


def fuzz(
    open_bench: OpenBench, person: Person, examples: int, only: Collection[str] = ()
) -> tuple[int, list[str]]:
    """(calls made, what was wrong). Each call is rolled back. `only`: the operations' labels."""
    calls = 0
    problems: list[str] = []
    with open_bench() as bench:
        bearer = {"Authorization": f"Bearer {person.token}"}
        api = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", bench.app, headers=bearer)
        for found in api.get_all_operations():
            operation = found.ok()  # type: ignore[union-attr]
            if only and operation.label not in only:
                continue
            repeated = REPEATED.fullmatch(operation.path)

            @settings(
                max_examples=max(1, examples // 4) if repeated else examples,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(
                case=one_of(
                    operation.as_strategy(GenerationMode.POSITIVE),
                    operation.as_strategy(GenerationMode.NEGATIVE),
                )
                if _takes_input(operation)
                else operation.as_strategy()
            )
            def try_one(case: "schemathesis.Case[Any]") -> None:
                nonlocal calls
                assume(_reaches_the_wire(case.query))
                calls += 1
                outer = bench.connection.begin()
                try:
                    case.call_and_validate(headers=bearer, checks=CHECKS)
                finally:
                    outer.rollback()

            try:
                try_one()
            except (Exception, FailureGroup) as error:
                parts = getattr(error, "exceptions", [error])
                problems.append(f"{operation.label}: " + "; ".join(str(one)[:600] for one in parts))
    return calls, problems


def _takes_input(operation: Any) -> bool:
    """Without parameters and body there is nothing to get wrong."""
    raw = operation.definition.raw
    return bool(raw.get("parameters") or raw.get("requestBody") or "{" in operation.path)


def _reaches_the_wire(query: Any) -> bool:
    """A parameter whose value is an empty list isn't in the URL at all, so it breaks no rule."""
    return all(value not in ([], {}) for value in (query or {}).values())


def with_token(world: World, role: str, tenant: str | None) -> Person:
    (person,) = (
        one for one in world.people if one.role == role and one.tenant == tenant and one.token
    )
    return person


@pytest.mark.parametrize(
    ("role", "tenant"), [("administrator", None), ("customer_administrator", "A")]
)
def test_few_examples(open_bench: OpenBench, world: World, role: str, tenant: str | None) -> None:
    calls, problems = fuzz(open_bench, with_token(world, role, tenant), 4)
    assert not problems, "\n".join(problems)
    assert calls > 100


@pytest.mark.slow
@pytest.mark.parametrize(
    ("role", "tenant"), [("administrator", None), ("customer_administrator", "A")]
)
def test_many_examples(open_bench: OpenBench, world: World, role: str, tenant: str | None) -> None:
    calls, problems = fuzz(open_bench, with_token(world, role, tenant), 12)
    assert not problems, "\n".join(problems)
    assert calls > 900


def test_fuzzing_notices(
    open_bench: OpenBench, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: an answer of the wrong shape, and a crash."""

    def broken(*args: Any, **options: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(dcim.power.queries, "list_power_nodes", lambda *args: {"items": []})
    monkeypatch.setattr(dcim.api.record_resources, "list_records", broken)
    planted = {"GET /api/v1/sites", "GET /api/v1/power-readings"}
    _calls, problems = fuzz(open_bench, with_token(world, "administrator", None), 3, planted)
    assert {problem.split(":")[0] for problem in problems} == planted
