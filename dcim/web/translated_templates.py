"""Templates compiled once a language: the constant words stand in the code of the page already.

A long page says several hundred words; looked up one by one at each request they take longer than
all the rest of the rendering.
"""

from collections.abc import MutableMapping
from typing import Any

from flask.templating import Environment
from jinja2 import Template, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from dcim.i18n import choose_language, gettext


class WordPlacer(NodeTransformer):
    """Puts the translation in place of each `_("constant")`; a filter in place of other lone `_()`,
    which Jinja calls without the detour of a context function."""

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802  Jinja's name
        self.generic_visit(node)
        named = isinstance(node.node, nodes.Name) and node.node.name in {"_", "gettext"}
        lone = len(node.args) == 1 and not (node.kwargs or node.dyn_args or node.dyn_kwargs)
        if not named or not lone:
            return node
        (argument,) = node.args
        at = {"lineno": node.lineno}
        if isinstance(argument, nodes.Const):
            return nodes.MarkSafe(nodes.Const(str(say(argument.value)), **at), **at)
        return nodes.Filter(argument, "say", [], [], None, None, **at)


def say(text: str) -> Markup:
    """As jinja2.ext does at run time: always a format, in which "%%" is a per cent sign."""
    said = gettext(str(text))
    return Markup(said % {} if "%" in said else said)  # noqa: S704  from our catalogue


class TranslatedEnvironment(Environment):
    """Hands each request the templates of its language; compiles them within such a request."""

    _language: str | None = None
    _translated: "dict[str, TranslatedEnvironment]"

    def __init__(self, app: Any, **options: Any) -> None:
        super().__init__(app, **options)
        self._translated = {}
        self.filters["say"] = say

    def _load_template(self, name: str, globals: MutableMapping[str, Any] | None) -> Template:
        if self._language is not None:
            return super()._load_template(name, globals)
        return self._speak(choose_language())._load_template(name, globals)

    def _speak(self, language: str) -> "TranslatedEnvironment":
        if language not in self._translated:
            spoken = self.overlay()
            spoken._language = language
            self._translated[language] = spoken
        return self._translated[language]

    def _generate(
        self,
        source: nodes.Template,
        name: str | None,
        filename: str | None,
        defer_init: bool = False,
    ) -> str:
        if self._language is not None:
            source = WordPlacer().visit(source)
        return super()._generate(source, name, filename, defer_init)
