"""The PDF: bytes, tags, attachments, metadata, fonts, figures, pages."""

import io
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pikepdf
import pytest

from reports import pages
from reports.attachments import Attachment, AttachmentError, canonical_bytes
from reports.figures import amount, bit_rate, celsius, kilowatt_hours, percentage, plain
from reports.render import FONTS, RenderingError, fits_small, lay_out, page_markup, render
from tests.hostile_texts import PRODUCT, TEXTS, check_pdf
from tests.unit.reports import samples

Rendered = Callable[[str], bytes]
Tool = Callable[..., str]


def opened(pdf: bytes) -> pikepdf.Pdf:
    return pikepdf.open(io.BytesIO(pdf))


def test_same_statement_same_bytes(rendered: Rendered) -> None:
    extra = [Attachment("bins/a.csv", b"start,bps\n0,1\n", "text/csv", "Bins")]
    assert render(samples.example("zh"), extra) == rendered("breached-zh")


def test_same_bytes_in_another_process(rendered: Rendered) -> None:
    code = (
        "import hashlib, sys\n"
        "from tests.unit.reports import samples\n"
        "from reports.render import render\n"
        "from reports.attachments import Attachment\n"
        "e = [Attachment('bins/a.csv', b'start,bps\\n0,1\\n', 'text/csv', 'Bins')]\n"
        "print(hashlib.sha256(render(samples.small('zh'), e)).hexdigest())\n"
    )
    import hashlib

    result = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True,
        env={"PYTHONHASHSEED": "7", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert result.stdout.strip() == hashlib.sha256(rendered("small-zh")).hexdigest()


def test_another_content_is_another_identifier(rendered: Rendered) -> None:
    other = render(samples.small("zh"), [Attachment("bins/a.csv", b"x", "text/csv")])
    first, second = (opened(pdf).trailer["/ID"][0] for pdf in (rendered("small-zh"), other))
    assert bytes(first) != bytes(second)


def test_tags_alternatives_and_claims(rendered: Rendered) -> None:
    with opened(rendered("breached-en")) as pdf:
        assert pdf.Root["/MarkInfo"]["/Marked"]
        assert str(pdf.Root["/Lang"]) == "en"
        assert pdf.Root["/ViewerPreferences"]["/DisplayDocTitle"]
        metadata = bytes(pdf.Root["/Metadata"].read_bytes())
        assert b'pdfaid:part="3"' in metadata
        assert b'pdfaid:conformance="A"' in metadata
        assert b'pdfuaid:part="1"' in metadata
        assert "/OutputIntents" in pdf.Root
        figures = [
            item for item in pdf.objects
            if isinstance(item, pikepdf.Dictionary) and item.get("/S") == "/Figure"
        ]  # fmt: skip
        assert len(figures) >= 10
        assert all(str(figure["/Alt"]).strip() for figure in figures)
        kinds = {
            str(item["/S"]) for item in pdf.objects
            if isinstance(item, pikepdf.Dictionary) and "/S" in item and "/P" in item
        }  # fmt: skip
        assert {"/H1", "/H2", "/Table", "/TR", "/TH", "/TD", "/Figure"} <= kinds
        with pdf.open_outline() as outline:
            titles = [entry.title for entry in outline.root]
        assert any("Service credits" in title for title in titles)


def test_attachments_with_relationship_and_dates(rendered: Rendered) -> None:
    with opened(rendered("breached-zh")) as pdf:
        associated = [item.objgen for item in pdf.Root["/AF"]]
        assert len(associated) == len(set(associated)) == 2
        names = pdf.Root["/Names"]["/EmbeddedFiles"]["/Names"]
        listed = {str(names[n]["/UF"]): names[n] for n in range(1, len(names), 2)}
        assert list(listed) == ["bins/a.csv", "statement.json"]
        assert str(listed["bins/a.csv"]["/AFRelationship"]) == "/Data"
        assert str(listed["statement.json"]["/AFRelationship"]) == "/Source"
        stream = listed["statement.json"]["/EF"]["/F"]
        assert str(stream["/Params"]["/ModDate"]) == "D:20261101010000Z"
        assert stream.read_bytes() == canonical_bytes(samples.example("zh"))


def test_names_of_attachments_are_unique() -> None:
    twice = [Attachment("a.csv", b"1", "text/csv"), Attachment("a.csv", b"2", "text/csv")]
    with pytest.raises(AttachmentError, match=r"a\.csv"):
        render(samples.small("en"), twice)
    with pytest.raises(AttachmentError, match=r"statement\.json"):
        render(samples.small("en"), [Attachment("statement.json", b"{}", "application/json")])


@pytest.mark.parametrize("name", ["breached-zh", "breached-en", "hostile-zh", "small-en"])
def test_only_listed_fonts_embedded_as_subsets(rendered: Rendered, tool: Tool, name: str) -> None:
    lines = tool("pdffonts", rendered(name)).splitlines()[2:]
    assert lines
    for line in lines:
        font = line.split()[0]
        family = re.sub(r"-(Bold|Book|Oblique)$", "", font.split("+")[-1]).replace("-", " ")
        assert family in FONTS, line
        assert re.search(r"yes +yes +yes", line), line


def test_a_missing_face_stops_the_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.render.FACE", "No Such Face")
    with pytest.raises(RenderingError, match="No Such Face is not installed"):
        render(samples.small("en"), [])


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_figures_can_be_read(rendered: Rendered, tool: Tool, language: str) -> None:
    statement = samples.example(language)
    text = tool("pdftotext", rendered(f"breached-{language}"), "-layout")
    usage, totals = statement["usage"][0], statement["totals"]
    wanted = [statement["number"], statement["dispute"]["deadline"]]
    wanted += [percentage(m["availability_pct"], m["downtime_s"]) for m in statement["metrics"]]
    wanted += [amount(m["credit"]["amount"]) for m in statement["metrics"]]
    wanted += [amount(line["amount"]) for line in statement["ledger"]]
    wanted += [amount(totals["total"]), amount(totals["credits"]), bit_rate(usage["billed_bps"])]
    wanted += [entry["id"] for key in ("incidents", "maintenance") for entry in statement[key]]
    wanted += [kilowatt_hours(feed["energy_wh"]) for feed in statement["power"]]
    wanted += [celsius(place["max_mc"]) for place in statement["environment"]]
    wanted += [f"{series['received']:,}" for series in statement["coverage"]]
    wanted += [part["sha256"] for part in statement["manifest"]]
    assert [figure for figure in wanted if figure not in text] == []
    dense = re.sub(r"\s+", "", tool("pdftotext", rendered(f"breached-{language}"), "-raw"))
    reasons = [incident["reason"][language] for incident in statement["incidents"]]
    reasons += [rule["text"][language] for rule in statement["method"]]
    running = re.compile(r"机密·.*?共\d+页|Confidential–.*?of\d+")
    assert any(not incident["counted"] for incident in statement["incidents"])
    for reason in reasons:
        assert re.sub(r"\s+", "", reason)[:24] in running.sub("", dense)


def test_pages(rendered: Rendered) -> None:
    assert len(opened(rendered("small-zh")).pages) == 1
    assert len(opened(rendered("small-en")).pages) == 1
    assert 4 <= len(opened(rendered("breached-zh")).pages) <= 9
    assert len(opened(rendered("hostile-zh")).pages) <= 14


@pytest.mark.slow
def test_a_large_customer_stays_readable() -> None:
    pdf = render(samples.many("en", 40), [])
    assert len(opened(pdf).pages) <= 40
    assert len(pdf) < 6_000_000


@pytest.mark.parametrize("kind", ["breached", "review"])
def test_never_full_availability_with_downtime(rendered: Rendered, tool: Tool, kind: str) -> None:
    text = tool("pdftotext", rendered(f"{kind}-en"), "-layout")
    rows = [line for line in text.splitlines() if re.search(r"Breached|Met|review", line)]
    assert rows
    assert not any(re.search(r"\b100(\.0+)?\b", row) for row in rows)


def test_percentages_are_cut_not_rounded() -> None:
    assert percentage("99.999999", 1) == "99.999"
    assert percentage("100.000000", 1) == "99.999"
    assert percentage("100.000000", 0) == "100"
    assert percentage("99.9996", 0) == "99.999"
    assert percentage(None) == "–"


def test_hostile_names_are_only_text(rendered: Rendered, tool: Tool) -> None:
    text = tool("pdftotext", rendered("hostile-zh"))
    assert "<script>alert(1)</script>" in re.sub(r"\s+", "", text)
    assert "{{7*7}}" in re.sub(r"\s+", "", text)
    for unsafe in "\u202e\u202c\u200b\u0007\ue000":
        assert unsafe in samples.HOSTILE
        assert unsafe not in page_markup(samples.hostile("zh"), small=False)
    assert "\u202e" not in text
    with opened(rendered("hostile-zh")) as pdf:
        assert all("/Annots" not in page or no_external(page) for page in pdf.pages)


def test_every_attack_is_printed_as_what_it_is(rendered: Rendered, tool: Tool) -> None:
    pdf = rendered("hostile-zh")
    assert check_pdf(pdf) == []
    printed = squeeze(tool("pdftotext", pdf))
    assert [one for one in TEXTS if squeeze(plain(one)) not in printed] == []
    assert PRODUCT not in printed


def squeeze(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_a_file_that_acts_is_noticed() -> None:
    """Control of the test above, which would pass with a blind check."""
    pdf, buffer = pikepdf.new(), io.BytesIO()
    action = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))
    pdf.Root.OpenAction = pdf.make_indirect(action)
    pdf.save(buffer)
    assert check_pdf(buffer.getvalue()) == ["active /JavaScript"]


