"""Terms that differ read differently: no word may change what is given and not the clause."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import yaml

from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.schema import CREDIT_FORMS, WORDS
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.sla.rules.language.usage_schema import USAGE_METHODS
from dcim.sla.rules.language.words import clause_words
from dcim.sla.rules.terms import Terms
from tests.unit.sla.test_terms_schema import DOCUMENTS, FULL, text_of

# Names and places of the clause, not its meaning: the contract's own text has them beside it.
NAMES = {"terms", "version", "title", "clause", "kind", "applies_to", "observe", "name"}
CHOICES = {
    word: tuple(str(one) for one in form.holds.get("enum", ()))
    for group in (*WORDS.values(), *CREDIT_FORMS.values(), *USAGE_METHODS.values())
    for word, form in group.items()
}


def leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Places of every scalar that has a meaning."""
    if isinstance(node, dict):
        for key, below in node.items():
            if key not in NAMES:
                yield from leaves(below, (*path, key))
    elif isinstance(node, list):
        for place, below in enumerate(node):
            yield from leaves(below, (*path, place))
    else:
        yield path


def others(word: str, text: str) -> Iterator[str]:
    """What might stand there instead; the loader says what may."""
    yield from (choice for choice in CHOICES.get(word, ()) if choice != text)
    digits = next((part for part in text.split() if part.replace(".", "").isdigit()), "")
    for change in (1, -1, 5, -5):
        if digits:
            number = f"{float(digits) + change:g}" if "." in digits else str(int(digits) + change)
            yield text.replace(digits, number, 1)


def changed(document: Any, path: tuple[Any, ...], text: str | None) -> Any:
    """With another text there; None takes the word away."""
    copy = deepcopy(document)
    at = copy
    for step in path[:-1]:
        at = at[step]
    if text is None:
        del at[path[-1]]
    else:
        at[path[-1]] = text
    return copy


def meaning(terms: Terms) -> Terms:
    """Without what only tells two texts of one meaning apart: rights of all metrics may name them
    or not, and a figure has no value for time that wasn't measured, however that counts."""
    every = tuple(metric.id for metric in terms.metrics)
    return replace(
        terms,
        sha256="",
        warnings=(),
        metrics=tuple(
            replace(metric, unknown="left_out") if metric.target.figure else metric
            for metric in terms.metrics
        ),
        termination=tuple(
            replace(rule, metrics=() if rule.metrics == every else rule.metrics)
            for rule in terms.termination
        ),
    )


def find_silent(document: Any) -> list[str]:
    """Changes that the clause says nothing of."""
    terms = load_terms(text_of(document))
    said, silent = clause_words(terms), []
    for path in leaves(document):
        *_, word = [step for step in path if isinstance(step, str)]
        at = document
        for step in path:
            at = at[step]
        for other in (None, *others(word, str(at))):
            try:
                found = load_terms(text_of(changed(document, path, other)))
            except TermsRefusedError:
                continue
            if meaning(found) != meaning(terms) and clause_words(found) == said:
                silent.append(f"{'.'.join(map(str, path))}: {at} -> {other}")
    return silent


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_changed_word_changes_the_clause(name: str) -> None:
    assert not find_silent(yaml.load(DOCUMENTS[name], yaml.BaseLoader))  # noqa: S506


def test_of_all_words_none_is_silent() -> None:
    assert not find_silent(FULL)


def test_a_silent_word_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a clause without its rights."""
    monkeypatch.setattr("dcim.sla.rules.language.words.say_rights", lambda terms: None)
    assert any(one.startswith("termination") for one in find_silent(FULL))
