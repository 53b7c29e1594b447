"""Verification: every flipped bit, every changed sample, every missing file is told apart."""

import hashlib
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from reports import seal
from reports.attachments import STATEMENT_NAME, Attachment, canonical_bytes
from reports.render import render
from reports.seal import SealError, check_seal
from reports.sign import Signer, generate_signer, sign
from reports.trust import Trust, TrustError, read_trust
from reports.unpacking import embedded_files
from reports.verification import EXIT_CODES, Verdict, verify
from tests.unit.reports import samples
from tests.unit.reports.reattaching import reattached

SEED = 20261123


def trusting(signer: Signer) -> Trust:
    return read_trust([signer.fingerprint])


def flip(pdf: bytes, position: int, bit: int) -> bytes:
    changed = bytearray(pdf)
    changed[position] ^= 1 << bit
    return bytes(changed)


def flip_drill(pdf: bytes, count: int, seed: int) -> list[tuple[int, int]]:
    """Flip one bit at each of `count` seeded positions; half of them in the signature itself.

    Returns (position, bit) of the flips that were not detected.
    """
    chance = random.Random(seed)
    hole = check_seal(pdf)
    missed = []
    for turn in range(count):
        inside = (hole.hole_start - 20, hole.hole_start + 2 * len(hole.cms) + 60)
        position = chance.randrange(*inside) if turn % 2 else chance.randrange(len(pdf))
        bit = chance.randrange(8)
        verdict = verify(flip(pdf, position, bit), samples.recompute)
        if verdict.exit_code not in {EXIT_CODES["altered"], EXIT_CODES["no_statement"]}:
            missed.append((position, bit))
    return missed


def test_an_issued_statement_fits(issued: bytes, signer: Signer) -> None:
    verdict = verify(issued, samples.recompute, trusting(signer))
    assert verdict.outcome == "trusted"
    assert verdict.exit_code == 0
    assert verdict.number == "SLA-202610-C1003-01"
    assert not verdict.differences
    assert any("values agree" in line for line in verdict.words("en"))
    assert any("全部一致" in line for line in verdict.words("zh"))
    assert verdict.as_json()["exit_code"] == 0


def test_the_signed_file_begins_with_the_unsigned_one(issued: bytes) -> None:
    assert issued.startswith(samples.evidence_pdf("en"))
    verdict = verify(issued, samples.recompute, rerender=lambda *_: samples.evidence_pdf("en"))
    assert [check.state for check in verdict.checks if check.key == "print"] == ["ok"]
    other = verify(issued, samples.recompute, rerender=lambda *_: b"%PDF other")
    assert [check.state for check in other.checks if check.key == "print"] == ["unknown"]


def test_poppler_agrees(issued: bytes, tool: Callable[..., str]) -> None:
    report = tool("pdfsig", issued, "-nocert")
    assert "Signature is Valid" in report
    assert "Total document signed" in report


def test_every_flipped_bit_is_detected(issued: bytes) -> None:
    assert flip_drill(issued, 200, SEED) == []


def test_control_without_the_seal_flips_get_through(
    issued: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hole's padding is not under the digest: without the form check nobody notices."""
    hole = check_seal(issued)
    padding = hole.hole_start + 1 + 2 * len(hole.cms) + 10
    changed = bytearray(issued)
    changed[padding] = ord("1")
    assert verify(bytes(changed), samples.recompute).outcome == "altered"
    monkeypatch.setattr(seal, "check_hole", lambda content: bytes.fromhex(
        content[1:-1].decode())[: len(hole.cms)])  # fmt: skip
    assert verify(bytes(changed), samples.recompute).outcome == "signer_unknown"


def test_control_without_the_digest_and_signature_flips_get_through(
    issued: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    position = issued.index(b"/Creator") + 12
    changed = flip(issued, position, 0)
    assert verify(changed, samples.recompute).outcome == "altered"
    monkeypatch.setattr(
        "reports.signature.check_cryptography", lambda pdf, seal: ([b""], None, None)
    )
    monkeypatch.setattr("reports.signature.check_signer", lambda *_: None)
    verdict = verify(changed, samples.recompute)
    assert "altered" not in verdict.outcomes


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda pdf: pdf + b"\n", "whole file"),
        (lambda pdf: pdf.replace(b"/ByteRange [0 ", b"/ByteRange [1 ", 1), "whole file"),
        (lambda pdf: pdf[:-7], "whole file"),
    ],
)
def test_the_ranges_must_span_the_file(
    issued: bytes, change: Callable[[bytes], bytes], words: str
) -> None:
    with pytest.raises(SealError, match=words):
        check_seal(change(issued))


def test_the_hex_must_be_canonical(issued: bytes) -> None:
    hole = check_seal(issued)
    text = issued[hole.hole_start : hole.hole_end]
    lower = issued[: hole.hole_start] + text.lower() + issued[hole.hole_end :]
    with pytest.raises(SealError, match="upper-case hex"):
        check_seal(lower)