def no_external(page: pikepdf.Page) -> bool:
    return not any("/A" in note and "/URI" in note["/A"] for note in page["/Annots"])


def test_without_escaping_the_markup_would_get_through() -> None:
    """Control: the same text in an environment that does not escape becomes an element."""
    from jinja2 import Environment

    template = Environment(autoescape=False).from_string("<p>{{ name }}</p>")  # noqa: S701
    assert "<script>" in template.render(name=samples.HOSTILE)
    assert "<script>" not in page_markup(samples.hostile("en"), small=False)


def test_a_missing_field_is_an_error() -> None:
    statement = samples.example("en")
    del statement["dispute"]
    with pytest.raises(Exception, match="dispute"):
        render(statement, [])


def test_a_template_that_reaches_outside_fails() -> None:
    with pytest.raises(RenderingError, match="fetches nothing"):
        lay_out('<p><img src="data:image/png;base64,AAAA"></p>')


@pytest.mark.parametrize("language", ["zh", "en"])
def test_decisions_by_people_are_told_whole(language: str) -> None:
    """How the time counts in words, what shows it, and why it was approved."""
    words = {"up": ("正常", "up"), "down": ("中断", "down"), "left_out": ("不计", "left out")}
    for treatment, said in words.items():
        statement = samples.needs_review(language)
        statement["decisions"][0]["treat_unknown"] = treatment
        page = page_markup(statement, small=False)
        assert f"<td>{said[language == 'en']}</td>" in page
        for told in ("noc.li", "ops.wang", "WO-4711", "抄表记录已核对"):
            assert told in page
    # As it was printed before there was evidence to tell.
    for key in ("evidence", "approval"):
        del statement["decisions"][0][key]
    page = page_markup(statement, small=False)
    assert "noc.li" in page
    assert "WO-4711" not in page


