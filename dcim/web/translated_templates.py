"""Templates compiled once a language: the constant words stand in the code of the page already.

A long page says several hundred words; looked up one by one at each request they take longer than
all the rest of the rendering.
"""

import hashlib
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import Any, ClassVar

from flask.templating import Environment
from jinja2 import FileSystemBytecodeCache, Template, nodes
from jinja2.bccache import Bucket
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from dcim.catalogues import find_catalogue
from dcim.i18n import choose_language, gettext


class WordPlacer(NodeTransformer):
    """Puts the translation in place of each `_("constant")`, filled in at run time where it has
    values; other `_()` become filters, which Jinja calls without the detour of a context."""

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802  Jinja's name
        self.generic_visit(node)
        named = isinstance(node.node, nodes.Name) and node.node.name in {"_", "gettext"}
        if not named or len(node.args) != 1 or node.dyn_args or node.dyn_kwargs:
            return node
        (argument,) = node.args
        at = {"lineno": node.lineno}
        if isinstance(argument, nodes.Const) and node.kwargs:
            pattern = nodes.MarkSafe(nodes.Const(gettext(argument.value), **at), **at)
            return nodes.Filter(pattern, "fill", [], node.kwargs, None, None, **at)
        if isinstance(argument, nodes.Const):
            return nodes.MarkSafe(nodes.Const(str(say(argument.value)), **at), **at)
        return node if node.kwargs else nodes.Filter(argument, "say", [], [], None, None, **at)


def say(text: str) -> Markup:
    """As jinja2.ext does at run time: always a format, in which "%%" is a per cent sign."""
    said = gettext(str(text))
    return Markup(said % {} if "%" in said else said)  # noqa: S704  from our catalogue


def fill(pattern: Markup, **values: object) -> Markup:
    """The values are escaped, the pattern is ours."""
    return pattern % values


class ForgivingCache(FileSystemBytecodeCache):
    """Nothing depends on it but the first seconds after a start: a full disk or a folder that was
    deleted must not keep a page from being shown."""

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().dump_bytecode(bucket)


class TranslatedEnvironment(Environment):
    """Hands each request the templates of its language; compiles them within such a request.

    What was compiled is kept in `cache_folder`, or in the instance's own where that is None.
    """

    cache_folder: ClassVar[Path | None] = None
    _language: str | None = None

    def __init__(self, app: Any, **options: Any) -> None:
        super().__init__(app, **options)
        self.filters.update(say=say, fill=fill)
        self._translated: dict[str, TranslatedEnvironment] = {}
        self._compiling = RLock()

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """A plain dict, not a chain of two: each import within a page compares its keys. What an
        extension adds after the first page was shown isn't seen."""
        return {**self.globals, **(d or {})}

    def _load_template(self, name: str, globals: MutableMapping[str, Any] | None) -> Template:
        if self._language is None:
            return self._speak(choose_language())._load_template(name, globals)
        # Several threads at the same template at once would each compile it.
        with self._compiling:
            return super()._load_template(name, globals)

    def _speak(self, language: str) -> "TranslatedEnvironment":
        with self._compiling:
            if language not in self._translated:
                spoken = self.overlay(bytecode_cache=self._open_cache(language))
                spoken._language = language
                spoken._compiling = RLock()
                self._translated[language] = spoken
            return self._translated[language]

    def _open_cache(self, language: str) -> ForgivingCache:
        """A folder for each state of what makes the code besides the template: the catalogue, whose
        words stand in it, and this module."""
        made_of = hashlib.sha256(Path(__file__).read_bytes())
        if (catalogue := find_catalogue(language)).exists():
            made_of.update(catalogue.read_bytes())
        place = self.cache_folder or self.app.config["JIFANG"].data / "cache"
        folder = place / f"templates-{language}-{made_of.hexdigest()[:16]}"
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return ForgivingCache(str(folder))

    def _generate(
        self,
        source: nodes.Template,
        name: str | None,
        filename: str | None,
        defer_init: bool = False,
    ) -> str:
        # Other templates aren't escaped: there a word is no markup.
        if self._language is not None and (name or "").endswith(".html"):
            source = WordPlacer().visit(source)
        return super()._generate(source, name, filename, defer_init)
