"""Each guard taken out by itself: the matrix must notice, or it proves nothing.

Run without the second wall (as superuser, whom row security doesn't hold), so that what is tried
is the guard in the code; test_row_security tries the other wall.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import select, true

import dcim.accounts.queries
import dcim.api.record_resources
import dcim.api.v1.incident_rulings
import dcim.api.v1.me
import dcim.api.v1.review_decisions
import dcim.api.v1.statement_revisions
import dcim.api.v1.statements
import dcim.http.policy
import dcim.inventory.queries
import dcim.network.queries
import dcim.operations.queries
import dcim.power.queries
import dcim.sla.queries
import dcim.sla.samples
import dcim.snmp.agents.queries
import dcim.statements.files
import dcim.statements.queries
import dcim.statements.sample_files
from dcim.accounts.models import ApiToken
from dcim.accounts.roles import Right
from dcim.accounts.scope import Scope
from dcim.accounts.tokens import revoke_token
from dcim.errors import ForbiddenError, NotFoundError
from dcim.http.policy import PUBLIC, SIGNED_IN, Access
from dcim.operations.models import MaintenanceTarget
from dcim.policy import POLICY
from dcim.statements.models import Statement
from tests.integration.matrix.cases import Case
from tests.integration.matrix.conftest import IGNORED_WARNING, OpenBench
from tests.integration.matrix.run import Bench, Report, run_matrix
from tests.integration.matrix.world import World

pytestmark = pytest.mark.filterwarnings(IGNORED_WARNING)
Patch = Callable[[pytest.MonkeyPatch], None]
EVERYTHING = Scope.staff("mutant")


@dataclass(frozen=True)
class Mutant:
    """`blueprints` keeps the run short: only their routes are called."""

    name: str
    blueprints: tuple[str, ...]
    plant: Patch = lambda monkeypatch: None
    policy: tuple[tuple[str, Access], ...] = ()
    # A part of what the matrix must say.
    said: str = "CANARY"


def swap(module: Any, name: str, new: Any) -> Patch:
    return lambda monkeypatch: monkeypatch.setattr(module, name, new)


def unscoped(module: Any, name: str) -> Patch:
    """The query as it is, but looking with staff's eyes."""
    real = getattr(module, name)

    def blind(session: Any, scope: Scope, *args: Any, **options: Any) -> Any:
        return real(session, EVERYTHING, *args, **options)

    return swap(module, name, blind)


def _document_without_scope(session: Any, scope: Scope, statement_id: int) -> Any:
    document = session.scalar(select(Statement.document).where(Statement.id == statement_id))
    if document is None:
        raise NotFoundError("No such statement.")
    return document


def _tell_that_it_exists(session: Any, scope: Scope, statement_id: int) -> Any:
    """Shows nothing, but answers a foreign id otherwise than an absent one."""
    row = dcim.statements.queries.list_statements(
        session, EVERYTHING, dcim.statements.queries.StatementFilter(statement_id=statement_id)
    ).items
    if not row:
        raise NotFoundError("No such statement.")
    if not scope.allows(row[0].customer_id):
        raise ForbiddenError("It isn't yours.")
    return row[0]


def _any_token(session: Any, user_id: int, token_id: int) -> ApiToken:
    token = session.get(ApiToken, token_id)
    if token is None:
        raise NotFoundError("No such token.")
    found: ApiToken = token
    return found


def _revoke_any(session: Any, scope: Scope, token_id: int) -> None:
    revoke_token(session, EVERYTHING, token_id)


def _answer_with_secret(session: Any, *args: Any, **options: Any) -> Any:
    page = real_list_credentials(session, *args, **options)
    return page.replace([replace(row, context="SECRET-community-A") for row in page.items])


def _find_file_unscoped(session: Any, scope: Scope, settings: Any, statement_id: int) -> bytes:
    return real_read_file(session, EVERYTHING, settings, statement_id)


def _check_samples_unscoped(session: Any, scope: Scope, settings: Any, statement_id: int) -> Any:
    return real_check_samples(session, EVERYTHING, settings, statement_id)


real_list_credentials = dcim.snmp.agents.queries.list_credentials
real_read_file = dcim.statements.files.read_file
real_check_samples = dcim.statements.sample_files.check_samples