@pytest.mark.parametrize("language", ["zh", "en"])
def test_who_approved_it_before_it_was_issued_is_told(language: str) -> None:
    statement = samples.small(language)
    head = ("出账前复核", "Approved before it was issued")[language == "en"]
    assert fits_small(statement)
    assert head not in page_markup(statement, small=False)
    statement["approval"] = {
        "proposed_by": "li.na", "proposed_at": "2026-11-01T01:00:00Z", "reason": "缺口<属实>",
        "approved_by": "wang.wei", "approved_at": "2026-11-02T01:00:00Z", "text": "同意出账",
    }  # fmt: skip
    # One page has no room to say so.
    assert not fits_small(statement)
    page = page_markup(statement, small=False)
    for told in (head, "li.na", "wang.wei", "缺口&lt;属实&gt;", "同意出账", "2026-11-02 09:00"):
        assert told in page, told


def test_a_revision_says_what_it_replaces_why_and_what_it_changes() -> None:
    page = page_markup(samples.revision("zh"), small=False)
    notice, changes = page.split("供电抵扣")
    for told in ("第 2 版，替代第 1 版（SLA-202610-C1003-01，2026-11-01 09:00 出账）", "b" * 64,
                 "原因：断电系客户自行操作", "本期应付由 ¥44,070.00 变为 ¥45,000.00"):  # fmt: skip
        assert told in notice
    for told in ("−930.00", "930.00", "45,000.00", "可用性与目标、费用明细。", "其余部分与原版一致",
                 "a" * 64, "li.na", "wang.wei", "与值班记录相符"):  # fmt: skip
        assert told in changes
    page = page_markup(samples.revision("en"), small=True)
    for told in ("Revision 2, replaces revision 1 of 2026-11-01 09:00", "Breached",
                 "Parts that say something else: service levels, charges."):  # fmt: skip
        assert told in page
    # As it was printed before there was a table to tell.
    assert "本版变更" not in page_markup(samples.needs_review("zh"), small=False)


