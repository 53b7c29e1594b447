"""An app with small kinds over real tables, and a browser that fills in their forms."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from html import unescape

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.test import TestResponse

from dcim.accounts.roles import Right
from dcim.accounts.scope import Scope
from dcim.app import create_app
from dcim.config import Settings
from dcim.db import SessionFactory
from dcim.inventory.models import Cabinet
from dcim.kinds import KINDS
from dcim.policy import POLICY
from dcim.records.fields import ChoiceType, Field, IntegerType, ReferenceType
from dcim.records.kinds import Kind
from dcim.web.staff.records.registering import record_policy
from tests.integration.records.kinds import CODE, DEVICE_TYPE, ROOM, ROW, SITE
from tests.integration.web.conftest import Login, sign_in

STAFF = Scope.staff("li@dc.example")
CABINET = Kind(
    name="cabinet",
    plural="cabinets",
    label="Cabinet",
    label_plural="Cabinets",
    model=Cabinet,
    fields=(
        Field("row_id", "Row", ReferenceType(lambda: ROW), required=True),
        Field("code", "Code", CODE, required=True, searched=True),
        Field("position", "Position", IntegerType(0, 999), required=True),
        Field(
            "layout",
            "Layout",
            ChoiceType({"full": "Whole cabinet", "halves": "Two halves"}),
            default="full",
            group="Enclosure",
        ),
        Field("width_mm", "Width", IntegerType(1, 2000), default=600, unit="mm", group="Enclosure"),
    ),
    key=("row_id", "code"),
    see=Right.SEE_SPACE,
    change=Right.CHANGE_SPACE,
    page=("staff.cabinet", "cabinet_id"),
)
# A room has a page written by hand.
TRIED = (
    SITE,
    replace(ROOM, page=("staff.room", "room_id")),
    replace(ROW, page=("staff.row", "row_id")),
    CABINET,
    DEVICE_TYPE,
)


def make_app(settings: Settings, sessions: SessionFactory) -> Flask:
    """The application with these kinds in place of the real ones."""
    real = record_policy(KINDS).keys()
    policy = {name: access for name, access in POLICY.items() if name not in real}
    app = create_app(settings, sessions, kinds=TRIED, policy=policy | record_policy(TRIED))
    app.testing = True
    return app


class Browser:
    """Signed in, with the CSRF token at hand."""

    def __init__(self, app: Flask, login: Login) -> None:
        self.client: FlaskClient = app.test_client()
        assert sign_in(self.client, login) == 302
        self.token = ""

    def get(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        page = answer.get_data(as_text=True)
        if found := re.search(r'csrf-token" content="([^"]*)', page):
            self.token = found[1]
        return page

    def post(self, path: str, data: Mapping[str, object] | None = None) -> TestResponse:
        if not self.token:
            self.get("/staff/sites?view=0")
        return self.client.post(path, data={"csrf_token": self.token, **(data or {})})

    def create(self, path: str, **data: object) -> TestResponse:
        answer = self.post(f"{path}/new", data)
        assert answer.status_code == 303, said(answer)
        return answer


def said(answer: TestResponse | str) -> str:
    """The words of a page, without its markup."""
    text = answer if isinstance(answer, str) else answer.get_data(as_text=True)
    text = re.sub(r"(?s)<(script|style)\b.*?</\1>", " ", text)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text)))


def rows_of(page: str) -> list[str]:
    """The heads of the rows of a list, in their order."""
    return re.findall(r'<th scope="row"><a href="[^"]*">([^<]*)</a>', page)


@contextmanager
def counted(sessions: SessionFactory) -> Iterator[list[str]]:
    seen: list[str] = []
    engine = sessions.kw["bind"]

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)
