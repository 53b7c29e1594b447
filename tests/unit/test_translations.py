"""The Chinese catalogue: complete, compiled, and with the same places to fill."""

import re
from pathlib import Path

import flask_security
from babel.messages.pofile import read_po

from dcim.commands.translations import (
    BORROWED,
    CATALOGUE,
    compile_bytes,
    extract_texts,
    read_catalogue,
)

PLACES = re.compile(r"%\((\w+)\)[sd]")


def test_every_text_has_its_chinese() -> None:
    catalogue = read_catalogue()
    missing = sorted(
        msgid
        for msgid, _plural in extract_texts()
        if not (known := catalogue.get(msgid)) or not known.string
    )
    assert not missing, f"{len(missing)}: run ./dev dcim translations update. {missing[:10]}"


def test_translations_fill_the_same_places() -> None:
    wrong = [
        message.id
        for message in read_catalogue()
        if isinstance(message.id, str)
        and isinstance(message.string, str)
        and message.string
        and set(PLACES.findall(message.id)) != set(PLACES.findall(message.string))
    ]
    assert not wrong, wrong


def test_the_compiled_catalogue_is_the_written_one() -> None:
    assert CATALOGUE.with_suffix(".mo").read_bytes() == compile_bytes(read_catalogue())


def test_borrowed_sentences_are_compiled_and_are_what_the_library_says() -> None:
    ours = read_catalogue(BORROWED)
    assert BORROWED.with_suffix(".mo").read_bytes() == compile_bytes(ours)
    template = Path(flask_security.__file__).parent / "translations" / "flask_security.pot"
    with template.open("rb") as file:
        said = {message.id for message in read_po(file)}
    assert {message.id for message in read_catalogue(BORROWED)} <= said
    assert all(message.string for message in read_catalogue(BORROWED) if message.id)


def test_a_missing_text_would_show() -> None:
    """The control: the extraction does see texts, of code, templates and refusals alike."""
    texts = {msgid for msgid, _plural in extract_texts()}
    assert {"Sign out", "No such contract.", "Statements"} <= texts
