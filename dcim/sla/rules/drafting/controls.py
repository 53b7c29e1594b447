"""How one word of the terms is shown as inputs of a form, and written again from what they hold.

A control reads a word's data into parts (texts by input) or gives None where it can't say it
entirely; `write` makes the same word of the same parts, None where it is left out. What somebody
typed that is no quantity is written as it stands: the language refuses it, with its place.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dcim.records.fields import mark

Parts = dict[str, str]
Choices = tuple[tuple[str, str], ...]
NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,9})?"
TIMES: Choices = (
    ("min", mark("minutes")),
    ("h", mark("h")),
    ("d", mark("days")),
    ("s", mark("s")),
)
DEADLINES: Choices = (*TIMES, ("business days", mark("business days")))
CURRENCY = "currency"


@dataclass(frozen=True, slots=True)
class Input:
    """One input: `look` is number, text or select; `label` what it is for, where the field has
    several; `shapes`: what it holds decides which other inputs there are."""

    part: str
    look: str = "text"
    label: str = ""
    suffix: str = ""
    choices: Choices = ()
    shapes: bool = False
    list: str = ""


def clean(text: str) -> str:
    """One line of what can be written, spaces single; composed as the language reads it."""
    kept = "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", text))
    return " ".join(kept.split())


def number(text: str) -> str:
    """Digits of any width, as people type them in Chinese."""
    return clean(unicodedata.normalize("NFKC", text))


@dataclass(frozen=True)
class Control:
    """Plain text."""

    list: str = ""

    def read(self, data: Any) -> Parts | None:
        return {"": data} if isinstance(data, str) and data == clean(data) else None

    def write(self, parts: Mapping[str, str]) -> Any:
        return clean(parts.get("", "")) or None

    def inputs(self, parts: Mapping[str, str]) -> tuple[Input, ...]:
        del parts
        return (Input("", list=self.list),)


@dataclass(frozen=True)
class Both(Control):
    """A text for people in both languages."""

    def read(self, data: Any) -> Parts | None:
        if not isinstance(data, dict) or set(data) != {"zh", "en"}:
            return None
        said = all(isinstance(text, str) and text == clean(text) for text in data.values())
        return dict(data) if said else None

    def write(self, parts: Mapping[str, str]) -> Any:
        said = {tongue: clean(parts.get(tongue, "")) for tongue in ("zh", "en")}
        return said if any(said.values()) else None

    def inputs(self, parts: Mapping[str, str]) -> tuple[Input, ...]:
        return (Input("zh", label=mark("Chinese")), Input("en", label=mark("English")))


@dataclass(frozen=True)
class Listed(Control):
    """One text or several, with commas between."""

    def read(self, data: Any) -> Parts | None:
        texts = [data] if isinstance(data, str) else data
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            return None
        said = ", ".join(texts)
        return {"": said} if self.write({"": said}) in (data, *texts[:1], texts) else None

    def write(self, parts: Mapping[str, str]) -> Any:
        texts = [clean(text) for text in re.split("[,，、]", parts.get("", "")) if text.strip()]
        return texts[0] if len(texts) == 1 else texts or None


@dataclass(frozen=True)
class Choice(Control):
    """One of a few words; the empty one leaves it out."""

    choices: Choices = ()
    shapes: bool = False

    def read(self, data: Any) -> Parts | None:
        return {"": data} if data in [value for value, _ in self.choices if value] else None

    def inputs(self, parts: Mapping[str, str]) -> tuple[Input, ...]:
        return (Input("", "select", choices=self.choices, shapes=self.shapes),)


@dataclass(frozen=True)
class Quantity(Control):
    """A number, with `suffix` behind it in the text; `unit` stands behind the input."""

    suffix: str = ""
    unit: str = ""

    def read(self, data: Any) -> Parts | None:
        if not isinstance(data, str):
            return None
        found = re.fullmatch(rf"(-?{NUMBER})\s*{re.escape(self.suffix)}", data)
        return {"": found[1]} if found else None

    def write(self, parts: Mapping[str, str]) -> Any:
        said = number(parts.get("", ""))
        return f"{said} {self.suffix}".strip() if said else None

    def inputs(self, parts: Mapping[str, str]) -> tuple[Input, ...]:
        return (Input("", "number", suffix=self.unit or self.suffix),)


PERCENT = Quantity(suffix="%")


@dataclass(frozen=True)
class Length(Control):
    """A number and one of several units."""

    units: Choices = TIMES

    def read(self, data: Any) -> Parts | None:
        found = re.fullmatch(rf"({NUMBER})\s*(\S.*)", data) if isinstance(data, str) else None
        if not found:
            return None
        unit = "business days" if found[2] == "business day" else found[2]
        return {"n": found[1], "u": unit} if unit in dict(self.units) else None

    def write(self, parts: Mapping[str, str]) -> Any:
        said = number(parts.get("n", ""))
        return f"{said} {parts.get('u') or self.units[0][0]}" if said else None

    def inputs(self, parts: Mapping[str, str]) -> tuple[Input, ...]:
        return (
            Input("n", "number"),
            Input("u", "select", label=mark("Unit"), choices=self.units),
        )


AMOUNTS: Choices = (
    ("%", mark("% of the fee")),
    ("days", mark("days of the fee")),
    ("money", CURRENCY),
    ("unit", mark("a unit")),
)


@dataclass(frozen=True)
class Amount(Length):
    """What a credit gives: a share of the fee, days of it, money, money for each unit."""

    units: Choices = AMOUNTS

    def read(self, data: Any) -> Parts | None:
        found = re.fullmatch(rf"({NUMBER})\s*(.*)", data) if isinstance(data, str) else None
        if not found:
            return None
        unit = {"": "money", "day": "days", "d": "days", "per unit": "unit"}.get(found[2], found[2])
        return {"n": found[1], "u": unit} if unit in ("%", "days", "money", "unit") else None

    def write(self, parts: Mapping[str, str]) -> Any:
        said, unit = number(parts.get("n", "")), parts.get("u") or self.units[0][0]
        if not said:
            return None
        if unit == "days":
            unit = "day" if said == "1" else "days"
        written = {"money": "", "unit": "per unit"}.get(unit, unit)
        return f"{said} {written}".strip()


@dataclass(frozen=True)
class Price(Control):
    """A price, or as ordered; `open_word` names what no price at all means."""

    open_word: str = ""
    unit: str = CURRENCY

    def read(self, data: Any) -> Parts | None:
        if data == "item":
            return {"how": "item"}
        if not isinstance(data, str) or not re.fullmatch(NUMBER, data):
            return None
        return {"how": "fixed", "n": data}

    def write(self, parts: Mapping[str, str]) -> Any:
        if parts.get("how") == "item":
            return "item"
        return number(parts.get("n", "")) or None if parts.get("how") == "fixed" else None

    def inputs(self, parts: Mapping[str, str]) -> tuple[Input, ...]:
        none: Choices = (("", self.open_word),) if self.open_word else ()
        choices = (("item", mark("as ordered")), ("fixed", mark("a fixed one")), *none)
        how = Input("how", "select", choices=choices, shapes=True)
        if parts.get("how", "") != "fixed":
            return (how,)
        return (how, Input("n", "number", label=mark("Price"), suffix=self.unit))


RATES: Choices = (("Mbit/s", "Mbit/s"), ("Gbit/s", "Gbit/s"), ("kbit/s", "kbit/s"))


@dataclass(frozen=True)
class Commit(Control):
    """A committed bandwidth: as ordered, a rate, or none."""

    def read(self, data: Any) -> Parts | None:
        if data in ("item", "none"):
            return {"how": data}
        found = Length(units=RATES).read(data)
        return {"how": "fixed", **found} if found else None

    def write(self, parts: Mapping[str, str]) -> Any:
        how = parts.get("how", "")
        return Length(units=RATES).write(parts) if how == "fixed" else how or None

    def inputs(self, parts: Mapping[str, str]) -> tuple[Input, ...]:
        choices = (
            ("item", mark("as ordered")),
            ("fixed", mark("a fixed one")),
            ("none", mark("no commit")),
            ("", mark("not stated: none")),
        )
        how = Input("how", "select", choices=choices, shapes=True)
        if parts.get("how") != "fixed":
            return (how,)
        return (how, *Length(units=RATES).inputs(parts))


@dataclass(frozen=True)
class Worded(Control):
    """One of several words and, but for the first, a length behind it: 'up to 1 min'."""

    words: Choices = ()
    alone: str = ""

    def read(self, data: Any) -> Parts | None:
        if self.alone and data == self.alone:
            return {"how": data}
        for word, _ in self.words:
            if word != self.alone and isinstance(data, str) and data.startswith(f"{word} "):
                found = Length().read(data.removeprefix(f"{word} "))
                return {"how": word, **found} if found else None
        return None

    def write(self, parts: Mapping[str, str]) -> Any:
        how = parts.get("how", "")
        if not how or how == self.alone:
            return how or None
        length = Length().write(parts)
        return f"{how} {length}" if length else how

    def inputs(self, parts: Mapping[str, str]) -> tuple[Input, ...]:
        how = Input("how", "select", choices=self.words, shapes=True)
        if parts.get("how", "") in ("", self.alone):
            return (how,)
        return (how, *Length().inputs(parts))


ROUNDINGS: Choices = (
    ("half_up", mark("half up")),
    ("half_even", mark("half to even")),
    ("down", mark("down")),
)
STEPS: Choices = tuple((step, step) for step in ("0.01", "0.1", "1", "0.001", "0.0001"))


@dataclass(frozen=True)
class Rounding(Control):
    """How money is rounded once a line."""

    def read(self, data: Any) -> Parts | None:
        found = re.fullmatch(r"(\w+) to (\S+)", data) if isinstance(data, str) else None
        if not found or found[1] not in dict(ROUNDINGS) or found[2] not in dict(STEPS):
            return None
        return {"how": found[1], "to": found[2]}

    def write(self, parts: Mapping[str, str]) -> Any:
        how, to = parts.get("how", ""), parts.get("to", "")
        return f"{how} to {to}".strip() if how or to else None

    def inputs(self, parts: Mapping[str, str]) -> tuple[Input, ...]:
        return (
            Input("how", "select", choices=ROUNDINGS),
            Input("to", "select", label=mark("To"), choices=STEPS, suffix=CURRENCY),
        )


TARGETS: Choices = (
    ("none", mark("no downtime at all")),
    ("share", mark("availability at least")),
    ("time", mark("downtime at most")),
    ("below", mark("downtime less than")),
    ("share_time", mark("availability, and downtime at most")),
    ("share_below", mark("availability, and downtime less than")),
    ("events", mark("outages at most")),
)
ANSWER_TARGETS: Choices = (
    ("none", mark("every request in time")),
    ("on_time", mark("share in time at least")),
    ("events", mark("late ones at most")),
)
_SHARE = re.compile(rf"(availability|on_time) >= ({NUMBER}) ?%")
_TIME = re.compile(r"downtime (<=|<) (.+)")


@dataclass(frozen=True)
class Target(Control):
    """What a promise must reach. `how` is one of the choices."""

    choices: Choices = TARGETS

    def read(self, data: Any) -> Parts | None:
        entries = data if isinstance(data, list) else [data]
        if not all(isinstance(entry, str) for entry in entries):
            return None
        parts: Parts = {}
        hows = []
        for entry in entries:
            share, time = _SHARE.fullmatch(entry), _TIME.fullmatch(entry)
            events = re.fullmatch(r"events <= ([0-9]{1,9})", entry)
            length = Length().read(time[2]) if time else None
            if entry == "no downtime":
                hows.append("none")
            elif share:
                hows.append("share" if share[1] == "availability" else "on_time")
                parts["share"] = share[2]
            elif time and length:
                hows.append("time" if time[1] == "<=" else "below")
                parts |= length
            elif events:
                hows.append("events")
                parts["n"] = events[1]
            else:
                return None
        how = "_".join(hows)
        return {"how": how, **parts} if how in dict(self.choices) else None

    def write(self, parts: Mapping[str, str]) -> Any:
        how = parts.get("how", "")
        share = f"{number(parts.get('share', ''))} %"
        time = Length().write(parts) or ""
        said = [
            {
                "none": "no downtime",
                "share": f"availability >= {share}",
                "on_time": f"on_time >= {share}",
                "time": f"downtime <= {time}",
                "below": f"downtime < {time}",
                "events": f"events <= {number(parts.get('n', ''))}",
            }.get(word, word)
            for word in (how.split("_") if how != "on_time" else [how])
        ]
        return (said[0].strip() or None) if len(said) == 1 else [each.strip() for each in said]

    def inputs(self, parts: Mapping[str, str]) -> tuple[Input, ...]:
        how = parts.get("how", "")
        inputs = [Input("how", "select", choices=self.choices, shapes=True)]
        if "share" in how or how == "on_time":
            inputs.append(Input("share", "number", label=mark("Share"), suffix="%"))
        if "time" in how.replace("on_time", "") or "below" in how:
            inputs += Length().inputs(parts)
        if how == "events":
            inputs.append(Input("n", "number", label=mark("How many")))
        return tuple(inputs)
