"""YAML of the terms as a tree of strings with line numbers; refuses what could be misread."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import yaml

from dcim.errors import Message, Messages, message_of

LONGEST_TEXT = 200_000
DEEPEST = 12
# How metrics and usages are named; a result is named metric.item.
NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
T = TypeVar("T")
# libyaml reads the same language eight times as fast, where the wheel has it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Problem:
    """Where in the terms, what is wrong, and what may stand there."""

    place: str
    line: int  # 0: of no line in particular
    message: str
    choices: tuple[str, ...] = ()

    def tell(self) -> Message:
        """All of it as one sentence."""
        place = self.place or "terms"
        if not self.line:
            return Message("%(place)s: %(why)s", place=place, why=self.message)
        if not self.choices:
            return Message(
                "line %(line)s, %(place)s: %(why)s", line=self.line, place=place, why=self.message
            )
        return Message(
            "line %(line)s, %(place)s: %(why)s (choices: %(choices)s)",
            line=self.line,
            place=place,
            why=self.message,
            choices=", ".join(self.choices),
        )

    def __str__(self) -> str:
        return str(self.tell())


class TermsRefusedError(ValueError):
    """The terms cannot be used; `problems` names every place."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.told = Messages(problem.tell() for problem in problems)
        super().__init__(str(self.told))


@dataclass(frozen=True)
class Node:
    """One of text, words (a mapping) or entries (a list)."""

    line: int
    text: str | None = None
    words: "dict[str, Node] | None" = None
    entries: "list[Node] | None" = None

    def as_data(self) -> object:
        if self.words is not None:
            return {key: node.as_data() for key, node in self.words.items()}
        if self.entries is not None:
            return [node.as_data() for node in self.entries]
        return self.text


def parse_text(text: str) -> Node:
    """The tree; TermsRefusedError for aliases, tags, duplicate keys, depth, or broken YAML."""
    if len(text) > LONGEST_TEXT:
        raise TermsRefusedError(
            [Problem("", 1, Message("longer than %(count)s characters", count=LONGEST_TEXT))]
        )
    try:
        _refuse_tricks(text)
        root = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise TermsRefusedError(
            [Problem("", line, Message("not readable as YAML: %(said)s", said=_say_yaml(error)))]
        ) from error
    if root is None:
        raise TermsRefusedError([Problem("", 1, Message("empty"))])
    problems: list[Problem] = []
    node = convert_node(root, "", problems)
    if problems:
        raise TermsRefusedError(problems)
    return node


# What libyaml says most often.
YAML_WORDS = {
    "mapping values are not allowed in this context": "此处不能出现冒号：含冒号的文字请加引号",
    "could not find expected ':'": "缺少冒号",
    "did not find expected key": "缩进不对，或缺少词名",
    "did not find expected '-' indicator": "缩进不对，或列表项缺少 -",
    "did not find expected ',' or '}'": "花括号没有合上，或缺少逗号",
    "did not find expected ',' or ']'": "方括号没有合上，或缺少逗号",
    "did not find expected node content": "缺少内容",
    "found character that cannot start any token": "有不能单独出现的字符，例如制表符、@ 或 `",
    "found unexpected end of stream": "引号或括号没有合上",
    "did not find expected <document start>": "文本里只能有一份文档",
    "expected a single document in the stream": "文本里只能有一份文档",
    "control characters are not allowed": "含有控制字符",
}


def _say_yaml(error: yaml.YAMLError) -> dict[str, str]:
    """In both languages, where it is one of the usual ones."""
    said = getattr(error, "problem", None) or str(error).partition("\n")[0]
    return {"zh": YAML_WORDS.get(said, said), "en": said}


def _refuse_tricks(text: str) -> None:
    depth = 0
    opening = (
        yaml.BlockMappingStartToken,
        yaml.BlockSequenceStartToken,
        yaml.FlowMappingStartToken,
        yaml.FlowSequenceStartToken,
    )
    closing = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)
    for token in yaml.scan(text, Loader=LOADER):
        line = token.start_mark.line + 1
        if isinstance(token, yaml.AliasToken | yaml.AnchorToken | yaml.TagToken):
            raise TermsRefusedError(
                [Problem("", line, Message("anchors, aliases and tags are not allowed"))]
            )
        depth += isinstance(token, opening) - isinstance(token, closing)
        if depth > DEEPEST:
            raise TermsRefusedError([Problem("", line, Message("nested too deeply"))])


