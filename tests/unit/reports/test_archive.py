"""What a file read by anybody's tool shows of PDF/A-3a and PDF/UA-1, clause by clause.

No validator can be had here; this reads the file and holds it to the clauses of ISO 19005-3 and
14289-1 that can be seen in its objects. What needs the glyphs or the meaning isn't checked.
"""

import hashlib
import io
import re
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import pikepdf
import pytest
from pikepdf import Name

from tests.unit.reports.damaging import Harm, damage

Rendered = Callable[[str], bytes]
KINDS = ["small-zh", "breached-zh", "review-en"]
FORBIDDEN_ACTIONS = {
    "/JavaScript", "/Launch", "/Sound", "/Movie", "/ResetForm", "/ImportData", "/Hide",
    "/SetOCGState", "/Rendition", "/Trans", "/GoTo3DView", "/SubmitForm", "/GoToE", "/URI",
}  # fmt: skip
PDFA, DC = "http://www.aiim.org/pdfa/ns/id/", "http://purl.org/dc/elements/1.1/"
UA = "http://www.aiim.org/pdfua/ns/id/"


def problems(pdf: bytes) -> list[str]:
    """What the file lacks, each with its clause."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return [
            *check_file(pdf, opened), *check_metadata(opened), *check_colours(opened),
            *check_fonts(opened), *check_actions(opened), *check_files(opened),
            *check_tags(opened),
        ]  # fmt: skip


def dictionaries(pdf: pikepdf.Pdf) -> Iterator[Any]:
    """Every dictionary of the file, those within others too."""
    waiting, seen = [*pdf.objects, pdf.trailer], set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, pikepdf.Array):
            waiting += list(item)
        elif isinstance(item, pikepdf.Dictionary | pikepdf.Stream):
            if item.is_indirect:
                if item.objgen in seen:
                    continue
                seen.add(item.objgen)
            yield item
            waiting += [value for _key, value in item.items()]


def check_file(raw: bytes, pdf: pikepdf.Pdf) -> Iterator[str]:
    if not re.match(rb"%PDF-1\.[0-7]\n%[\x80-\xff]{4}", raw):
        yield "6.1.2: header and four bytes above 127"
    if pdf.is_encrypted or "/Encrypt" in pdf.trailer:
        yield "6.1.3: encrypted"
    if len(pdf.trailer.get("/ID", [])) != 2:
        yield "6.1.3: no ID"
    for item in dictionaries(pdf):
        if isinstance(item, pikepdf.Stream):
            if {"/F", "/FFilter", "/FDecodeParms"} & set(item.keys()):
                yield "6.1.7: a stream lies outside the file"
            filters: Any = item.get("/Filter", pikepdf.Array())
            names = [filters] if isinstance(filters, pikepdf.Name) else list(filters)
            if any(name in ("/LZWDecode", "/Crypt") for name in names):
                yield "6.1.7.2: LZW or Crypt"


def check_metadata(pdf: pikepdf.Pdf) -> Iterator[str]:
    root = pdf.Root
    if "/Metadata" not in root or "/Filter" in root["/Metadata"]:
        yield "metadata missing, or not to be read without a PDF reader"
        return
    tree = ElementTree.fromstring(root["/Metadata"].read_bytes())  # noqa: S314 - our own file
    said = {
        name: value for one in tree.iter() for name, value in [*one.attrib.items(),
                                                               (one.tag, one.text)]
    }  # fmt: skip
    if (said.get(f"{{{PDFA}}}part"), said.get(f"{{{PDFA}}}conformance")) != ("3", "A"):
        yield "6.6.4: not claimed as PDF/A-3a"
    if said.get(f"{{{UA}}}part") != "1":
        yield "UA 5: not claimed as PDF/UA-1"
    titles = [one.text for one in tree.iter() if one.tag.startswith("{http://www.w3.org/1999/02/22")
              and one.tag.endswith("li")]  # fmt: skip
    if str(pdf.docinfo.get("/Title", "")) not in titles or not pdf.docinfo.get("/Title"):
        yield "6.6.3: title in Info isn't that of the metadata"
    if not root.get("/ViewerPreferences", pikepdf.Dictionary()).get("/DisplayDocTitle"):
        yield "UA 7.1: the title isn't shown"


def check_colours(pdf: pikepdf.Pdf) -> Iterator[str]:
    intents = [one for one in pdf.Root.get("/OutputIntents", []) if one["/S"] == "/GTS_PDFA1"]
    if len(intents) != 1 or "/DestOutputProfile" not in intents[0]:
        yield "6.2.3: no output intent"
        return
    profile = intents[0]["/DestOutputProfile"]
    data = profile.read_bytes()
    if data[36:40] != b"acsp" or data[16:20] != b"RGB " or int(profile["/N"]) != 3:
        yield "6.2.3: the profile isn't one of RGB"
    for page in pdf.pages:
        for item in _used(page.obj):
            if item.get("/S") == "/Transparency" and "/CS" not in item:
                yield "6.2.10: a transparency group without a colour space"
        spaces = [one for item in _used(page.obj) for one in _spaces(item)]
        if any(space in ("/DeviceCMYK", "/Separation", "/DeviceN") for space in spaces):
            yield "6.2.4.3: colours of another device than the intent's"


def _spaces(item: Any) -> list[str]:
    found = [item.get("/ColorSpace")] if item.get("/Subtype") == "/Image" else []
    return [str(one) for one in found if isinstance(one, pikepdf.Name)]


def _used(page: Any) -> Iterator[Any]:
    """The dictionaries that a page's own contents and resources consist of."""
    waiting, seen = [page.get(key) for key in ("/Resources", "/Group")], set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, pikepdf.Dictionary | pikepdf.Stream):
            if item.is_indirect and item.objgen in seen:
                continue
            seen.add(item.objgen)
            yield item
            waiting += [value for key, value in item.items() if key != "/Parent"]


