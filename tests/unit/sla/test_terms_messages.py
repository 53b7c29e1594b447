"""Refusals of terms and of facts in Chinese: none is written where nobody could say it in the
reader's words."""

import ast
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dcim.commands.sla
import dcim.sla.rules
from dcim.catalogues import look_up_in, say_in
from dcim.commands.translations import read_catalogue
from dcim.errors import Message
from dcim.sla.preset_terms import load_preset, preset_names
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.tree import TermsRefusedError

RULES = Path(dcim.sla.rules.__path__[0])
SOURCES = [
    *sorted((RULES / "language").glob("*.py")),
    *sorted((RULES / "files").glob("*.py")),
    RULES / "measures" / "states.py",
    RULES / "periods.py",
    RULES / "quantities.py",
    Path(dcim.commands.sla.__file__),
]
# Where the message stands among the arguments.
SAID_AT = {
    "refuse": 1,
    "ValueError": 0,
    "Problem": 2,
    "warn": 1,
    "BadInputError": 0,
    "TooLongError": 0,
}
# Words that others put into their message.
SAID_AS = {"what", "reaching"}
PLACE = re.compile(r"%\((\w+)\)[rs]")
WORD = re.compile(r"[A-Za-z]")
CHINESE = re.compile(r"[一-鿿]")
STANDARD = (resources.files("dcim.demo") / "terms" / "standard.yaml").read_text("utf-8")


def unsayable(source: str) -> Iterator[str]:
    """Refusals whose words are no Message: text that is put together, or plain English."""
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        at = SAID_AT.get(name, len(call.args))
        said = [*call.args[at : at + 1], *(k.value for k in call.keywords if k.arg in SAID_AS)]
        if name == "Message":
            said = [each.value for each in call.keywords]
        for part in said:
            if any(_is_english(each) for each in _alternatives(part)):
                yield f"line {call.lineno}: {ast.unparse(part)}"


def _alternatives(part: ast.expr) -> list[ast.expr]:
    """Of `a if b else c`, `a or b` and `a + b` the parts; anything else is one."""
    match part:
        case ast.IfExp(body=one, orelse=other) | ast.BinOp(left=one, right=other):
            return [*_alternatives(one), *_alternatives(other)]
        case ast.BoolOp(values=values):
            return [each for value in values for each in _alternatives(value)]
    return [part]


def _is_english(part: ast.expr) -> bool:
    """Text that is put together, or words; not the name of a language's word or its sign."""
    if isinstance(part, ast.JoinedStr):
        return True
    return isinstance(part, ast.Constant) and isinstance(part.value, str) and bool(part.value)


def msgids(source: str) -> Iterator[str]:
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Message":
            said = call.args[0]
            assert isinstance(said, ast.Constant), ast.unparse(call)
            yield str(said.value)


def without_chinese(ids: list[str], catalogue: dict[str, str]) -> list[str]:
    """Those that lack Chinese, or whose Chinese lacks a place or has another. Where there is no
    word beside the places there need be none in Chinese."""
    return [
        one
        for one in ids
        if not (CHINESE if WORD.search(PLACE.sub("", one)) else PLACE).search(
            catalogue.get(one, "")
        )
        or set(PLACE.findall(one)) != set(PLACE.findall(catalogue[one]))
    ]


@pytest.fixture(scope="module")
def catalogue() -> dict[str, str]:
    return {str(one.id): str(one.string) for one in read_catalogue() if one.string}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_refusal_has_chinese(path: Path, catalogue: dict[str, str]) -> None:
    source = path.read_text("utf-8")
    assert not list(unsayable(source))
    assert not without_chinese(list(msgids(source)), catalogue)


def test_the_sources_are_those_that_refuse() -> None:
    found = [one for path in SOURCES for one in msgids(path.read_text("utf-8"))]
    assert len(found) > 250


