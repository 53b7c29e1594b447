"""Where the words of each language lie, compiled; and looking one up outside a request."""

from collections.abc import Callable
from functools import lru_cache
from gettext import GNUTranslations
from pathlib import Path

from dcim.errors import Message

# Short names in URLs, cookies and data; Babel's names in the catalogues.
LOCALES = {"zh": "zh_Hans_CN", "en": "en"}


def find_catalogue(language: str) -> Path:
    """Where the compiled words of a language are; English needs none."""
    return (
        Path(__file__).parent / "translations" / LOCALES[language] / "LC_MESSAGES" / "messages.mo"
    )


@lru_cache(maxsize=4)
def look_up_in(language: str) -> Callable[[str], str]:
    """What gives a msgid's translation; the msgid itself where there is none."""
    path = find_catalogue(language)
    if not path.exists():
        return str
    with path.open("rb") as file:
        return GNUTranslations(file).gettext


def say_in(language: str, said: str) -> str:
    """A message in "zh" or "en"; any other text stays as it is."""
    return said.say(language, look_up_in(language)) if isinstance(said, Message) else said
