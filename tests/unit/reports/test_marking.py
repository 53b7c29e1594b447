"""Marked copies: seen and hidden marks, the original named, the numbers as sound as ever."""

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace

import pikepdf
import pytest

from reports import marking
from reports.attachments import STATEMENT_NAME
from reports.marking import COPY_NAME, Mark, MarkError, draft_images, find_codes, read_mark
from reports.render import FACE, lay_out, page_markup, render
from reports.sign import Signer, sign
from reports.verdict import EXIT_CODES
from reports.verification import verify
from tests.unit.reports import samples
from tests.unit.reports.reattaching import reattached

MARK = Mark(
    "0123456789abcdef0123", "示例审计 <Auditors> & Co.", "2026-11-03T02:00:00Z",
    "SLA-202610-C1003-01", 1, "ab" * 32,
)  # fmt: skip


@pytest.fixture(scope="module")
def unsigned() -> bytes:
    return render(*samples.with_evidence(samples.example("en")), MARK)


@pytest.fixture(scope="module")
def copy(unsigned: bytes, signer: Signer) -> bytes:
    return sign(unsigned, signer, samples.SIGNED_AT)


def test_the_verifier_tells_a_copy_and_its_original(copy: bytes, unsigned: bytes) -> None:
    verdict = verify(copy, samples.recompute, rerender=lambda *_: unsigned)
    assert verdict.outcome == "signer_unknown"
    assert not verdict.differences
    assert verdict.copy == MARK.as_json() == verdict.as_json()["copy"]
    said = "\n".join(verdict.words("en"))
    assert f"a marked copy for {MARK.recipient}; the original is SLA-202610-C1003-01" in said
    assert MARK.original_sha256 in said
    assert "values agree" in said
    assert "byte for byte" in said


def test_an_original_is_no_copy(issued: bytes) -> None:
    verdict = verify(issued, samples.recompute)
    assert verdict.copy is None
    assert "copy" not in verdict.as_json()
    assert find_codes(issued) == set()


def test_another_recipient_is_another_file(unsigned: bytes) -> None:
    statement, files = samples.with_evidence(samples.example("en"))
    other = replace(MARK, code="f" * 20, recipient="Somebody Else")
    drawn = render(statement, files, other)
    assert drawn != unsigned
    assert find_codes(drawn) == {"f" * 20}


def test_the_marks_move_nothing() -> None:
    """They lie behind the content: every page holds the very boxes it held without them."""
    for kind, small in (("example", False), ("small", True)):
        markup = page_markup(getattr(samples, kind)("zh"), small=small)
        images = marking.mark_images(MARK, "zh", FACE)
        plain, marked = lay_out(markup), lay_out(markup, images)
        assert [boxes(page) for page in plain.pages] == [boxes(page) for page in marked.pages]


def test_the_figures_of_a_copy_can_be_read(tool: Callable[..., str], unsigned: bytes) -> None:
    assert tool("pdftotext", unsigned).count("SLA-202610-C1003-01") > 1


def boxes(page: object) -> list[tuple[str, float, float, str]]:
    return [
        (type(box).__name__, box.position_x, box.position_y, getattr(box, "text", ""))
        for box in page._page_box.descendants()  # type: ignore[attr-defined]
    ]


def test_words_and_ticks_are_marked_as_no_content(unsigned: bytes) -> None:
    """Readers of the tags hear a statement, not its watermark."""
    with pikepdf.open(io.BytesIO(unsigned)) as document:
        for page in document.pages:
            content = page.Contents.read_bytes()
            assert content.index(b"/Artifact") < content.index(b"/Pattern cs")


