"""WeasyPrint's finisher hook: the last look at the PDF's objects before they become bytes.

It reads fields of pydyf.Stream; the versions are pinned and a test renders with it.
"""

import zlib
from collections.abc import Callable
from typing import Any

LEVEL = 6

# PDF/UA-1 beside PDF/A-3a: the part, and the extension schema PDF/A asks for it.
UA_DESCRIPTION = b"""\
<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" pdfuaid:part="1"/>\
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" \
xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" \
xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#"><pdfaExtension:schemas><rdf:Bag>\
<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>PDF/UA identification</pdfaSchema:schema>\
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>\
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix><pdfaSchema:property><rdf:Seq>\
<rdf:li rdf:parseType="Resource"><pdfaProperty:name>part</pdfaProperty:name>\
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>\
<pdfaProperty:category>internal</pdfaProperty:category>\
<pdfaProperty:description>PDF/UA part</pdfaProperty:description></rdf:li></rdf:Seq>\
</pdfaSchema:property></rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>"""


def make_finisher(relationships: dict[str, str]) -> Callable[[Any, Any], None]:
    """A hook that knows each attachment's relationship by name."""

    def finish(document: Any, pdf: Any) -> None:
        del document
        import pydyf

        name_relationships(pdf, relationships)
        drop_doubled_files(pdf, pydyf)
        claim_accessibility(pdf, pydyf)
        leave_out_running(pdf, pydyf)
        place_figures(pdf)
        name_scopes(pdf)
        compress_once(pdf, pydyf)

    return finish


def name_relationships(pdf: Any, relationships: dict[str, str]) -> None:
    """WeasyPrint finds them by MD5, so two equal files would share the last one's."""
    for item in pdf.objects:
        if isinstance(item, dict) and item.get("Type") == "/Filespec":
            relationship = relationships.get(item["UF"].string)
            if relationship is not None:
                item["AFRelationship"] = f"/{relationship}"


def drop_doubled_files(pdf: Any, pydyf: Any) -> None:
    """WeasyPrint 70 lists every attachment twice in the catalog's AF."""
    if "AF" in pdf.catalog:
        pdf.catalog["AF"] = pydyf.Array(dict.fromkeys(pdf.catalog["AF"]))


def claim_accessibility(pdf: Any, pydyf: Any) -> None:
    """One variant per file is all WeasyPrint writes; PDF/UA-1 is added beside PDF/A-3a."""
    metadata = pdf.objects[int(pdf.catalog["Metadata"].split()[0])]
    metadata.stream = [metadata.stream[0].replace(b"</rdf:RDF>", UA_DESCRIPTION + b"</rdf:RDF>", 1)]
    pdf.catalog["ViewerPreferences"] = pydyf.Dictionary({"DisplayDocTitle": "true"})


def leave_out_running(pdf: Any, pydyf: Any) -> None:
    """Heads and feet of pages become artifacts (ISO 14289-1, 7.8). WeasyPrint 70 marks them as
    text of elements that hang nowhere in the tree of tags: neither told nor left out."""

    def behind(reference: bytes) -> Any:
        return pdf.objects[int(reference.split()[0])]

    root = behind(pdf.catalog["StructTreeRoot"])
    held: set[bytes] = set()
    waiting = list(root["K"])
    while waiting:
        kid = waiting.pop()
        if isinstance(kid, bytes):  # else a piece of the page, by its number
            held.add(kid)
            waiting += behind(kid).get("K", [])
    nums = behind(root["ParentTree"])["Nums"]
    owners = dict(zip(nums[::2], nums[1::2], strict=True))
    for reference in pdf.page_references:
        page = behind(reference)
        pieces = owners[page["StructParents"]]
        stream = behind(page["Contents"]).stream
        for place, part in enumerate(stream):
            if part == b"BDC" and pieces[stream[place - 1]["MCID"]] not in held:
                stream[place - 2 : place] = ["/Artifact", pydyf.Dictionary({"Type": "/Pagination"})]
        pieces[:] = [owner if owner in held else "null" for owner in pieces]
    elements = [item for item in pdf.objects if isinstance(item, pydyf.Dictionary)]
    for item in elements:
        if item.get("Type") == "/StructElem" and item.reference not in held:
            item.clear()


def place_figures(pdf: Any) -> None:
    """WeasyPrint 70 gives a figure's box in pixels from the top; a BBox counts points from the
    foot of the page (ISO 32000-1, 14.8.5.4.3)."""
    for item in pdf.objects:
        if isinstance(item, dict) and item.get("S") == "/Figure":
            page = pdf.objects[int(item["Pg"].split()[0])]
            left, top, right, bottom = (0.75 * float(length) for length in item["A"]["BBox"])
            height = float(page["MediaBox"][3])
            item["A"]["BBox"][:] = [left, height - bottom, right, height - top]


def name_scopes(pdf: Any) -> None:
    """WeasyPrint ties cells to their headings by name; readers that go by scope find that too."""

    def above(item: Any) -> Any:
        return pdf.objects[int(item["P"].split()[0])]

    for item in pdf.objects:
        if isinstance(item, dict) and item.get("S") == "/TH":
            heads_columns = above(above(item))["S"] == "/THead"
            item["A"]["Scope"] = "/Column" if heads_columns else "/Row"


def compress_once(pdf: Any, pydyf: Any) -> None:
    """pydyf would deflate each stream twice, once to hash and once to write it.

    The metadata stay as they are: archives read them without knowing PDF.
    """
    for item in pdf.objects:
        if isinstance(item, pydyf.Stream) and item.extra.get("Type") == "/Metadata":
            item.compress = False
        elif isinstance(item, pydyf.Stream) and item.compress:
            raw = b"\n".join(
                part if isinstance(part, bytes) else pydyf._to_bytes(part) for part in item.stream
            )
            item.stream, item.compress = [deflate(raw, item.extra.get("Subtype"))], False
            item.extra = pydyf.Dictionary({**item.extra, "Filter": "/FlateDecode"})


def deflate(raw: bytes, kind: object) -> bytes:
    """Measurements (CSV) are rows of digits that hardly repeat: with a window of a few rows, whose
    distances take few bits, and without short matches they come out a seventh smaller, sooner."""
    if "csv" in str(kind):
        deflater = zlib.compressobj(9, wbits=10, memLevel=9, strategy=zlib.Z_FILTERED)
    else:
        deflater = zlib.compressobj(LEVEL)
    return deflater.compress(raw) + deflater.flush()
