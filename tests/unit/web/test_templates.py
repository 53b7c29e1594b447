"""Pages that a strict content policy can carry, and drawings that keep tenants apart."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from flask import Flask, render_template

from tests.unit.web.conftest import sample_page
from tests.unit.web.sample_cabinet import sample_elevation

FOREIGN = ("北窗医影", "麦垄数据", "纸鸢视频", "gpu-node", "pacs-", "HT-0402", "HT-0377", "S-2291")
OWN = ("橙瓦支付", "pay-db-01", "HT-0318-02")


class PolicyBreaches(HTMLParser):
    """Collects what `script-src 'self'; style-src 'self'` would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.ids: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag if tag in ("script", "style") else ""
        for name, value in attrs:
            text = value or ""
            if name == "style" or name.startswith("on") or name.startswith("hx-on"):
                self.found.append(f"<{tag} {name}>")
            if name in ("href", "src", "action") and text.strip().lower().startswith("javascript:"):
                self.found.append(f"<{tag} {name}={text}>")
            if name in ("hx-vals", "hx-headers", "hx-trigger") and re.search(r"^js:|\[", text):
                self.found.append(f"<{tag} {name}={text}>")
            if name == "id":
                self.ids.append(text)
        if tag == "style":
            self.found.append("<style>")

    def handle_data(self, data: str) -> None:
        if self.inside == "script" and data.strip():
            self.found.append("<script> with a body")
        self.inside = "" if data.strip() else self.inside


def breaches(html: str) -> list[str]:
    reader = PolicyBreaches()
    reader.feed(html)
    return reader.found


def render(app: Flask, template: str, /, **context: object) -> str:
    with app.test_request_context("/"):
        return render_template(template, **{**sample_page(), **context})


def test_the_style_guide_keeps_the_content_policy(face: Flask) -> None:
    html = render(face, "styleguide.html")
    assert breaches(html) == []
    reader = PolicyBreaches()
    reader.feed(html)
    assert len(reader.ids) == len(set(reader.ids))


@pytest.mark.parametrize(
    "planted",
    [
        '<p style="color:red">',
        "<style>p{}</style>",
        "<script>run()</script>",
        '<a href="javascript:run()">',
        '<button onclick="run()">',
        '<i hx-on:click="run()">',
        '<i hx-trigger="click[run()]">',
    ],
)
def test_the_check_notices_what_the_policy_refuses(planted: str) -> None:
    assert breaches(planted)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503, 418])
def test_every_problem_has_words_and_a_way_out(face: Flask, status: int) -> None:
    html = render(face, "errors/problem.html", status=status, fields={"units": ["too high"]})
    assert re.search(r"<h1>\s*\S", html)
    assert 'class="btn btn-primary" href="/"' in html
    assert "too high" in html
    assert breaches(html) == []


def test_a_problem_answers_htmx_with_a_fragment(face: Flask) -> None:
    with face.test_request_context("/", headers={"HX-Request": "true"}):
        fragment = render_template("errors/problem.html", status=409)
    assert "<h1>" in fragment
    assert "<html" not in fragment


def test_a_page_needs_no_context_at_all(face: Flask) -> None:
    with face.test_request_context("/"):
        html = render_template("base.html")
    assert '<html lang="zh-CN">' in html


@pytest.mark.parametrize(("cookie", "shown"), [("dark", True), ("light", True), ("x><b", False)])
def test_the_chosen_theme_is_in_the_first_byte(face: Flask, cookie: str, shown: bool) -> None:
    with face.test_request_context("/", headers={"Cookie": f"theme={cookie}"}):
        html = render_template("base.html")
    assert (f'data-bs-theme="{cookie}"' in html) is shown
    assert ("data-bs-theme" in html) is shown


def draw(face: Flask, viewer: str | None) -> str:
    with face.test_request_context("/"):
        source = (
            '{% import "components/ui.html" as ui %}'
            '{{ ui.elevation(e, "A-07") }}{{ ui.mini_elevation(e, "A-07") }}'
        )
        return face.jinja_env.from_string(source).render(e=sample_elevation(viewer))


def test_a_tenants_drawing_and_table_name_nobody_else(face: Flask) -> None:
    html = draw(face, "c1")
    assert [word for word in FOREIGN if word in html] == []
    assert all(word in html for word in OWN)
    assert "For sale" not in html  # nor is free space told apart from sold


def test_without_a_viewer_the_drawing_names_everybody(face: Flask) -> None:
    """The control: the same template does print them."""
    html = draw(face, None)
    assert [word for word in (*FOREIGN, *OWN) if word not in html] == []


def test_hostile_names_stay_text(face: Flask) -> None:
    page = sample_page()
    page["user"] = {"name": "<script>alert(1)</script>", "detail": '"><img src=x>'}
    page["chart_data"]["series"][0]["label"] = "'\"><script>x</script>"
    html = render(face, "styleguide.html", **page)
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert breaches(html) == []


def test_missing_data_widens_the_budget_bar_and_is_hatched(face: Flask) -> None:
    sure = macro(face, "budget_bar(1, 4, 'x')")
    unsure = macro(face, "budget_bar(1, 4, 'x', used_max=3)")
    assert "hatch-unknown" not in sure
    assert 'width="35.71%"' in unsure.split("hatch-unknown")[0].rsplit("<rect", 1)[1]
    assert "hatch-unknown" in macro(face, "bar(none, 4, 'x')")


def test_gaps_in_a_sparkline_stay_gaps(face: Flask) -> None:
    line = macro(face, "sparkline([1, 2, none, 3, 4], 'x')")
    path = line.split('d="', 1)[1].split('"', 1)[0]
    assert path.count("M") == 2
    assert path.count("L") == 2


def macro(face: Flask, call: str) -> str:
    source = '{% import "components/ui.html" as ui %}{{ ui.' + call + " }}"
    with face.test_request_context("/"):
        return face.jinja_env.from_string(source).render()