def test_whoever_takes_attachments_and_signature_away_keeps_the_code(copy: bytes) -> None:
    bare = pikepdf.open(io.BytesIO(copy))
    del bare.Root["/Names"]
    del bare.Root["/AF"]
    del bare.Root["/AcroForm"]
    for page in bare.pages:
        if "/Annots" in page:
            del page["/Annots"]
    for page in bare.pages:  # the words across the page, too
        page.Resources["/Pattern"] = pikepdf.Dictionary()
    output = io.BytesIO()
    bare.save(output)
    assert COPY_NAME.encode() not in output.getvalue()
    assert find_codes(output.getvalue()) == {MARK.code}
    for page in bare.pages:  # control: without the ticks there is none to find
        page.Resources["/XObject"] = pikepdf.Dictionary()
    output = io.BytesIO()
    bare.save(output)
    assert find_codes(output.getvalue()) == set()


def test_a_copy_of_another_statement_or_with_another_code_is_odd(signer: Signer) -> None:
    statement, files = samples.with_evidence(samples.example("en"))
    foreign = render(statement, files, replace(MARK, number="SLA-202610-C9999-01"))
    verdict = verify(sign(foreign, signer, samples.SIGNED_AT), samples.recompute)
    assert verdict.exit_code == EXIT_CODES["attachments"]
    assert any("about SLA-202610-C9999-01" in line for line in verdict.words("en"))
    unmarked = render(statement, [*files, marking.describe_copy(MARK)])
    verdict = verify(sign(unmarked, signer, samples.SIGNED_AT), samples.recompute)
    assert verdict.exit_code == EXIT_CODES["attachments"]
    assert any("hide another code, or none" in line for line in verdict.words("en"))


def test_a_changed_figure_of_a_copy_is_named(signer: Signer) -> None:
    statement, files = samples.with_evidence(samples.example("zh"))
    statement["usage"][0]["billed_bps"] += 1
    pdf = sign(render(statement, files, MARK), signer, samples.SIGNED_AT)
    verdict = verify(pdf, samples.recompute)
    assert verdict.exit_code == EXIT_CODES["numbers"]
    assert [d.path for d in verdict.differences] == ["usage[bandwidth.BW-A05].billed_bps"]


def test_a_description_that_is_nested_without_end_is_odd(copy: bytes) -> None:
    verdict = verify(reattached(copy, COPY_NAME, b"[" * 100_000), samples.recompute)
    assert any("odd: copy.json is nested too deeply" in line for line in verdict.words("en"))


def test_a_copy_whose_description_is_taken_away_is_altered(copy: bytes) -> None:
    assert verify(reattached(copy, COPY_NAME, None), samples.recompute).outcome == "altered"
    assert verify(reattached(copy, STATEMENT_NAME, None), samples.recompute).outcome == "altered"


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "jifang.copy/2"}, {"code": "x"}, {"code": 7}, {"recipient": " "},
        {"recipient": None}, {"original": {}}, {"original": None}, {"more": 1},
        {"original": {"number": "a", "revision": "1", "sha256": "0" * 64}},
        {"original": {"number": "a", "revision": 1, "sha256": "0"}},
    ],
)  # fmt: skip
def test_odd_descriptions_are_refused(change: dict[str, object]) -> None:
    said = json.loads(marking.describe_copy(MARK).data)
    assert read_mark(said) == MARK
    with pytest.raises(MarkError):
        read_mark(said | change)


def tiled(pdf: bytes) -> list[bool]:
    """Of each page, whether a pattern lies over it: its text is drawn, but no tool reads it."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        contents = [page.Contents.read_bytes() for page in document.pages]
    return [re.search(rb"/p[0-9]+ scn", content) is not None for content in contents]


@pytest.mark.parametrize(("language", "words"), [("zh", "草稿"), ("en", "DRAFT")])
def test_a_draft_says_so_on_every_page(language: str, words: str) -> None:
    statement, files = samples.with_evidence(samples.example(language))
    drawn = render(statement, files, draft=True)
    [said] = draft_images(language, FACE).values()
    assert words in said.decode()
    assert len(tiled(drawn)) > 2
    assert all(tiled(drawn))
    # Control: what is issued has none.
    assert not any(tiled(render(statement, files)))
    assert find_codes(drawn) == set()