def check_fonts(pdf: pikepdf.Pdf) -> Iterator[str]:
    fonts = [one for one in dictionaries(pdf) if one.get("/Type") == "/Font"]
    if not fonts:
        yield "no fonts"
    for font in fonts:
        if font["/Subtype"] in ("/CIDFontType0", "/CIDFontType2"):
            descriptor = font["/FontDescriptor"]
            if not {"/FontFile2", "/FontFile3"} & set(descriptor.keys()):
                yield f"6.2.11.4: {font['/BaseFont']} isn't embedded"
            if font["/Subtype"] == "/CIDFontType2" and "/CIDToGIDMap" not in font:
                yield f"6.2.11.3.2: {font['/BaseFont']} has no map of its glyphs"
        elif "/ToUnicode" not in font:
            yield f"6.2.11.7: {font.get('/BaseFont')} can't be read as text"


def check_actions(pdf: pikepdf.Pdf) -> Iterator[str]:
    for item in dictionaries(pdf):
        if {"/AA", "/JS"} & set(item.keys()) or item.get("/S") in FORBIDDEN_ACTIONS:
            yield f"6.5: an action {item.get('/S')}"
    for page in pdf.pages:
        for note in page.get("/Annots", []):
            if note["/Subtype"] == "/Widget" and not any(map(float, note["/Rect"])):
                continue  # the invisible signature: nothing to see or to read
            if note["/Subtype"] != "/Link" and "/AP" not in note:
                yield f"6.3.3: {note['/Subtype']} without an appearance"
            if not int(note.get("/F", 0)) & 4 or int(note.get("/F", 0)) & 0b101010:
                yield "6.3.2: a note isn't printed, or is hidden"
            if not str(note.get("/Contents", "")).strip():
                yield "UA 7.18.5: a link without words"
            if "/StructParent" not in note:
                yield "UA 7.18.1: a note outside of the tags"
        if page.get("/Annots") and page.get("/Tabs") != "/S":
            yield "UA 7.18.3: tabs don't follow the tags"