def test_a_changed_sample_names_the_number(issued: bytes) -> None:
    rates = [n * 1_000_000 for n in range(100)]
    rates[95:] = [rate + 7_000_000 for rate in rates[95:]]
    rates[94] += 3_000_000
    changed = reattached(issued, "bins/bandwidth.BW-A05.csv", samples.bins_file(rates).data)
    verdict = verify(changed, samples.recompute)
    assert verdict.outcome == "altered"
    assert {"altered", "attachments", "numbers"} <= verdict.outcomes
    paths = [difference.path for difference in verdict.differences]
    assert "usage[bandwidth.BW-A05].billed_bps" in paths
    named = next(d for d in verdict.differences if d.path.endswith("billed_bps"))
    assert (named.stated, named.computed) == ("94000000", "97000000")


def test_numbers_that_do_not_follow_even_when_signed(signer: Signer) -> None:
    """The operator's own key does not help: the statement must follow from what it attaches."""
    statement, files = samples.with_evidence(samples.example("zh"))
    statement["usage"][0]["billed_bps"] += 1
    pdf = sign(render(statement, files), signer, samples.SIGNED_AT)
    verdict = verify(pdf, samples.recompute, trusting(signer))
    assert verdict.exit_code == EXIT_CODES["numbers"]
    assert [d.path for d in verdict.differences] == ["usage[bandwidth.BW-A05].billed_bps"]
    blind = verify(pdf, lambda _files: statement, trusting(signer))
    assert blind.exit_code == 0  # control: without recomputation nothing is noticed


def test_stripped_added_and_altered_attachments(signer: Signer) -> None:
    statement, files = samples.with_evidence(samples.example("en"))
    stripped = sign(render(statement, files[:1]), signer, samples.SIGNED_AT)
    verdict = verify(stripped, samples.recompute)
    assert verdict.exit_code == EXIT_CODES["attachments"]
    assert any("missing: bins/bandwidth" in line for line in verdict.words("en"))
    extra = [*files, Attachment("more.csv", b"1", "text/csv")]
    verdict = verify(sign(render(statement, extra), signer, samples.SIGNED_AT), samples.recompute)
    assert verdict.exit_code == EXIT_CODES["attachments"]
    assert any("added: more.csv" in line for line in verdict.words("en"))


def test_without_the_statement_it_is_told(issued: bytes) -> None:
    verdict = verify(reattached(issued, STATEMENT_NAME, None), samples.recompute)
    assert verdict.outcome == "altered"
    assert any("statement.json is not attached" in line for line in verdict.words("en"))


def test_doubled_keys_in_the_statement_are_refused(issued: bytes) -> None:
    data = canonical_bytes(samples.example("en")).replace(
        b'{"charts"', b'{"number":"x","charts"', 1
    )
    verdict = verify(reattached(issued, STATEMENT_NAME, data), samples.recompute)
    assert any("a key occurs twice" in line for line in verdict.words("en"))


@pytest.mark.parametrize("depth", [900, 100_000])
def test_what_is_nested_without_end_is_told(issued: bytes, depth: int) -> None:
    usual = canonical_bytes(samples.example("en")).rstrip()
    data = usual[:-1] + b',"x":' + b"[" * depth + b"]" * depth + b"}"
    verdict = verify(reattached(issued, STATEMENT_NAME, data), samples.recompute)
    assert verdict.outcome == "altered"
    assert any("nested too deeply" in line for line in verdict.words("en"))


def test_recomputation_that_fails_is_told(issued: bytes) -> None:
    def fail(_files: object) -> dict[str, object]:
        raise ValueError("rules version 9 is not known")

    verdict = verify(issued, fail)
    assert verdict.exit_code == EXIT_CODES["not_recomputed"]
    assert any("rules version 9" in line for line in verdict.words("zh"))


def test_unsigned_and_foreign_files(issued: bytes) -> None:
    assert verify(samples.evidence_pdf("en"), samples.recompute).outcome == "altered"
    assert verify(b"hello", samples.recompute).outcome == "no_statement"
    blank = pikepdf.new()
    blank.add_blank_page()
    output = io.BytesIO()
    blank.save(output)
    verdict = verify(output.getvalue(), samples.recompute)
    assert verdict.outcome == "no_statement"


def test_signers_are_told_apart(issued: bytes, signer: Signer, tmp_path: Path) -> None:
    stranger = generate_signer(tmp_path, "Somebody Else")
    assert verify(issued, samples.recompute).outcome == "signer_unknown"
    assert verify(issued, samples.recompute, trusting(stranger)).outcome == "untrusted"
    by_file = read_trust([signer.certificates_pem])
    assert verify(issued, samples.recompute, by_file).outcome == "trusted"
    colons = ":".join(signer.fingerprint[n : n + 2].upper() for n in range(0, 64, 2))
    assert verify(issued, samples.recompute, read_trust([colons])).outcome == "trusted"