def test_words_alone_say_that_no_amount_changes() -> None:
    statement = samples.revision("en")
    total = {"key": "total", "before": "1.00", "after": "1.00", "difference": "0.00"}
    statement["replaces"]["differences"] |= {"results": [], "lines": [], "totals": [total]}
    page = page_markup(statement, small=False)
    assert "No result and no amount changes." in page
    assert "Amount due as before: ¥1.00." in page
    assert "Difference" not in page


def cover_ends(statement: dict[str, Any]) -> tuple[float, float]:
    """Where the last line above the foot of the cover ends, and where the foot begins (px)."""
    page = lay_out(page_markup(statement, small=False)).pages[0]
    ends, foot = 0.0, 0.0
    for box in page._page_box.descendants():
        element = box.element
        if element is None:
            continue
        if element.get("class") == "legend":
            ends = max(ends, box.position_y + box.height)
        if element.get("class") == "foot":
            foot = box.position_y
    return ends, foot


def test_a_long_reason_leaves_the_cover_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    statement = samples.revision("zh", samples.many("zh", 8))
    statement["reason"] = {"zh": "核" * 255, "en": "x"}
    statement["verdict"]["text"] = {"zh": "十一项指标中一项未达标，" * 3, "en": "x"}
    ends, foot = cover_ends(statement)
    assert 0 < ends < foot
    # The whole reason stands with the table.
    assert "核" * 255 in page_markup(statement, small=False)
    # The control: with as many rows as a first issue has they run into each other.
    monkeypatch.setattr(pages, "COVER_MM", 1000)
    ends, foot = cover_ends(statement)
    assert ends > foot


def test_long_names_leave_the_cover_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    statement = samples.many("en", 4)
    statement["usage"], statement["power"] = [], []
    for metric in statement["metrics"]:
        metric["subject"] = {"zh": "x", "en": "Port SW-C02-2 HundredGigE1/0/16"}
    text = "21 of 323 service levels missed, credits of CNY 30,714.00"
    statement["verdict"]["text"] = {"zh": "x", "en": text}
    assert len(pages.arrange(statement)["cover_metrics"]) == 4
    ends, foot = cover_ends(statement)
    assert 0 < ends < foot
    # The control: six names of two lines under a headline of two run into the foot.
    monkeypatch.setattr(pages, "COVER_MM", 1000)
    assert len(pages.arrange(statement)["cover_metrics"]) == 6
    ends, foot = cover_ends(statement)
    assert ends > foot
