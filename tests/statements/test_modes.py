"""Statements under every charging mode: they fit the schema and are proven from their files."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from click.testing import CliRunner

from dcim.cli import main
from dcim.metering.charging import Mode
from dcim.sla.rules.language.checks import IDLE_WORDS
from dcim.statements.attachments import read_inputs
from dcim.statements.composition import Statement, compose
from reports.attachments import Attachment
from reports.render import render
from reports.sign import CERTIFICATE_NAME, generate_signer, sign
from tests.statements.examples import as_json, breached_inputs
from tests.statements.test_composition import SCHEMA

MODES: tuple[Mode, ...] = get_args(Mode)


def inputs_of(mode: Mode) -> dict[str, Any]:
    """The breached month, its port under a mode: words that say nothing then are taken out."""
    inputs = breached_inputs("zh")
    head, word, rest = inputs["terms"].partition("    percentile: 95\n")
    assert word
    text = f"    mode: {mode}\n{word}{rest}"
    for key, modes in IDLE_WORDS.items():
        if mode in modes:
            text = re.sub(rf"^    {key}: .*\n", "", text, flags=re.MULTILINE)
    if mode == "night_half_95":
        text = f"    night: 19:00-23:00\n{text}"
    if mode == "flat":
        text = text.replace("{over: 72.00}", "{committed: 30.00}")
    return inputs | {"terms": head + text}


@pytest.fixture(scope="module", params=MODES)
def made(request: pytest.FixtureRequest) -> tuple[Mode, Statement]:
    return request.param, compose(inputs_of(request.param))


def test_the_statement_fits_the_schema_and_names_its_mode(made: tuple[Mode, Statement]) -> None:
    mode, statement = made
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    found = jsonschema.Draft202012Validator(schema).iter_errors(statement.data)
    assert [error.message for error in found] == []
    [line] = [line for line in statement.data["usage"] if line["method"] == "percentile"]
    assert line.get("mode") == (None if mode == "month_95" else mode)
    booked = [
        entry for entry in statement.data["ledger"] if entry["key"].startswith("usage:bandwidth.")
    ]
    # What comes to nothing is no line of the ledger.
    assert [entry["amount"] for entry in booked] == [line["amount"]] * (line["amount"] != "0.00")


def test_it_is_composed_again_from_its_files(made: tuple[Mode, Statement]) -> None:
    _, statement = made
    again = compose(read_inputs(statement.attachments))
    assert as_json(again.data) == as_json(statement.data)


def test_a_mode_is_charged_unlike_another(made: tuple[Mode, Statement]) -> None:
    """The control: would the mode be ignored, every amount would be that of month_95."""
    mode, statement = made
    plain = compose(breached_inputs("zh"))
    amounts = [one.data["totals"]["usage"] for one in (plain, statement)]
    assert (amounts[0] == amounts[1]) == (mode == "month_95")


def test_a_signed_statement_with_days_is_proven(tmp_path: Path) -> None:
    statement = compose(inputs_of("mean_day_95"))
    signer = generate_signer(tmp_path, "操作方")
    files = [
        Attachment(f.name, f.content, f.media_type, f.what["zh"]) for f in statement.attachments
    ]
    pages = render(statement.data, files)
    path = tmp_path / "statement.pdf"
    path.write_bytes(sign(pages, signer, datetime(2026, 11, 1, tzinfo=UTC)))
    result = CliRunner().invoke(
        main, ["statement", "verify", str(path), "--trust", str(tmp_path / CERTIFICATE_NAME)]
    )
    assert result.exit_code == 0, result.output