def test_trust_must_be_readable() -> None:
    with pytest.raises(TrustError, match="64 hex digits"):
        read_trust(["abc"])
    with pytest.raises(TrustError, match="PEM or DER"):
        read_trust([b"nonsense"])


def test_a_superseded_revision(issued: bytes, signer: Signer) -> None:
    later = samples.example("en")
    later |= {"revision": 2, "supersedes": later["number"], "number": "SLA-202610-C1003-02"}
    later["reason"] = {"zh": "更正", "en": "Corrected"}
    statement, files = samples.with_evidence(later)
    successor = sign(render(statement, files), signer, samples.SIGNED_AT)
    verdict = verify(issued, samples.recompute, trusting(signer), successor=successor)
    assert verdict.exit_code == EXIT_CODES["superseded"]
    same = verify(issued, samples.recompute, trusting(signer), successor=issued)
    assert same.exit_code == 0


def make_successor(signer: Signer, **more: Any) -> bytes:
    later = samples.example("en")
    later |= {"revision": 2, "supersedes": later["number"], "number": "SLA-202610-C1003-02"} | more
    statement, files = samples.with_evidence(later)
    return sign(render(statement, files), signer, samples.SIGNED_AT)


def replaced(sha256: str) -> dict[str, Any]:
    nothing = {"results": [], "lines": [], "totals": [], "parts": ["incidents"]}
    return {
        "number": "SLA-202610-C1003-01", "revision": 1, "frozen_at": "2026-11-01T01:00:00Z",
        "sha256": sha256, "file_sha256": "b" * 64, "differences": nothing,
    }  # fmt: skip


def test_a_successor_by_somebody_else_does_not_count(
    issued: bytes, signer: Signer, tmp_path: Path
) -> None:
    other = generate_signer(tmp_path, "Else")
    forged = make_successor(other)
    verdict = verify(issued, samples.recompute, trusting(signer), successor=forged)
    assert verdict.exit_code == 0
    assert any("does not replace this statement" in line for line in verdict.words("en"))
    # A new key of the operator's counts, once it is trusted.
    both = read_trust([signer.fingerprint, other.fingerprint])
    verdict = verify(issued, samples.recompute, both, successor=forged)
    assert verdict.exit_code == EXIT_CODES["superseded"]


def test_a_successor_names_the_very_statement(issued: bytes, signer: Signer) -> None:
    data = embedded_files(issued)[STATEMENT_NAME]
    sha256 = hashlib.sha256(data.rstrip(b"\n")).hexdigest()
    for told, outcome in ((sha256, "superseded"), ("0" * 64, "trusted")):
        successor = make_successor(signer, replaces=replaced(told))
        verdict = verify(issued, samples.recompute, trusting(signer), successor=successor)
        assert verdict.outcome == outcome
    # Of one further on only the month and the signer tell.
    third = make_successor(signer, revision=3, supersedes="SLA-202610-C1003-02")
    verdict = verify(issued, samples.recompute, trusting(signer), successor=third)
    assert verdict.outcome == "superseded"


@pytest.mark.parametrize("key", ["contract", "period"])
def test_another_month_or_contract_replaces_nothing(
    issued: bytes, signer: Signer, key: str
) -> None:
    part = dict(samples.example("en")[key])
    part |= {"number": "OTHER"} if key == "contract" else {"label": "2026-09"}
    successor = make_successor(signer, **{key: part})
    verdict = verify(issued, samples.recompute, trusting(signer), successor=successor)
    assert verdict.outcome == "trusted"


def test_a_signed_file_of_another_shape_replaces_nothing(issued: bytes, signer: Signer) -> None:
    statement, files = samples.with_evidence(
        samples.example("en") | {"revision": 2, "supersedes": "SLA-202610-C1003-01"}
    )
    plain = render(statement, files)
    for more in ({"replaces": ["x"]}, {"replaces": {"sha256": 7}}, {"supersedes": None}):
        odd = reattached(plain, STATEMENT_NAME, canonical_bytes(statement | more))
        successor = sign(odd, signer, samples.SIGNED_AT)
        assert "altered" not in verify(successor, samples.recompute).outcomes
        verdict = verify(issued, samples.recompute, trusting(signer), successor=successor)
        assert verdict.outcome == "trusted"


def test_an_altered_successor_counts_for_nothing(issued: bytes, signer: Signer) -> None:
    successor = make_successor(signer)
    middle = len(successor) // 2
    for odd in (flip(successor, middle, 1), b"%PDF-1.7 nonsense", b""):
        verdict = verify(issued, samples.recompute, trusting(signer), successor=odd)
        assert verdict.outcome == "trusted"


def test_every_outcome_has_an_exit_code() -> None:
    for outcome, code in EXIT_CODES.items():
        assert Verdict(outcomes={outcome}).exit_code == code
    assert len(set(EXIT_CODES.values())) == len(EXIT_CODES)
    assert Verdict(outcomes={"trusted", "numbers", "altered"}).outcome == "altered"