@pytest.mark.parametrize(
    "source",
    [
        'words.refuse("a", "is missing")',
        'words.refuse("a", f"{x} is missing", ("b",))',
        'raise ValueError("no")',
        'problems.append(Problem("", 1, "no" if x else "yes"))',
        'reading.warn(words, "is left out")',
        'reading.within(words, *span, reaching="is cut")',
        'reading.span(row, what="the outage")',
        'raise BadInputError(f"There is no file {path}.")',
        'words.refuse("a", Message("is not %(of)s", of="energy"))',
        'words.refuse("a", Message("they are %(kinds)s", kinds=", ".join(kinds) or "nothing"))',
        'words.refuse("a", Message("%(why)s", why=f"{error}"))',
    ],
)
def test_plain_english_is_found(source: str) -> None:
    """The control: what the test above would find."""
    assert list(unsayable(source))


def test_a_missing_translation_is_found(catalogue: dict[str, str]) -> None:
    """The control: one that isn't there, and one that lost its place."""
    assert without_chinese(["nobody ever wrote this"], catalogue)
    assert without_chinese(["%(one)s; %(other)s"], catalogue)
    assert not without_chinese(["%(file)s: %(why)s"], catalogue)
    lost = {**catalogue, "%(text)r is always true": "永远成立"}
    assert without_chinese(["%(text)r is always true"], lost)


def refusals(text: str) -> TermsRefusedError:
    with pytest.raises(TermsRefusedError) as refused:
        load_terms(text)
    return refused.value


def test_a_refusal_is_said_in_both_languages() -> None:
    error = refusals(STANDARD.replace("combine: all ", "combine: alle ", 1))
    (told,) = error.told
    assert str(told) == (
        "line 21, metrics.power.combine: 'alle' must be single, any, all, or like 'at_least 2 down'"
    )
    assert say_in("en", told) == str(told) == str(error)
    assert say_in("zh", told) == (
        "第 21 行，metrics.power.combine：'alle' 应为 single、any、all，"
        "或写成 'at_least 2 down' 的样子"
    )


def test_what_stands_in_a_refusal_is_said_in_chinese_too() -> None:
    """Lengths, stretches of a scale and what YAML says are words as well."""
    hole = refusals(STANDARD.replace("{above: 45 min, up_to: 4 h,", "{above: 50 min, up_to: 4 h,"))
    assert "between 45 min and 50 min is in no row" in str(hole)
    assert "45 分钟 与 50 分钟 之间不属于任何一档" in say_in("zh", hole.told[0])
    apart = refusals(
        STANDARD.replace("availability >= 99.9 %", "[availability >= 99.9 %, downtime < 44 min]")
    )
    assert "另写的时间允许 43 分钟；请写明以哪个为准" in say_in("zh", apart.told[0])
    broken = refusals("terms: a: b")
    assert "请加引号" in say_in("zh", broken.told[0])


def test_a_message_stays_itself_where_there_is_no_translation() -> None:
    assert say_in("zh", "written by hand, 5 %") == "written by hand, 5 %"
    message = Message("%(n)s things nobody translated, 5 %%", n=3)
    assert message == "3 things nobody translated, 5 %"
    assert message.say("zh", look_up_in("zh")) == message


TEXTS = [STANDARD, *(load_preset(name).text for name in preset_names())]


@given(data=st.data())
def test_whatever_is_refused_is_refused_in_chinese(data: st.DataObject) -> None:
    """A word of some terms is spoilt: every problem of it is said with Chinese words."""
    text = data.draw(st.sampled_from(TEXTS))
    lines = text.split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    spoil = data.draw(
        st.sampled_from(["", "  x: 1", "{", "- a", "title: b", "  each: five", "\ttab", "&a b"])
    )
    kept = data.draw(st.booleans())
    lines[at : at + (not kept)] = [spoil]
    try:
        load_terms("\n".join(lines))
    except TermsRefusedError as error:
        for problem in error.problems:
            assert isinstance(problem.message, Message), problem
            assert CHINESE.search(say_in("zh", problem.message)), problem