def check_files(pdf: pikepdf.Pdf) -> Iterator[str]:
    names = pdf.Root["/Names"]["/EmbeddedFiles"]["/Names"]
    listed = {names[place].objgen: names[place] for place in range(1, len(names), 2)}
    if {one.objgen for one in pdf.Root["/AF"]} != set(listed):
        yield "6.8: files that nothing names, or twice"
    for file in listed.values():
        stream = file["/EF"]["/F"]
        data, params = stream.read_bytes(), stream["/Params"]
        if file.get("/AFRelationship") not in ("/Source", "/Data", "/Supplement"):
            yield "6.8: no relationship"
        if not re.fullmatch(r"/[a-z]+/[a-z0-9.+-]+", str(stream.get("/Subtype"))):
            yield f"6.8: {file['/UF']} has no MIME type"
        if not str(file["/F"]) or str(file["/F"]) != str(file["/UF"]) or not file.get("/Desc"):
            yield f"6.8: {file['/UF']}: name or description"
        if "/ModDate" not in params or int(params["/Size"]) != len(data):
            yield f"6.8: {file['/UF']}: date or size"
        if bytes(params["/CheckSum"]) != hashlib.md5(data, usedforsecurity=False).digest():
            yield f"{file['/UF']}: checksum"


def check_tags(pdf: pikepdf.Pdf) -> Iterator[str]:
    root = pdf.Root
    if (
        not root.get("/MarkInfo", pikepdf.Dictionary()).get("/Marked")
        or "/StructTreeRoot" not in root
    ):
        yield "6.7.2: not tagged"
        return
    if not re.fullmatch(r"[a-z]{2}(-[A-Za-z]+)?", str(root.get("/Lang", ""))):
        yield "6.7.4: no language"
    level = 0
    for kind, element, above in walk(root["/StructTreeRoot"]):
        if kind == "Figure" and not str(element.get("/Alt", "")).strip():
            yield "6.7.3.4: a figure without words"
        if kind in {"H1", "H2", "H3", "H4", "H5", "H6"}:
            if int(kind[1]) > level + 1:
                yield f"UA 7.4.2: {kind} below H{level}"
            level = int(kind[1])
        if kind in {"TD", "TH"} and "TR" not in above[-1:]:
            yield f"UA 7.5: {kind} in {above[-1:]}"
        if kind == "Table" and "Table" in above:
            yield "a table in a table"
        if kind == "TD" and not headed(element):
            yield "UA 7.5: a cell without a heading"
        if kind == "TH" and element["/A"].get("/Scope") not in ("/Column", "/Row"):
            yield "UA 7.5: a heading without a scope"
    for page in pdf.pages:
        if "/StructParents" not in page:
            yield "6.7.3: a page outside of the tags"


def headed(cell: Any) -> bool:
    """Whether a cell names its headings."""
    return bool(list(cell.get("/A", pikepdf.Dictionary()).get("/Headers", [])))


def walk(root: Any) -> Iterator[tuple[str, Any, list[str]]]:
    """(kind, element, kinds above) in the order of reading."""

    def visit(element: Any, above: list[str]) -> Iterator[tuple[str, Any, list[str]]]:
        kind = str(element["/S"])[1:] if "/S" in element else ""
        if kind:
            yield kind, element, above
        kids = element.get("/K", [])
        for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
            if isinstance(kid, pikepdf.Dictionary) and kid.get("/Type") not in ("/MCR", "/OBJR"):
                yield from visit(kid, [*above, kind] if kind else above)

    yield from visit(root, [])


def test_a_signed_file_holds_it_too(issued: bytes) -> None:
    assert sorted(set(problems(issued))) == []


@pytest.mark.parametrize("name", KINDS)
def test_the_file_holds_what_it_claims(rendered: Rendered, name: str) -> None:
    assert sorted(set(problems(rendered(name)))) == []


def of_kind(pdf: pikepdf.Pdf, key: str, value: str) -> Any:
    return next(one for one in dictionaries(pdf) if one.get(key) == value)


def set_metadata(pdf: pikepdf.Pdf, old: bytes, new: bytes) -> None:
    data = pdf.Root["/Metadata"].read_bytes()
    assert old in data
    pdf.Root["/Metadata"].write(data.replace(old, new))


def first_file(pdf: pikepdf.Pdf) -> Any:
    return pdf.Root["/Names"]["/EmbeddedFiles"]["/Names"][1]


