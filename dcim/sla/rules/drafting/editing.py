"""A text of YAML changed where its words change: comments and layout stay wherever a word stays."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from dcim.sla.rules.language.tree import LOADER, convert_node

# Words as plain data: texts, lists, and groups by name.
Data = Any
LINE = 96
# What may stand without quotes wherever it is put.
_PLAIN = re.compile(r"[A-Za-z0-9一-鿿][\w .%/<>=*+()（），。；、:·–-]*")
# What YAML folds, or refuses as it stands: breaks of lines, control characters.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_SHORT_ESCAPES = {"\n": "\\n", "\t": "\\t"}
_NUMBER_LIKE = re.compile(r"[0-9.]+")
# Words whose numbers are names of clauses and versions, not figures.
_NAMES = ("clause", "version")


@dataclass(frozen=True, slots=True)
class Comment:
    line: int
    text: str


class _TangledError(Exception):
    """Laid out so that no line of it can be exchanged alone."""


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    text: str


def rewrite(text: str, wanted: dict[str, Data]) -> str:
    """The text saying `wanted`. Where it can't be changed line by line it is written anew."""
    root = yaml.compose(text, Loader=LOADER) if text.strip() else None
    # Without words ({}) there is no line after which one could be put.
    if isinstance(root, yaml.MappingNode) and root.value:
        try:
            made = _apply(text, list(_change_words(text, root, wanted)))
        except _TangledError:
            made = ""
        if made and _says(made, wanted):
            return made
    return "".join(f"{line}\n" for key in wanted for line in emit_word(key, wanted[key], 0))


def find_comments(text: str) -> list[Comment]:
    """What stands between the words after a #; the text is readable YAML."""
    found, at = [], 0
    for token in yaml.scan(text, Loader=LOADER):
        gap = text[at : token.start_mark.index]
        for comment in re.finditer(r"#[^\n]*", gap):
            line = text.count("\n", 0, at + comment.start()) + 1
            found.append(Comment(line, comment.group().rstrip()))
        at = max(at, token.end_mark.index)
    return found


def lost_comments(before: str, after: str) -> tuple[Comment, ...]:
    """Comments of the one text that the other no longer has."""
    kept = Counter(comment.text for comment in find_comments(after)) if after.strip() else Counter()
    lost = []
    for comment in find_comments(before) if before.strip() else ():
        if kept[comment.text]:
            kept[comment.text] -= 1
        else:
            lost.append(comment)
    return tuple(lost)


def emit_word(key: str, value: Data, indent: int) -> list[str]:
    """Lines of one word: short groups on one line, as the examples have them."""
    head = f"{' ' * indent}{key}:"
    if isinstance(value, str):
        return [f"{head} {_emit_text(key, value)}"]
    flow = f"{head} {emit_flow(value)}"
    if not value or (_is_short(value) and len(flow) <= LINE):
        return [flow]
    if isinstance(value, dict):
        return [head, *(line for k in value for line in emit_word(k, value[k], indent + 2))]
    return [head, *(line for entry in value for line in emit_entry(entry, indent + 2))]


def emit_entry(value: Data, indent: int) -> list[str]:
    """Lines of one entry of a list."""
    flow = f"{' ' * indent}- {emit_flow(value)}"
    if not isinstance(value, dict) or not value or (_is_short(value) and len(flow) <= LINE):
        return [flow]
    lines = [line for key in value for line in emit_word(key, value[key], indent + 2)]
    return [f"{' ' * indent}- {lines[0].lstrip()}", *lines[1:]]


def emit_flow(value: Data) -> str:
    if isinstance(value, dict):
        words = (
            f"{key}: {_emit_text(key, word) if isinstance(word, str) else emit_flow(word)}"
            for key, word in value.items()
        )
        return f"{{{', '.join(words)}}}"
    if isinstance(value, list):
        return f"[{', '.join(emit_flow(entry) for entry in value)}]"
    return quote(value)


def quote(text: str, *, always: bool = False) -> str:
    """The text as YAML; quoted where it could be read otherwise."""
    plain = _PLAIN.fullmatch(text) and ": " not in text and " #" not in text
    if plain and text[-1] not in ": " and not always:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_CONTROL.sub(_escape, escaped)}"'


def _escape(found: re.Match[str]) -> str:
    return _SHORT_ESCAPES.get(found[0], f"\\u{ord(found[0]):04x}")


def _emit_text(key: str, text: str) -> str:
    return quote(text, always=key in _NAMES and bool(_NUMBER_LIKE.fullmatch(text)))


def _is_short(value: Data) -> bool:
    entries = list(value.values()) if isinstance(value, dict) else value
    return all(
        isinstance(entry, str)
        or (isinstance(entry, list) and all(isinstance(each, str) for each in entry))
        for entry in entries
    )


def _says(text: str, wanted: Data) -> bool:
    try:
        root = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError:
        return False
    return root is not None and _data(root) == wanted


