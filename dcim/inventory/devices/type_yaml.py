"""YAML of device types as a tree of strings with line numbers; refuses what could be misread.

No scalar is guessed at: a model called 2288 or "on" stays text. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from dcim.inventory.devices.type_descriptions import Problem
from dcim.records.fields import mark

LARGEST = 1_000_000  # octets of one file
MOST_NODES = 30_000
DEEPEST = 8
# The same language, by libyaml where it is built in.
LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NOTHING = {"", "~", "null", "Null", "NULL"}


class UnreadableError(ValueError):
    """The file can't be read at all; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Node:
    """One of text (None: nothing was written), words (a mapping), entries (a list)."""

    line: int
    text: str | None = None
    words: "dict[str, Node] | None" = None
    entries: "list[Node] | None" = None

    @property
    def is_text(self) -> bool:
        return self.words is None and self.entries is None


def read_trees(content: bytes) -> list[Node]:
    """The mappings of a file's documents, at least one.

    Raises UnreadableError for size, encoding, aliases, tags, depth, duplicate keys, and what is no
    YAML.
    """
    if len(content) > LARGEST:
        raise _refusal(0, mark("The file is larger than %(size)s kB."), size=LARGEST // 1000)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refusal(0, mark("The file is not UTF-8 text.")) from error
    try:
        _refuse_tricks(text)
        documents = list(yaml.compose_all(text, Loader=LOADER))
    except yaml.YAMLError as error:
        marked = getattr(error, "problem_mark", None)
        line = marked.line + 1 if marked else 0
        said = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise _refusal(line, mark("Not readable as YAML: %(error)s"), error=said) from error
    except ValueError as error:
        if isinstance(error, UnreadableError):
            raise
        raise _refusal(0, mark("Not readable as YAML: %(error)s"), error=str(error)) from error
    if not documents or not all(isinstance(one, yaml.MappingNode) for one in documents):
        raise _refusal(0, mark("A file describes a device type, as names and values."))
    return [_convert(document) for document in documents]


def _refusal(line: int, message: str, **places: object) -> UnreadableError:
    return UnreadableError(Problem("file", message, places, line))


def _refuse_tricks(text: str) -> None:
    """Before a tree is made of it: what can grow without end, or run something."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.AliasEvent | yaml.NodeEvent):
            line = _line_of(event)
            nodes += 1
            if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
                raise _refusal(line, mark("Anchors and aliases can't be accepted."))
            # "!" alone is how the parser marks a quoted scalar.
            if getattr(event, "tag", None) not in {None, "!"}:
                raise _refusal(line, mark("Tags can't be accepted."))
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST or nodes > MOST_NODES:
            raise _refusal(
                _line_of(event), mark("This is more than one device type's description.")
            )


def _line_of(what: yaml.Event | yaml.Node) -> int:
    return what.start_mark.line + 1 if what.start_mark else 0


def _convert(node: yaml.Node) -> Node:
    line = _line_of(node)
    if isinstance(node, yaml.MappingNode):
        return Node(line, words=dict(_pairs(node)))
    if isinstance(node, yaml.SequenceNode):
        return Node(line, entries=[_convert(entry) for entry in node.value])
    text: str = node.value
    empty = isinstance(node, yaml.ScalarNode) and node.style is None and text in NOTHING
    return Node(line, text=None if empty else text)


def _pairs(node: yaml.MappingNode) -> Iterator[tuple[str, Node]]:
    seen: set[str] = set()
    for key, value in node.value:
        line = _line_of(key)
        if not isinstance(key, yaml.ScalarNode):
            raise _refusal(line, mark("A name before a colon must be text."))
        if key.value in seen:
            raise _refusal(line, mark("%(key)s stands twice."), key=key.value)
        seen.add(key.value)
        yield key.value, _convert(value)