def first_note(pdf: pikepdf.Pdf) -> Any:
    return next(note for page in pdf.pages for note in page.get("/Annots", []))


def remove(item: Any, key: str) -> None:
    assert key in item
    del item[key]


# What is taken from a file, and the clause that then says so.
DAMAGES: list[tuple[str, Harm]] = [
    ("not claimed as PDF/A-3a", lambda pdf: set_metadata(pdf, b'part="3"', b'part="2"')),
    ("not claimed as PDF/UA-1",
     lambda pdf: set_metadata(pdf, b'pdfuaid:part="1"', b'pdfuaid:part="9"')),
    ("title in Info", lambda pdf: pdf.docinfo.__setitem__("/Title", "Another")),
    ("the title isn't shown", lambda pdf: remove(pdf.Root, "/ViewerPreferences")),
    ("no output intent", lambda pdf: remove(pdf.Root, "/OutputIntents")),
    ("isn't embedded",
     lambda pdf: [one.__delitem__(key) for one in dictionaries(pdf) for key in ("/FontFile2",
                  "/FontFile3") if one.get("/Type") == "/FontDescriptor" and key in one]),
    ("can't be read as text", lambda pdf: remove(of_kind(pdf, "/Subtype", "/Type0"), "/ToUnicode")),
    ("an action /JavaScript",
     lambda pdf: pdf.Root.__setitem__(
         "/OpenAction", pikepdf.Dictionary(S=Name.JavaScript, JS="1"))),
    ("a link without words", lambda pdf: remove(first_note(pdf), "/Contents")),
    ("a note outside of the tags", lambda pdf: remove(first_note(pdf), "/StructParent")),
    ("isn't printed", lambda pdf: first_note(pdf).__setitem__("/F", 2)),
    ("tabs don't follow", lambda pdf: [page.obj.__delitem__("/Tabs") for page in pdf.pages
                                       if "/Annots" in page]),
    ("no relationship", lambda pdf: remove(first_file(pdf), "/AFRelationship")),
    ("no MIME type", lambda pdf: remove(first_file(pdf)["/EF"]["/F"], "/Subtype")),
    ("date or size", lambda pdf: remove(first_file(pdf)["/EF"]["/F"]["/Params"], "/ModDate")),
    ("checksum", lambda pdf: first_file(pdf)["/EF"]["/F"]["/Params"].__setitem__(
        "/CheckSum", pikepdf.String("0" * 16))),
    ("files that nothing names", lambda pdf: pdf.Root["/AF"].__delitem__(0)),
    ("not tagged", lambda pdf: remove(pdf.Root, "/MarkInfo")),
    ("no language", lambda pdf: remove(pdf.Root, "/Lang")),
    ("a figure without words", lambda pdf: remove(of_kind(pdf, "/S", "/Figure"), "/Alt")),
    ("H5 below H", lambda pdf: of_kind(pdf, "/S", "/H2").__setitem__("/S", Name.H5)),
    ("a cell without a heading", lambda pdf: remove(of_kind(pdf, "/S", "/TD")["/A"], "/Headers")),
    ("a heading without a scope", lambda pdf: remove(of_kind(pdf, "/S", "/TH")["/A"], "/Scope")),
    ("a page outside", lambda pdf: remove(pdf.pages[0].obj, "/StructParents")),
    ("without a colour space", lambda pdf: pdf.pages[0].obj.__setitem__(
        "/Group", pikepdf.Dictionary(S=Name.Transparency))),
]  # fmt: skip


@pytest.mark.parametrize(("said", "harm"), DAMAGES, ids=[said for said, _ in DAMAGES])
def test_what_is_taken_away_is_seen(rendered: Rendered, said: str, harm: Harm) -> None:
    """The control of every clause."""
    assert any(said in problem for problem in problems(damage(rendered("review-en"), harm)))


def test_an_encrypted_file_is_seen(rendered: Rendered) -> None:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(rendered("small-zh"))) as opened:
        opened.save(out, encryption=pikepdf.Encryption(owner="x", user=""))
    assert any("encrypted" in problem for problem in problems(out.getvalue()))
