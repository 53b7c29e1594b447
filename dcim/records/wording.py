"""The labels in every language we speak, for what people type into sheets."""

import gettext
from collections.abc import Callable
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "translations"
LOCALES = ("zh_Hans_CN",)


@cache
def list_speakers() -> tuple[Callable[[str], str], ...]:
    """One function for each language besides English, from msgid to its words."""
    return tuple(gettext.translation("messages", FOLDER, [locale]).gettext for locale in LOCALES)
