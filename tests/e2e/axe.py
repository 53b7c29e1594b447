"""axe-core in a page: what it calls serious, in the dark and in the light.

The script (MPL-2.0) comes with axe-playwright-python. The page's own server gives it, because the
content policy lets nothing else in, and the browser keeps it from one page to the next.
"""

from __future__ import annotations

from importlib.resources import files

from playwright.sync_api import Page

from tests.e2e.listening import Answer

PATH = "/axe-of-the-tests.js"
# Both themes are tried; what doesn't depend on colours, in one of them.
OF_COLOURS = ("color-contrast", "link-in-text-block")
GRAVE = ("serious", "critical")
# Of what axe calls moderate these are kept as well: a reader by ear finds the way by them.
ALSO = ("heading-order", "page-has-heading-one", "landmark-one-main", "empty-heading")

# What is asked of a whole page; a part that a page fetches is none.
OF_PAGES = ("document-title", "html-has-lang", *ALSO)

RUN = """async rules => {
    const options = {resultTypes: ['violations'], elementRef: false, preload: false};
    if (rules) options.runOnly = {type: 'rule', values: rules};
    else options.rules = {region: {enabled: false}, 'target-size': {enabled: true}};
    const {violations} = await axe.run(document, options);
    return violations.flatMap(one => one.nodes.map(node => [
        one.impact, one.id, node.target.flat().join(' '), node.html.slice(0, 160),
        [...node.any, ...node.all, ...node.none].map(check => check.message).join('; ')]));
}"""


def read_axe() -> Answer:
    script = (files("axe_playwright_python") / "axe.min.js").read_bytes()
    return {"Content-Type": "text/javascript", "Cache-Control": "max-age=3600"}, script


def examine(page: Page) -> list[str]:
    """What is wrong with the page, a line each: rule, theme, element, why. Leaves it light.

    The page is to be of a context with reduced motion: a colour on its way would be measured.
    """
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.add_script_tag(url=PATH)
    told = [("dark", *one) for one in page.evaluate(RUN, None)]
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    told += [("light", *one) for one in page.evaluate(RUN, list(OF_COLOURS))]
    is_part = page.evaluate("document.doctype === null")
    return [
        f"{rule} ({theme}, {impact}) at {target}: {html} -- {why}"
        for theme, impact, rule, target, html, why in told
        if (impact in GRAVE or rule in ALSO) and not (is_part and rule in OF_PAGES)
    ]
