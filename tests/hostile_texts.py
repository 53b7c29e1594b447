"""Forty and more texts that devices and people could give, each dangerous somewhere.

`TRIPWIRE` is put into every page before its own scripts: what runs calls `pwned`, what is let in as
markup carries the id `pw` or the element `x-pw`, what fetches asks pwned.example.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import count
from xml.parsers.expat import ParserCreate
from zlib import crc32

import pikepdf

from dcim.db import Base

# Markup and scripts.
MARKUP = (
    "<script>pwned()</script>",
    '"><script>pwned()</script>',
    "'><script src=//pwned.example/1></script>",
    "<img id=pw src=x onerror=pwned()>",
    '"><img id=pw src=//pwned.example/2 onload=pwned()>',
    "<svg id=pw onload=pwned()>",
    "<svg><animate id=pw onbegin=pwned() attributeName=x>",
    "</title><script>pwned()</script>",
    "</textarea><img id=pw src=x onerror=pwned()>",
    "</script><script>pwned()</script>",
    "</style><img id=pw src=x onerror=pwned()>",
    "--><img id=pw src=x onerror=pwned()>",
    "]]><img id=pw src=x onerror=pwned()>",
    '" autofocus onfocus=pwned() x="',
    "' onmouseover=pwned() x='",
    "javascript:pwned()",
    "data:text/html,<script>parent.pwned()</script>",
    "<a id=pw href=javascript:pwned()>x</a>",
    '<iframe id=pw srcdoc="<script>parent.pwned()</script>">',
    "<math id=pw><mtext><style><img onerror=pwned() src=x>",
    "<base id=pw href=//pwned.example/>",
    "<meta id=pw http-equiv=refresh content=0;url=//pwned.example>",
    "<form id=pw action=//pwned.example><input id=pw name=x>",
    "<details id=pw open ontoggle=pwned()>",
    '<style id=pw>@import"//pwned.example/3";</style>',
    "x:url(//pwned.example/4);}*{display:none",
    "<x-pw hx-get=/pwned hx-trigger=load hx-on:load=pwned()>",
    # For what takes entities or escapes apart once too often.
    "&lt;img id=pw src=x onerror=pwned()&gt;",
    "&#60;img id=pw src=x onerror=pwned()&#62;",
    "\\u003cimg id=pw src=x onerror=pwned()\\u003e",
)
# Templates and formats: 7191 x 7193 is what nobody writes by chance.
PRODUCT = str(7191 * 7193)
TEMPLATES = (
    "{{7191*7193}}${7191*7193}#{7191*7193}",
    "{% include '/etc/passwd' %}<%=7191*7193%>",
    "%(pw)s %s %n {0.__class__} {pw}",
)
# What a spreadsheet takes for a formula.
FORMULAS = (
    '=HYPERLINK("//pwned.example","x")',
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=7191*7193",
    "\r=7191*7193",
)
# Lines, terminals, paths, XML, PDF, SQL, directions.
OTHERS = (
    "x\r\nSet-Cookie: pw=1\r\n\r\n<img id=pw src=x>",
    'ok\n2026-01-01T00:00:00Z level=error event="pw"',
    "\x1b[31mred\x1b]0;pw\x07\x1b[2J\x9b1m",
    "cod\u202eexe.\u2066fdp\u2069\u200b\ufeff\u200e",
    "../../../../etc/passwd",
    '<!DOCTYPE x [<!ENTITY pw SYSTEM "file:///etc/passwd">]>&pw;',
    "</rdf:RDF></x:xmpmeta><pw/>",
    ") >> /OpenAction << /S /JavaScript /JS (pwned\\(\\)) >>",
    "'; DROP TABLE port; --",
)
TEXTS = (*MARKUP, *TEMPLATES, *FORMULAS, *OTHERS)
# Octets only the network can send: no text at all.
OCTETS = (b"nul\x00<img id=pw src=x onerror=pwned()>\x00", b"half\xed\xa0\x80\xff\xfe\x81<b id=pw>")

TRIPWIRE = """
window.__pwned = []; window.__violations = [];
window.pwned = () => { window.__pwned.push(location.pathname); return ''; };
document.addEventListener('securitypolicyviolation', one => window.__violations.push(
    `${one.effectiveDirective} ${one.blockedURI} ${one.sample}`));
"""

# What is in a page that no template of ours writes; each as a line.
SEARCH = """() => {
    const told = window.__pwned.map(one => `ran ${one}`);
    told.push(...window.__violations.map(one => `refused ${one}`));
    for (const one of document.querySelectorAll('#pw, x-pw, iframe, object, embed, base'))
        told.push(`made ${one.outerHTML.slice(0, 120)}`);
    if (document.querySelector('meta[http-equiv=refresh]')) told.push('made a refresh');
    for (const one of document.scripts)
        if (!one.src && !/json$/.test(one.type)) told.push(`inline ${one.text.slice(0, 80)}`);
    for (const one of document.querySelectorAll('*'))
        for (const {name, value} of one.attributes) {
            if (/^(on|hx-on|style$|srcdoc$)/.test(name))
                told.push(`${one.tagName} ${name}=${value}`);
            else if (/^(href|src|action|formaction|xlink:href|hx-.*)$/.test(name)
                && /^[\\s\\0-\\x1f]*(javascript|data|vbscript):/i.test(value))
                told.push(`${one.tagName} ${name}=${value.slice(0, 80)}`);
        }
    return told;
}"""


ACTIVE = {"/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/GoToR", "/Rendition", "/Movie"}


def room_of(table: str, column: str) -> int:
    """How many characters a column takes; of one without a limit, some thousand."""
    length = getattr(Base.metadata.tables[table].c[column].type, "length", None)
    return int(length or 4000)


def make_filler() -> Callable[[str, str, str], str]:
    """A stand-in for the seeded world's `canary`: as many of TEXTS as the column takes.

    Each tenant's begins with another one, so the rows of a list hold more than one of them does.
    """
    numbers = count()

    def fill(tag: str, table: str, column: str) -> str:
        room = room_of(table, column) if column in Base.metadata.tables[table].c else 200
        end = f"~{tag}{next(numbers)}"
        start = crc32(f"{table}.{column}".encode()) + (ord(tag) - ord("A")) * 6
        text = ""
        for step in range(len(TEXTS)):
            one = TEXTS[(start + step) % len(TEXTS)]
            if len(text) + len(one) + 1 + len(end) <= room:
                text += one if not text else f" {one}"
        return (text + end)[:room] if room > len(end) else end[-room:]

    return fill


def check_pdf(content: bytes) -> list[str]:
    """What in a file could act or lead to where a text says; its metadata must be XML."""
    told = []
    with pikepdf.open(io.BytesIO(content)) as pdf:
        for one in pdf.objects:
            if not isinstance(one, pikepdf.Dictionary | pikepdf.Stream):
                continue
            if "/JS" in one or str(one.get("/S", "")) in ACTIVE or "/AA" in one:
                told.append(f"active {one.get('/S')}")
            if "pwned" in str(one.get("/URI", "")):
                told.append(f"leads to {one.get('/URI')}")
        if "/Metadata" in pdf.Root:
            ParserCreate().Parse(pdf.Root.Metadata.read_bytes(), True)
    return told
