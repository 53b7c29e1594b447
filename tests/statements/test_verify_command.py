"""`dcim statement verify` as a newcomer meets it: what it says and with which exit code."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from dcim.cli import main
from dcim.statements.composition import compose
from dcim.statements.differences import describe_previous, hash_json
from reports.attachments import Attachment
from reports.render import render
from reports.sign import CERTIFICATE_NAME, generate_signer, load_signer, sign
from reports.verdict import EXIT_CODES
from tests.statements.examples import small_inputs, statement
from tests.statements.sampled import raise_sample, rewrite, sampled_inputs
from tests.unit.reports.reattaching import reattached

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


def test_with_the_raw_samples_the_bins_are_proven_too(sampled: tuple[Path, Path]) -> None:
    path, samples = sampled
    code, said = verify(path, "--evidence", samples)
    assert code == EXIT_CODES["signer_unknown"], said
    assert "✓ Computed anew from the raw samples: all 10415 bins agree." in said
    # Without them it says so, and is as sound as before.
    code, said = verify(path, "--language", "zh")
    assert (code, "? 没有提供原始采样" in said) == (EXIT_CODES["signer_unknown"], True)


def test_a_changed_raw_sample_names_its_bin(sampled: tuple[Path, Path], tmp_path: Path) -> None:
    path, samples = sampled
    other = tmp_path / "other.zip"
    name = "traffic/BW-A05/0002.csv"
    other.write_bytes(rewrite(samples.read_bytes(), name, raise_sample(1, 2, 1)))
    code, said = verify(path, "--evidence", other)
    assert code == EXIT_CODES["samples"]
    assert "✗ The file of raw samples is not the one in the manifest" in said
    assert "✗ 1 bin does not follow from the raw samples." in said
    assert "✗ Bandwidth of the 10G port 2026-10-14 16:00–16:05 UTC: attached" in said
    other.write_bytes(b"hello")
    code, said = verify(path, "--evidence", other)
    assert (code, "no readable ZIP" in said) == (EXIT_CODES["samples"], True)


def test_bins_that_do_not_follow_even_when_the_operator_signed_both(tmp_path: Path) -> None:
    """The manifest names the very archive; its samples make other bins than those attached."""
    inputs, archive = sampled_inputs()
    changed = rewrite(archive, "power/A05-A.csv", raise_sample(9, 1, 10**7))
    (tmp_path / "samples.zip").write_bytes(changed)
    inputs["evidence"] |= {
        "bytes": len(changed), "sha256": hashlib.sha256(changed).hexdigest()
    }  # fmt: skip
    made = compose(inputs)
    files = [Attachment(f.name, f.content, f.media_type, f.what["en"]) for f in made.attachments]
    signer = generate_signer(tmp_path, "Operator")
    path = tmp_path / "statement.pdf"
    path.write_bytes(sign(render(made.data, files), signer, datetime(2026, 11, 1, tzinfo=UTC)))
    code, said = verify(path, "--evidence", tmp_path / "samples.zip")
    assert code == EXIT_CODES["bins"]
    assert "✓ The file of raw samples is the one in the manifest." in said
    assert "✗ Cabinet A05, feed A 2026-09-30 16:00–17:00 UTC: attached" in said
    assert verify(path)[0] == EXIT_CODES["signer_unknown"]  # control: nobody looked


def test_samples_that_no_statement_names_prove_nothing(
    signed: tuple[Path, Path, str], sampled: tuple[Path, Path]
) -> None:
    code, said = verify(signed[0], "--evidence", sampled[1])
    assert (code, "proves nothing" in said) == (EXIT_CODES["samples"], True)
    code, said = verify(sampled[0], "--evidence", sampled[1].with_name("none.zip"))
    assert (code, "There is no file" in said) == (1, True)


def test_one_changed_bin_names_every_number_that_no_longer_holds(
    sampled: tuple[Path, Path], tmp_path: Path
) -> None:
    """One attached value changed and attached again: what follows from it is named."""
    attached = {f.name: f.content for f in compose(sampled_inputs()[0]).attachments}
    lines = attached["bins/BW-A05.csv"].split(b"\n")
    start, inward, outward, covered = lines[1].split(b",")
    lines[1] = b",".join([start, inward, str(int(outward) + 10**15).encode(), covered])
    path = tmp_path / "statement.pdf"
    changed = reattached(sampled[0].read_bytes(), "bins/BW-A05.csv", b"\n".join(lines))
    path.write_bytes(changed)
    code, said = verify(path, "--json")
    found = json.loads(said)
    assert code == EXIT_CODES["altered"]
    paths = {one["path"] for one in found["differences"]}
    assert {f"usage[bandwidth.BW-A05].{key}" for key in ("billed_bps", "out_max_bps")} <= paths
    assert not [one for one in paths if one.startswith(("metrics", "power"))]
    assert any("do not fit the manifest" in check["text"]["en"] for check in found["checks"])


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


def revise(folder: Path, change: str) -> Path:
    """Revision 2 of the statement, by the same signer; `change` is the fee it corrects."""
    old = statement("small", "zh").data
    inputs = small_inputs("zh")
    inputs["document"] |= {
        "revision": 2, "supersedes": old["number"], "number": "SLA-2",
        "reason": {"zh": "月费有误", "en": "月费有误"},
    }  # fmt: skip
    inputs["items"][0]["mrc"] = change
    file_sha256 = hashlib.sha256((folder / "statement.pdf").read_bytes()).hexdigest()
    inputs["previous"] = describe_previous(old, hash_json(old), file_sha256)
    made = compose(inputs)
    files = [Attachment(f.name, f.content, f.media_type, f.what["zh"]) for f in made.attachments]
    path = folder / f"revision-{change}.pdf"
    signer = load_signer(folder)
    path.write_bytes(sign(render(made.data, files), signer, datetime(2026, 11, 9, tzinfo=UTC)))
    return path


def test_a_revision_proves_itself_and_what_it_replaces(signed: tuple[Path, Path, str]) -> None:
    path, _, fingerprint = signed
    later = revise(path.parent, "999.00")
    trust = ("--trust", fingerprint)
    code, said = verify(later, *trust)
    assert code == 0, said
    code, said = verify(path, *trust)
    assert code == 0
    assert "Whether a newer revision exists is not known" in said
    code, said = verify(path, *trust, "--successor", later)
    assert code == EXIT_CODES["superseded"]
    assert "Replaced by SLA-2 (revision 2)" in said
    code, said = verify(path, *trust, "--successor", later, "--language", "zh")
    assert "已被 SLA-2（版次 2）替代" in said
    # Nothing replaces itself, nor the older one the newer.
    assert verify(path, *trust, "--successor", path)[0] == 0
    assert verify(later, *trust, "--successor", path)[0] == 0
    code, said = verify(path, "--successor", path.with_name("none.pdf"))
    assert (code, "There is no file" in said) == (1, True)


def test_every_exit_code_is_documented() -> None:
    text = DOCS.read_text("utf-8")
    for name, code in EXIT_CODES.items():
        assert f"| {code} | `{name}` |" in text
