"""What changed between two terms: word by word, and the clauses that read otherwise."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from dcim.sla.rules.language.tree import Node, canonical_json
from dcim.sla.rules.language.words import clause_words
from dcim.sla.rules.terms import Terms, Text


@dataclass(frozen=True)
class Change:
    """None stands for: not there. `line` is the new one's, the old one's where a word is gone."""

    place: str
    old: str | None
    new: str | None
    line: int


@dataclass(frozen=True)
class ChangedClause:
    id: str
    old: Text | None
    new: Text | None


def compare_words(old: Node, new: Node, place: str = "") -> Iterator[Change]:
    """In the new document's order, what is gone last; rows of a list are matched by content."""
    if old.words is not None and new.words is not None:
        for key, node in new.words.items():
            here = f"{place}.{key}" if place else key
            if key in old.words:
                yield from compare_words(old.words[key], node, here)
            else:
                yield Change(here, None, _say(node), node.line)
        for key, node in old.words.items():
            if key not in new.words:
                yield Change(f"{place}.{key}" if place else key, _say(node), None, node.line)
    elif old.entries is not None and new.entries is not None:
        yield from _compare_rows(old.entries, new.entries, place)
    elif old.as_data() != new.as_data():
        yield Change(place, _say(old), _say(new), new.line)


def _compare_rows(old: list[Node], new: list[Node], place: str) -> Iterator[Change]:
    before, after = ([canonical_json(node) for node in rows] for rows in (old, new))
    matcher = SequenceMatcher(a=before, b=after, autojunk=False)
    for _, a, b, c, d in (ops for ops in matcher.get_opcodes() if ops[0] != "equal"):
        paired = min(b - a, d - c)
        for step in range(paired):
            yield from compare_words(old[a + step], new[c + step], f"{place}[{c + step + 1}]")
        for index in range(a + paired, b):
            yield Change(f"{place}[{index + 1}]", _say(old[index]), None, old[index].line)
        for index in range(c + paired, d):
            yield Change(f"{place}[{index + 1}]", None, _say(new[index]), new[index].line)


def _say(node: Node) -> str:
    """As it would stand in the terms, on one line."""
    if node.words is not None:
        return "{" + ", ".join(f"{key}: {_say(each)}" for key, each in node.words.items()) + "}"
    if node.entries is not None:
        return "[" + ", ".join(_say(each) for each in node.entries) + "]"
    return node.text or ""


def compare_clauses(old: Terms, new: Terms) -> list[ChangedClause]:
    """Clauses in words that are new, gone or read otherwise."""
    before, after = ({str(part["id"]): part for part in clause_words(t)} for t in (old, new))

    def said(parts: dict[str, dict[str, object]], name: str) -> Text | None:
        part = parts.get(name)
        if part is None:
            return None
        title, text = part["title"], part["text"]
        assert isinstance(title, dict) and isinstance(text, dict)  # noqa: S101, PT018
        return {language: f"{title[language]}: {text[language]}" for language in ("zh", "en")}

    changed = []
    for name in [*after, *(name for name in before if name not in after)]:
        clause = ChangedClause(name, said(before, name), said(after, name))
        if clause.old != clause.new:
            changed.append(clause)
    return changed
