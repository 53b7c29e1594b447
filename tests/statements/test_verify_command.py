"""`dcim statement verify` as a newcomer meets it: what it says and with which exit code."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from dcim.cli import main
from reports.attachments import Attachment
from reports.render import render
from reports.sign import CERTIFICATE_NAME, generate_signer, sign
from reports.verdict import EXIT_CODES
from tests.statements.examples import statement

DOCS = Path(__file__).parents[2] / "docs" / "statement.md"


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A statement's file, its signer's certificate and fingerprint."""
    folder = tmp_path_factory.mktemp("signed")
    signer = generate_signer(folder, "操作方")
    made = statement("small", "zh")
    files = [Attachment(f.name, f.content, f.media_type, f.what["zh"]) for f in made.attachments]
    path = folder / "statement.pdf"
    path.write_bytes(sign(render(made.data, files), signer, datetime(2026, 11, 1, tzinfo=UTC)))
    return path, folder / CERTIFICATE_NAME, signer.fingerprint


def verify(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["statement", "verify", *map(str, arguments)])
    return result.exit_code, result.output


def test_with_the_fingerprint_it_is_proven(signed: tuple[Path, Path, str]) -> None:
    path, certificate, fingerprint = signed
    assert verify(path)[0] == EXIT_CODES["signer_unknown"]
    for trust in (fingerprint, certificate):
        code, said = verify(path, "--trust", trust, "--language", "zh")
        assert code == 0, said
    assert verify(path, "--trust", "0" * 64)[0] == EXIT_CODES["untrusted"]


def test_json_is_for_programs(signed: tuple[Path, Path, str]) -> None:
    code, said = verify(signed[0], "--json")
    found = json.loads(said)
    assert (found["outcome"], found["exit_code"]) == ("signer_unknown", code)


@pytest.mark.parametrize("content", [b"hello", b"%PDF-1.4\n1 0 obj<<>>endobj\n%%EOF\n", b""])
def test_what_is_no_statement_is_called_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.pdf"
    path.write_bytes(content)
    code, said = verify(path)
    assert code == EXIT_CODES["no_statement"]
    assert said.startswith("✗")


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    code, said = verify(tmp_path / "none.pdf")
    assert (code, "There is no file" in said) == (1, True)
    code, said = verify(tmp_path)
    assert (code, "can't be read" in said) == (1, True)
    assert "Traceback" not in said


def test_every_exit_code_is_documented() -> None:
    text = DOCS.read_text("utf-8")
    for name, code in EXIT_CODES.items():
        assert f"| {code} | `{name}` |" in text
