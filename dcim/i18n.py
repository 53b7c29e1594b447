"""Language and time zone of an answer: the person's choice, then the browser's."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, current_app, g, request, session
from flask_babel import (
    Babel,
    Domain,
    format_datetime,
    format_decimal,
    get_domain,
    get_locale,
)
from flask_login import current_user

from dcim.catalogues import LOCALES
from dcim.errors import Message


def init_i18n(app: Flask, default_timezone: str, find_zone: Callable[[], str]) -> None:
    """`find_zone` names the reader's own time zone; empty for who reads the house's."""
    app.extensions["jifang_find_zone"] = find_zone
    app.config.setdefault("BABEL_DEFAULT_LOCALE", "zh_Hans_CN")
    app.config["BABEL_DEFAULT_TIMEZONE"] = default_timezone
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = "translations"
    babel = Babel(app, locale_selector=lambda: LOCALES[choose_language()])
    babel.domain_instance = RememberingDomain()
    app.jinja_env.globals.update(
        language=choose_language, pick=pick_text, bits=format_bits, money=format_money
    )
    app.jinja_env.filters.update(local_time=format_local, pick=pick_text, said=say_message)


def gettext(text: str, **values: Any) -> str:
    """The text in the reader's language, filled in. As flask_babel's, but for what it looks up at
    every word."""
    try:
        catalogue = g.catalogue
    except (AttributeError, RuntimeError):
        # The first word of a request, or none at all.
        catalogue = get_domain().get_translations()
    said: str = catalogue.ugettext(text)
    return said % values if values else said


class RememberingDomain(Domain):  # type: ignore[misc]
    """Looks the catalogue up once a request, not once a word."""

    def get_translations(self) -> Any:
        if not g:
            return super().get_translations()
        if "catalogue" not in g:
            g.catalogue = super().get_translations()
        return g.catalogue


def choose_language() -> str:
    """ "zh" or "en"."""
    if "language" in g:
        return str(g.language)
    chosen = session.get("language")
    if chosen not in LOCALES and current_user.is_authenticated:
        chosen = current_user.language
    if chosen not in LOCALES:
        best = request.accept_languages.best_match(["zh-CN", "zh", "en"], default="zh-CN")
        chosen = "en" if best == "en" else "zh"
    g.language = chosen
    return str(chosen)


def choose_zone() -> str:
    """The IANA name of the zone that the reader's times are in: their own, or the house's."""
    if "zone" not in g:
        house = current_app.config["BABEL_DEFAULT_TIMEZONE"]
        g.zone = current_app.extensions["jifang_find_zone"]() or house
    return str(g.zone)


def pick_text(text: object, english: str | None = None) -> str:
    """The text in the reader's language, of a {"zh", "en"} pair or of a name and its English."""
    if isinstance(text, dict):
        return str(text.get(choose_language()) or text.get("zh") or "")
    return english if english and choose_language() == "en" else str(text or "")


def say_message(said: str) -> str:
    """A message of a pure module in the reader's language; any other text stays as it is."""
    return said.say(choose_language(), gettext) if isinstance(said, Message) else said


def format_local(value: dt.datetime | int | None, pattern: str = "yyyy-MM-dd HH:mm:ss") -> str:
    """An instant (a datetime, or UTC epoch milliseconds) in the reader's zone."""
    if value is None:
        return "—"
    if isinstance(value, int):
        value = dt.datetime.fromtimestamp(value / 1000, dt.UTC)
    zone = ZoneInfo(choose_zone())
    return str(format_datetime(value.astimezone(zone), pattern, rebase=False))


def format_bits(bps: float | None) -> str:
    """A rate with its unit, in the thousands of the field: 1 Gbps is 10^9 bit/s."""
    if bps is None:
        return "—"
    for size, unit in ((1e9, "Gbps"), (1e6, "Mbps"), (1e3, "kbps")):
        if abs(bps) >= size:
            return f"{format_decimal(round(bps / size, 2))} {unit}"
    return f"{round(bps)} bps"


def format_money(amount: Decimal | str, currency: str = "CNY") -> str:
    """Two decimals, grouped, with a true minus; the currency's sign where it has a common one."""
    value = Decimal(amount)
    sign = {"CNY": "¥", "USD": "$", "EUR": "€"}.get(currency, f"{currency} ")
    text = f"{abs(value):,.2f}"
    return f"−{sign}{text}" if value < 0 else f"{sign}{text}"


__all__ = [
    "choose_language",
    "choose_zone",
    "format_bits",
    "format_local",
    "format_money",
    "get_locale",
    "gettext",
    "init_i18n",
    "pick_text",
    "say_message",
]