MUTANTS = (
    Mutant(
        "scope filters nothing",
        ("api_devices", "api_customers", "api_ledger"),
        swap(Scope, "filter", lambda self, column: true()),
    ),
    Mutant(
        "everyone is staff",
        ("api_contracts", "api_incidents"),
        swap(dcim.http.policy, "scope_of", lambda user: EVERYTHING),
    ),
    Mutant(
        "rights aren't asked for",
        ("api_snmp_agents", "api_snmp_credentials"),
        swap(dcim.http.policy, "collect_rights", lambda names: frozenset(Right)),
    ),
    Mutant(
        "a staff route for everyone signed in",
        ("api_snmp_agents",),
        policy=(("api_snmp_agents.list_agents", SIGNED_IN),),
    ),
    Mutant(
        "a route made public",
        ("api_statements",),
        policy=(("api_statements.list_statements", PUBLIC),),
        said="broke",
    ),
    Mutant(
        "a public route without tenant data",
        ("api_device_types",),
        policy=(("api_device_types.list_device_type", PUBLIC),),
        said="answers nobody in particular",
    ),
    Mutant(
        "any rack is in reach",
        ("api_cabinets",),
        swap(dcim.inventory.queries, "in_reach", lambda scope, rack_id: true()),
    ),
    Mutant(
        "device lookup without scope",
        ("api_devices",),
        unscoped(dcim.api.record_resources, "find_record"),
    ),
    Mutant(
        "statement document without scope",
        ("api_statements",),
        swap(dcim.statements.queries, "read_document", _document_without_scope),
    ),
    Mutant(
        "statement list without scope",
        ("api_statements",),
        unscoped(dcim.statements.queries, "list_statements"),
    ),
    Mutant(
        "another's statement is refused instead of absent",
        ("api_statements",),
        swap(dcim.statements.queries, "find_statement", _tell_that_it_exists),
        said="differs between another's id and an absent one",
    ),
    Mutant(
        "PDF without scope",
        ("api_statements",),
        lambda monkeypatch: (
            monkeypatch.setattr(dcim.api.v1.statements, "read_file", _find_file_unscoped),
            unscoped(dcim.statements.queries, "find_statement")(monkeypatch),
        )[1],
    ),
    Mutant(
        "raw samples without scope",
        ("api_statements",),
        swap(dcim.api.v1.statements, "check_samples", _check_samples_unscoped),
    ),
    Mutant(
        "tokens of everybody can be revoked",
        ("api_me",),
        lambda monkeypatch: (
            monkeypatch.setattr(dcim.accounts.queries, "find_own_token", _any_token),
            # Revoking asks for the tenant once more: that guard goes too.
            monkeypatch.setattr(dcim.api.v1.me, "revoke_token", _revoke_any),
        )[1],
        said="differs between another's id and an absent one",
    ),
    Mutant(
        "impacts on others are shown",
        ("api_incidents",),
        unscoped(dcim.sla.queries, "_load_impacts"),
    ),
    Mutant(
        "contests of everyone are listed",
        ("api_incident_contests",),
        unscoped(dcim.api.v1.incident_rulings, "list_contests"),
    ),
    Mutant(
        "rulings about everyone are listed",
        ("api_incident_overrules",),
        unscoped(dcim.api.v1.incident_rulings, "list_overrules"),
    ),
    Mutant(
        "decisions about everyone are listed",
        ("api_review_decisions",),
        unscoped(dcim.api.v1.review_decisions, "list_decisions"),
    ),
    Mutant(
        "corrections of everyone are listed",
        ("api_statement_revisions",),
        unscoped(dcim.api.v1.statement_revisions, "list_revision_proposals"),
    ),
    Mutant(
        "a port shows the operator's alias",
        ("api_ports",),
        unscoped(dcim.network.queries, "_add_readings"),
    ),
    Mutant(
        "samples of any time and series",
        ("api_series",),
        swap(dcim.sla.samples, "find_spans", lambda *args: [(0, None)]),
        said="a reading of tenant B",
    ),
    Mutant(
        "all maintenance touches everyone",
        ("api_maintenance",),
        swap(
            dcim.operations.queries,
            "_select_touching",
            lambda scope: select(MaintenanceTarget.maintenance_id),
        ),
    ),
    Mutant(
        "power nodes without scope",
        ("api_power_readings",),
        unscoped(dcim.power.queries, "list_power_nodes"),
    ),
    Mutant(
        "an answer carries a secret",
        ("api_snmp_credentials",),
        swap(dcim.snmp.agents.queries, "list_credentials", _answer_with_secret),
        said="SECRET",
    ),
)
# The one whose eyes see too much, a nobody, and one who may read credentials' names.
CALLERS = ("anonymous", "customer_viewer", "customer_administrator", "administrator")


def run_short(
    open_bench: OpenBench, world: World, mutant: Mutant | None, blueprints: tuple[str, ...]
) -> Report:
    policy = POLICY | dict(mutant.policy if mutant else ())
    people = [
        person
        for person in world.people
        if person.role in CALLERS and person.tenant in {None, "A"} and not person.token
    ]

    def wanted(case: Case) -> bool:
        return (
            case.endpoint.split(".")[0] in blueprints
            and case.method in {"GET", "DELETE"}
            and case.kind != "malformed"
        )

    with open_bench(second_wall=False, policy=policy) as bench:
        return run_matrix(bench, POLICY, people=people, wanted=wanted)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_matrix_notices(
    mutant: Mutant, open_bench: OpenBench, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant.plant(monkeypatch)
    report = run_short(open_bench, world, mutant, mutant.blueprints)
    assert any(mutant.said in problem for problem in report.problems), report.problems[:20]


def test_a_row_that_someone_else_changes_is_noticed(
    open_bench: OpenBench, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token of B's, revoked by A, shows in B's rows; and its number is what has them looked at:
    taken away, nobody looks."""
    (mutant,) = (one for one in MUTANTS if one.name == "tokens of everybody can be revoked")
    mutant.plant(monkeypatch)
    told = "changed rows of tenant B"
    report = run_short(open_bench, world, mutant, mutant.blueprints)
    assert any(told in problem for problem in report.problems), report.problems[:20]
    monkeypatch.setattr(Bench, "_has_written", lambda bench: False)
    report = run_short(open_bench, world, mutant, mutant.blueprints)
    assert not any(told in problem for problem in report.problems)


def test_a_row_that_stays_changed_is_noticed(open_bench: OpenBench, world: World) -> None:
    with open_bench(second_wall=False) as bench:
        assert bench.find_kept() == set()
        bench.before["B"] = bench.before["A"]
        assert bench.find_kept() == {"B"}


def test_without_a_mutant_the_first_wall_alone_holds(open_bench: OpenBench, world: World) -> None:
    """The control: the same short runs, nothing planted, row security off: nothing to notice."""
    blueprints = tuple(sorted({name for mutant in MUTANTS for name in mutant.blueprints}))
    report = run_short(open_bench, world, None, blueprints)
    assert not report.problems, "\n".join(report.problems[:20])
    assert report.cases > 200
