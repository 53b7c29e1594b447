"""Imports by the API: everything wrong in one answer, large sheets by a worker, templates."""

import base64
import io
from typing import Any

import openpyxl
import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.db import SessionFactory, transaction
from dcim.inventory.models import Site
from dcim.kinds import BY_NAME
from dcim.records.imports import carry_on
from dcim.records.models import ImportRun
from tests.integration.api.conftest import MakeClient

IMPORTS = "/api/v1/imports"
SOUND = "code,name\nSH1,上海\nBJ1,北京\n"
SCOPE = Scope.system("test")


@pytest.fixture
def client(api: MakeClient) -> FlaskClient:
    return api()


def send(client: FlaskClient, text: str, status: int = 201, **more: Any) -> dict[str, Any]:
    headers = more.pop("headers", {})
    content = base64.b64encode(text.encode()).decode()
    body = {"kind": "sites", "file_name": "s.csv", "content": content, **more}
    answer = client.post(IMPORTS, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json is not None
    return dict(answer.json) | {"headers": answer.headers}


def sites(sessions: SessionFactory) -> int:
    with transaction(sessions, SCOPE) as session:
        return session.scalar(select(func.count(Site.id))) or 0


def test_a_sheet_is_tried_then_written(client: FlaskClient, sessions: SessionFactory) -> None:
    tried = send(client, SOUND, dry_run=True)
    assert (tried["state"], tried["created"], tried["problems"]) == ("ready", 2, [])
    assert sites(sessions) == 0
    made = send(client, SOUND)
    assert (made["state"], made["created"], made["done"]) == ("done", 2, 2)
    assert sites(sessions) == 2
    again = send(client, SOUND, existing="skip")
    assert (again["created"], again["updated"], again["skipped"]) == (0, 0, 2)
    shown = client.get(made["headers"]["Location"])
    assert shown.status_code == 200
    assert shown.json == {name: value for name, value in made.items() if name != "headers"}
    with transaction(sessions, SCOPE) as session:
        actions = session.scalars(select(AuditEntry.action)).all()
    assert actions.count("site.import") == 2
    assert actions.count("site.create") == 2


def test_everything_wrong_is_in_one_answer(client: FlaskClient, sessions: SessionFactory) -> None:
    content = "code,name,timezone\nSH1,,UTC\na/b,x,UTC\nSH2,y,UTC\n"
    told = send(client, content)
    assert told["state"] == "refused"
    assert [(one["row"], one["column"], one["message"]) for one in told["problems"]] == [
        (2, "name", "This is needed."),
        (3, "code", "A code has no slash in it."),
    ]
    assert sites(sessions) == 0
    told = send(client, "code,nmae\n")
    assert told["problems"][-1]["message"].startswith(
        "No column is called so. Did you mean Name (name)?"
    )


def test_a_post_sent_twice_is_done_once(client: FlaskClient, sessions: SessionFactory) -> None:
    first = send(client, SOUND, headers={"Idempotency-Key": "k1"})
    second = send(client, SOUND, headers={"Idempotency-Key": "k1"})
    assert (first["id"], first["created"]) == (second["id"], second["created"])
    with transaction(sessions, SCOPE) as session:
        assert session.scalar(select(func.count(ImportRun.id))) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [({"kind": "colours"}, "kind"), ({"content": "no base64!"}, "content"),
     ({"existing": "wipe"}, "existing"), ({"colour": 1}, "colour"), ({"content": ""}, "file")],
)  # fmt: skip
def test_what_makes_no_sense_is_named(
    client: FlaskClient, change: dict[str, Any], field: str
) -> None:
    assert field in send(client, SOUND, 422, **change)["errors"]


def test_rights_are_the_kinds(api: MakeClient) -> None:
    noc = api("noc")
    send(noc, SOUND, 403)
    assert noc.get(f"{IMPORTS}/templates/sites").status_code == 403
    made = send(api(), SOUND)
    # Who may change some kind sees imports of the kinds it may see.
    path = f"{IMPORTS}/{made['id']}"
    assert noc.get(path).status_code == 403


def large(rows: int) -> str:
    return "code,name\n" + "".join(f"S{n},x\n" for n in range(rows))


def test_a_large_sheet_is_a_workers(client: FlaskClient, sessions: SessionFactory) -> None:
    told = send(client, large(501), 202)
    assert (told["state"], told["rows"], told["created"]) == ("checking", 501, 0)
    with transaction(sessions, SCOPE) as session:
        task, arguments = session.execute(
            text("SELECT task_name, args FROM procrastinate_jobs")
        ).one()
    assert (task, arguments) == ("import_sheet", {"run_id": told["id"], "write": True})
    assert carry_on(sessions, BY_NAME, **arguments) == "done"
    shown = client.get(told["headers"]["Location"]).json
    assert shown is not None
    assert (shown["state"], shown["done"], shown["created"]) == ("done", 501, 501)
    assert sites(sessions) == 501
    # The job sent twice does nothing more.
    assert carry_on(sessions, BY_NAME, **arguments) == "done"
    assert sites(sessions) == 501


def test_a_large_dry_run_or_a_refused_one_writes_nothing(
    client: FlaskClient, sessions: SessionFactory
) -> None:
    dry = send(client, large(501), 202, dry_run=True)
    assert carry_on(sessions, BY_NAME, dry["id"]) == "ready"
    wrong = send(client, large(501) + "S1,y\n", 202)
    assert carry_on(sessions, BY_NAME, wrong["id"], write=True) == "refused"
    assert sites(sessions) == 0


def test_a_template_names_the_columns(client: FlaskClient) -> None:
    answer = client.get(f"{IMPORTS}/templates/sites")
    assert answer.status_code == 200
    assert answer.get_data().decode("utf-8-sig").split(",")[:2] == ["code", "name"]
    assert send(client, answer.get_data().decode("utf-8-sig") + "SH9,x\n")["state"] == "done"
    answer = client.get(f"{IMPORTS}/templates/cabinets?format=xlsx")
    book = openpyxl.load_workbook(io.BytesIO(answer.get_data()))
    assert "Code*" in [cell.value for cell in book.worksheets[0][1]]
    assert client.get(f"{IMPORTS}/templates/colours").status_code == 404
