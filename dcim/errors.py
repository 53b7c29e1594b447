"""What can go wrong, in the domain's words; `dcim.http.problems` turns these into HTTP."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self


class Message(str):
    """A sentence in English that remembers its msgid with %(name)s places and what stands there, so
    that a face can say it in the reader's language. A place may be a {"zh", "en"} text or another
    message. Also what a ValueError of a pure module is raised with."""

    __slots__ = ("msgid", "places")
    msgid: str
    places: dict[str, object]

    def __new__(cls, msgid: str, /, **places: object) -> Self:
        made = super().__new__(cls, _fill(msgid, places, "en", str))
        made.msgid, made.places = msgid, places
        return made

    def say(self, language: str, look_up: Callable[[str], str]) -> str:
        """In "zh" or "en"; `look_up` gives the translation of a msgid."""
        return _fill(look_up(self.msgid), self.places, language, look_up)


def _fill(
    msgid: str, places: Mapping[str, object], language: str, look_up: Callable[[str], str]
) -> str:
    if not places:
        return msgid
    return msgid % {name: _say(value, language, look_up) for name, value in places.items()}


def _say(value: object, language: str, look_up: Callable[[str], str]) -> object:
    if isinstance(value, Message):
        return value.say(language, look_up)
    if isinstance(value, dict):
        return value[language]
    return value


def message_of(error: ValueError) -> str:
    """What a ValueError was raised with: a Message where it has one."""
    said = error.args[0] if error.args else ""
    return said if isinstance(said, Message) else str(error)


class Messages(tuple[Message, ...]):
    """Several at once, as a place in a message: said by the faces, each on a line of its own."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(self)


class Counts(tuple[tuple[int, str], ...]):
    """How many of which, as a place in a message: its words are msgids, said by the faces."""

    __slots__ = ()

    def __str__(self) -> str:
        return ", ".join(f"{count} × {word}" for count, word in self)


class Named(tuple[tuple[str, str], ...]):
    """Things as (word, name), as a place in a message: the words are msgids, said by the faces;
    the names are what is stored, or what the API calls them, and stand in brackets."""

    __slots__ = ()

    def __str__(self) -> str:
        return ", ".join(name_in_brackets(word, name) for word, name in self)


def name_in_brackets(word: str, name: str) -> str:
    return word if word == name else f"{word} ({name})"


class JifangError(Exception):
    """A refusal a person can act on. Its text is English msgid material with %(name)s places."""

    status = 500

    def __init__(self, message: str, **places: object) -> None:
        super().__init__(message % places if places else message)
        self.message = message
        self.places = places


class NotFoundError(JifangError):
    """Absent, or another tenant's: the two are never told apart."""

    status = 404


class ForbiddenError(JifangError):
    status = 403


class ConflictError(JifangError):
    """Someone else has it; the message says who, and until when."""

    status = 409


class StaleError(JifangError):
    """What was to be changed is no longer what the caller saw."""

    status = 412


class InvalidError(JifangError):
    """Input that can't be accepted; `fields` says what is wrong with which."""

    status = 422

    def __init__(
        self, message: str, fields: Mapping[str, list[str]] | None = None, **places: object
    ) -> None:
        super().__init__(message, **places)
        self.fields = dict(fields or {})


class TooManyError(JifangError):
    status = 429


@dataclass
class SettingsError(Exception):
    """A setting that is missing or can't be used: which, why, and what to do."""

    setting: str
    problem: str
    way_out: str
    others: list["SettingsError"] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{self.setting}: {self.problem}. To fix it, {self.way_out}."]
        lines += [str(other) for other in self.others]
        return "\n".join(lines)