def convert_node(node: yaml.Node, place: str, problems: list[Problem]) -> Node:
    """As strings; adds a problem for each word that can't be one, or stands twice."""
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        return Node(line, text=unicodedata.normalize("NFC", str(node.value)).strip())
    if isinstance(node, yaml.SequenceNode):
        return Node(
            line,
            entries=[
                convert_node(entry, f"{place}[{index}]", problems)
                for index, entry in enumerate(node.value, 1)
            ],
        )
    words: dict[str, Node] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else ""
        here = f"{place}.{key}" if place else key
        key_line = key_node.start_mark.line + 1
        if not key:
            problems.append(Problem(place, key_line, Message("a word must be plain text")))
        elif key in words:
            problems.append(
                Problem(
                    here,
                    key_line,
                    Message("stands twice, first on line %(line)s", line=words[key].line),
                )
            )
        else:
            words[key] = convert_node(value_node, here, problems)
    return Node(line, words=words)


def canonical_json(node: Node) -> str:
    return json.dumps(node.as_data(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def hash_node(node: Node) -> str:
    """SHA-256 over the canonical JSON, hex; comments, order and layout don't count."""
    return hashlib.sha256(canonical_json(node).encode()).hexdigest()


@dataclass
class Reader:
    """Takes words out of one mapping; collects problems instead of stopping at the first."""

    node: Node
    place: str
    problems: list[Problem]
    _taken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.node.words is None:
            self.refuse("", Message("must be a group of words"))

    def refuse(self, key: str, message: str, choices: tuple[str, ...] = ()) -> None:
        place = ".".join(part for part in (self.place, key) if part)
        line = self._node(key).line if self._node(key) else self.node.line  # type: ignore[union-attr]
        self.problems.append(Problem(place, line, message, choices))

    def _node(self, key: str) -> Node | None:
        return (self.node.words or {}).get(key)

    def has(self, key: str) -> bool:
        self._taken.append(key)
        return self._node(key) is not None

    def text(self, key: str, default: str | None = None) -> str:
        """Plain text; required when there is no default."""
        self._taken.append(key)
        node = self._node(key)
        if node is None:
            if default is None:
                self.refuse(key, Message("is missing"))
            return default or ""
        if not node.text:
            self.refuse(key, Message("must be plain text, not empty"))
            return default or ""
        return node.text

    def choose(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """One of the choices."""
        self._taken.append(key)
        node = self._node(key)
        if node is None and default is not None:
            return default
        value = (node.text or "") if node else ""
        if value not in choices:
            if node is None:
                self.refuse(key, Message("is missing"), choices)
            else:
                self.refuse(key, Message("%(value)r is not known here", value=value), choices)
            return choices[0]
        return value

    def read(self, key: str, convert: Callable[[str], T], default: T) -> T:
        """Converted text, the default when the word is absent; a ValueError is a problem."""
        if not self.has(key):
            return default
        return self.need(key, convert, default)

    def need(self, key: str, convert: Callable[[str], T], fallback: T) -> T:
        text = self.text(key)
        if not text:
            return fallback
        try:
            return convert(text)
        except ValueError as error:
            self.refuse(key, message_of(error))
            return fallback

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, or one text alone; empty when absent."""
        self._taken.append(key)
        node = self._node(key)
        if node is None:
            return ()
        entries = node.entries if node.entries is not None else [node]
        if any(not entry.text for entry in entries):
            self.refuse(key, Message("must be a text or a list of texts"))
        return tuple(entry.text or "" for entry in entries)

    def both_languages(self, key: str) -> dict[str, str]:
        self._taken.append(key)
        node = self._node(key)
        words = node.words if node else None
        if words is None or set(words) != {"zh", "en"} or not all(n.text for n in words.values()):
            self.refuse(key, Message("needs a text in zh and one in en"))
            return {"zh": "", "en": ""}
        return {language: words[language].text or "" for language in ("zh", "en")}

    def group(self, key: str) -> "Reader | None":
        """The words below, None when absent."""
        self._taken.append(key)
        node = self._node(key)
        place = f"{self.place}.{key}" if self.place else key
        return Reader(node, place, self.problems) if node else None

    def named_groups(self, key: str) -> Iterator[tuple[str, "Reader"]]:
        """(name, words) of a mapping of mappings."""
        below = self.group(key)
        if below is None:
            return
        for name, node in (below.node.words or {}).items():
            yield name, Reader(node, f"{below.place}.{name}", self.problems)

    def entries(self, key: str) -> Iterator["Reader"]:
        self._taken.append(key)
        node = self._node(key)
        if node is None:
            return
        if node.entries is None:
            self.refuse(key, Message("must be a list"))
            return
        place = f"{self.place}.{key}" if self.place else key
        for index, entry in enumerate(node.entries, 1):
            yield Reader(entry, f"{place}[{index}]", self.problems)

    def finish(self) -> None:
        """Whatever was not taken is an unknown word."""
        known = tuple(dict.fromkeys(self._taken))
        for key in self.node.words or {}:
            if key not in known:
                self.refuse(key, Message("is not a word known here"), known)