def _apply(text: str, edits: list[_Edit]) -> str:
    parts, at = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < at:
            raise _TangledError
        parts += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*parts, text[at:]])


def _data(node: yaml.Node) -> Data:
    return convert_node(node, "", []).as_data()


def _end(node: yaml.Node) -> int:
    """Where its last word ends; a block's own mark lies at the next word."""
    if isinstance(node, yaml.ScalarNode):
        if node.style in ("|", ">"):
            raise _TangledError
        return int(node.end_mark.index)
    if getattr(node, "flow_style", False):
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(node, yaml.MappingNode) else last)


def _line_start(text: str, at: int, before: str) -> int:
    """Where the line begins in which nothing but `before` stands ahead of `at`."""
    start = text.rfind("\n", 0, at) + 1
    if text[start:at].strip() != before:
        raise _TangledError
    return start


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _change(text: str, node: yaml.Node, wanted: Data, flow: bool) -> Iterator[_Edit]:
    """Edits inside one value; _TangledError where it must be exchanged whole."""
    if _data(node) == wanted:
        return
    if isinstance(node, yaml.ScalarNode) and isinstance(wanted, str):
        start, end = int(node.start_mark.index), _end(node)
        written = quote(wanted, always=bool(node.style))
        yield _Edit(start, end, written if end > start else f" {written}")
    elif isinstance(node, yaml.MappingNode) and isinstance(wanted, dict):
        if not node.flow_style:
            yield from _change_words(text, node, wanted)
        elif [key.value for key, _ in node.value] == list(wanted):
            for key, value in node.value:
                yield from _change(text, value, wanted[key.value], flow=True)
        else:
            yield _exchange_flow(node, wanted, flow)
    elif isinstance(node, yaml.SequenceNode) and isinstance(wanted, list) and wanted:
        if not node.flow_style:
            yield from _change_entries(text, node, wanted)
        else:
            yield _exchange_flow(node, wanted, flow)
    else:
        raise _TangledError


def _exchange_flow(node: yaml.Node, wanted: Data, flow: bool) -> _Edit:
    """On one line again, where it is short enough for one or stands inside another."""
    written = emit_flow(wanted)
    if not flow and (not _is_short(wanted) or node.start_mark.column + len(written) > LINE):
        raise _TangledError
    return _Edit(int(node.start_mark.index), _end(node), written)


def _change_words(text: str, node: yaml.MappingNode, wanted: dict[str, Data]) -> Iterator[_Edit]:
    """Edits of a group written line by line."""
    there = {key.value: (key, value) for key, value in node.value}
    column = node.value[0][0].start_mark.column
    at = _line_start(text, int(node.value[0][0].start_mark.index), "")
    first = True
    for name, value in wanted.items():
        if name not in there:
            lines = "\n".join(emit_word(name, value, column))
            yield _Edit(at, at, f"{lines}\n" if first else f"\n{lines}")
            continue
        key, node_value = there[name]
        start = _line_start(text, int(key.start_mark.index), "")
        end = _line_end(text, _end(node_value))
        try:
            yield from list(_change(text, node_value, value, flow=False))
        except _TangledError:
            yield _Edit(start, end, "\n".join(emit_word(name, value, column)))
        at, first = end, False
    for name, (key, node_value) in there.items():
        if name not in wanted:
            start = _line_start(text, int(key.start_mark.index), "")
            yield _Edit(start, min(_line_end(text, _end(node_value)) + 1, len(text)), "")


def _change_entries(text: str, node: yaml.SequenceNode, wanted: list[Data]) -> Iterator[_Edit]:
    """Edits of a list written line by line: entries alike at both ends stay as they are."""
    there = [_data(entry) for entry in node.value]
    same = 0
    while same < min(len(there), len(wanted)) and there[same] == wanted[same]:
        same += 1
    tail = 0
    while tail < min(len(there), len(wanted)) - same and there[-1 - tail] == wanted[-1 - tail]:
        tail += 1
    spans = [
        (_line_start(text, int(entry.start_mark.index), "-"), _line_end(text, _end(entry)))
        for entry in node.value
    ]
    begin = text.index("-", spans[0][0]) - spans[0][0]
    old, new = node.value[same : len(there) - tail], wanted[same : len(wanted) - tail]
    for offset, (entry, value) in enumerate(zip(old, new, strict=False)):
        try:
            yield from list(_change(text, entry, value, flow=False))
        except _TangledError:
            start, end = spans[same + offset]
            yield _Edit(start, end, "\n".join(emit_entry(value, begin)))
    for start, end in spans[same + len(new) : same + len(old)]:
        yield _Edit(start, min(end + 1, len(text)), "")
    more = [line for value in new[len(old) :] for line in emit_entry(value, begin)]
    if more:
        before = same + len(old)
        at = spans[before - 1][1] if before else spans[0][0]
        lines = "\n".join(more)
        yield _Edit(at, at, f"\n{lines}" if before else f"{lines}\n")
