"""Terms as a form and back: nothing is lost, nothing the form doesn't show is touched."""

import re
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.sla.preset_terms import load_preset, preset_names
from dcim.sla.rules.drafting import controls, tables
from dcim.sla.rules.drafting.beginnings import (
    KINDS,
    add_block,
    add_row,
    begin_text,
    drop_block,
    drop_row,
)
from dcim.sla.rules.drafting.editing import find_comments, lost_comments, rewrite
from dcim.sla.rules.drafting.fields import Field, Get
from dcim.sla.rules.drafting.layout import HEAD, LAYOUTS, MONEY
from dcim.sla.rules.drafting.sheet import Values, fields_of, read_sheet, write_sheet
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.tree import parse_text

DEMO = resources.files("dcim.demo") / "terms"
TEXTS = {
    **{name: (DEMO / f"{name}.yaml").read_text("utf-8") for name in ("standard", "shared")},
    **{name: load_preset(name).text for name in preset_names()},
}
STANDARD = TEXTS["standard"]
# Another choice there takes words away or brings some.
SHAPING = ("credit.form", "settle.when", "target", "mode")
NUMBERS = st.from_regex(r"[1-9][0-9]{0,3}(\.[0-9]{1,3})?", fullmatch=True)
WORDS = st.text("ab7 :#'\"\\{}[],&*!|>%@`-?中文。（", min_size=1, max_size=12)
SAID = WORDS.map(controls.clean).filter(bool)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)


def parts_for(control: controls.Control) -> st.SearchStrategy[controls.Parts]:  # noqa: PLR0911
    """Parts that say one thing in one way."""
    if isinstance(control, tables.Tiers):
        return tiers_for(control)
    if isinstance(control, tables.Table):
        row = st.fixed_dictionaries(
            {control.columns[0].part: parts_for(control.columns[0].control)},
            optional={each.part: parts_for(each.control) for each in control.columns[1:]},
        )
        return st.lists(row, min_size=1, max_size=3).map(number_rows)
    if isinstance(control, controls.Target):
        return st.sampled_from([how for how, _ in control.choices]).flatmap(target_for)
    if isinstance(control, controls.Worded):
        hows = [how for how, _ in control.words if how]
        length = parts_for(controls.Length())
        return st.sampled_from(hows).flatmap(
            lambda how: (
                st.just({"how": how})
                if how == control.alone
                else length.map(lambda parts: {"how": how, **parts})
            )
        )
    if isinstance(control, controls.Price):
        fixed = NUMBERS.map(lambda n: {"how": "fixed", "n": n})
        return st.one_of(st.just({"how": "item"}), fixed)
    if isinstance(control, controls.Commit):
        rate = parts_for(controls.Length(units=controls.RATES))
        return st.one_of(
            st.sampled_from([{"how": "item"}, {"how": "none"}]),
            rate.map(lambda parts: {"how": "fixed", **parts}),
        )
    if isinstance(control, controls.Rounding):
        roundings = st.sampled_from([how for how, _ in controls.ROUNDINGS])
        return st.builds(
            lambda how, to: {"how": how, "to": to},
            roundings,
            st.sampled_from([to for to, _ in controls.STEPS]),
        )
    if isinstance(control, controls.Length):
        units = [unit for unit, _ in control.units]
        return st.builds(lambda n, u: {"n": n, "u": u}, NUMBERS, st.sampled_from(units))
    if isinstance(control, controls.Quantity):
        return NUMBERS.map(lambda n: {"": n})
    if isinstance(control, controls.Choice):
        return st.sampled_from([{"": value} for value, _ in control.choices if value])
    if isinstance(control, controls.Listed):
        return st.lists(NAMES, min_size=1, max_size=3).map(lambda names: {"": ", ".join(names)})
    if isinstance(control, controls.Both):
        return st.builds(lambda zh, en: {"zh": zh, "en": en}, SAID, SAID)
    return SAID.map(lambda said: {"": said})


def number_rows(rows: list[dict[str, controls.Parts]]) -> controls.Parts:
    parts: controls.Parts = {}
    for index, row in enumerate(rows, 1):
        for name, found in row.items():
            parts |= tables.named(f"{index}.{name}", found)
    return parts


def tiers_for(control: tables.Tiers) -> st.SearchStrategy[controls.Parts]:
    """The first row has both bounds, so that the words tell which kind they are of."""
    bound, value = parts_for(control.bound), parts_for(tables.GIVES.control)
    first = st.fixed_dictionaries({"low": bound, "high": bound, "credit": value})
    more = st.fixed_dictionaries({"credit": value}, optional={"low": bound, "high": bound})
    rows = st.builds(lambda row, rest: number_rows([row, *rest]), first, st.lists(more, max_size=2))
    ends = st.sampled_from([ends for ends, _ in tables.ENDS])
    return st.builds(lambda ends, rows: {"ends": ends, **rows}, ends, rows)


def target_for(how: str) -> st.SearchStrategy[controls.Parts]:
    needed: dict[str, st.SearchStrategy[str]] = {}
    if "share" in how or how == "on_time":
        needed["share"] = NUMBERS
    if how in ("time", "below", "share_time", "share_below"):
        needed |= {"n": NUMBERS, "u": st.sampled_from(["s", "min", "h"])}
    if how == "events":
        needed["n"] = st.integers(0, 99).map(str)
    return st.fixed_dictionaries(needed).map(lambda parts: {"how": how, **parts})


def draw_fields(data: st.DataObject, layout: tuple[Field, ...], prefix: str) -> Values:
    """Values of the fields that are shown beside those drawn before them."""
    values: Values = {}
    for field in layout:
        if field.when(getter(values)) and (field.quiet or data.draw(st.booleans())):
            values |= tables.named(field.path, data.draw(parts_for(field.control)))
    return {f"{prefix}{name}": value for name, value in values.items()}


def getter(values: Values) -> Get:
    return lambda path: values.get(path, "")


def draw_values(data: st.DataObject) -> Values:
    values = draw_fields(data, (*HEAD, *MONEY), "")
    for name in data.draw(st.lists(st.sampled_from(sorted(LAYOUTS)), max_size=3)):
        group, _, kind = name.partition(".")
        block = f"{group}.{data.draw(NAMES)}"
        found = draw_fields(data, LAYOUTS[name], f"{block}.")
        if kind == "answers":
            found |= {f"{block}.answers.within.n": "5", f"{block}.answers.within.u": "min"}
        if not any(key.startswith(f"{block}.") for key in values) and found:
            values |= {f"{block}.in": kind, **found}
    return values


@given(data=st.data())
def test_a_form_comes_back_from_its_text(data: st.DataObject) -> None:
    values = draw_values(data)
    text = write_sheet("", values).text
    sheet = read_sheet(text)
    assert (sheet.values, sheet.outside) == (values, ())


@given(data=st.data())
def test_a_text_that_is_read_and_written_stays_itself(data: st.DataObject) -> None:
    """However its quantities are spaced: what isn't changed isn't written."""
    text = data.draw(st.sampled_from(sorted(TEXTS)).map(TEXTS.__getitem__))
    text = data.draw(
        st.sampled_from(
            [text, re.sub(r"(?<=[0-9]) (?=%)", "", text), re.sub(r"(?<=[0-9]) (?=min)", "  ", text)]
        )
    )
    written = write_sheet(text, read_sheet(text).values)
    assert (written.text, written.lost) == (text, ())
    assert load_terms(written.text).sha256 == load_terms(text).sha256


@given(data=st.data())
def test_one_change_touches_nothing_else(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(sorted(TEXTS)).map(TEXTS.__getitem__))
    before = read_sheet(text)
    block = data.draw(
        st.sampled_from(["", *sorted(n[:-3] for n in before.values if n[-3:] == ".in")])
    )
    fields = [
        field
        for field in fields_of(block, before.values)
        if not field.quiet and field.path not in SHAPING
    ]
    field = data.draw(st.sampled_from(fields))
    place = f"{block}.{field.path}" if block else field.path
    if any(one.place == place for one in before.outside):
        return
    kept = {n: v for n, v in before.values.items() if n != place and not n.startswith(f"{place}.")}
    changed = {**kept, **tables.named(place, data.draw(parts_for(field.control)))}
    written = write_sheet(text, changed)
    after = read_sheet(written.text)
    assert after.values == changed
    assert [one.place for one in after.outside] == [one.place for one in before.outside]
    # Comments are lost only with the lines of that word.
    assert all(place_of(text, comment.line).startswith(block) for comment in written.lost)


def place_of(text: str, line: int) -> str:
    """The block in which a line of a shipped example stands."""
    group = name = ""
    for row in text.split("\n")[:line]:
        if found := re.match(r"(  )?([a-z][\w-]*):", row):
            group, name = (group, found[2]) if found[1] else (found[2], "")
    return f"{group}.{name}" if group in ("metrics", "usage") and name else ""


class TestWhatTheFormCannotSay:
    TEXT = STANDARD.replace(
        "    target: no downtime\n    credit:\n      form: tiers_duration",
        "    clock: {start: ticket, stop: restored}\n"
        "    target: {dual_fed: no downtime, otherwise: availability >= 99.9 %}\n"
        "    credit:\n      form: tiers_duration",
        1,
    )

    def test_is_named_with_its_line(self) -> None:
        outside = [(one.place, one.line) for one in read_sheet(self.TEXT).outside]
        lines = self.TEXT.split("\n")
        assert [place for place, _ in outside] == ["metrics.power.clock", "metrics.power.target"]
        assert all(place.rpartition(".")[2] in lines[line - 1] for place, line in outside)

    def test_stays_when_something_else_is_changed(self) -> None:
        values = {**read_sheet(self.TEXT).values, "metrics.power.combine": "any"}
        written = write_sheet(self.TEXT, values)
        assert written.text == self.TEXT.replace("combine: all ", "combine: any ", 1)

    def test_stays_when_values_of_that_name_are_sent(self) -> None:
        """Nobody is shown inputs for it; what is sent all the same changes nothing."""
        sent = {"metrics.power.target.how": "none", "metrics.power.clock": "x"}
        written = write_sheet(self.TEXT, {**read_sheet(self.TEXT).values, **sent})
        assert written.text == self.TEXT

    @pytest.mark.parametrize(
        ("old", "new", "place"),
        [
            # A browser's input holds one line, and no two spaces in a row.
            ("en: Power availability}", 'en: "Power\\navailability"}', "metrics.power.title"),
            ("en: Power availability}", 'en: "Power  availability"}', "metrics.power.title"),
            ("observe: power_feed", 'observe: "power\\nfeed"', "metrics.power.observe"),
            (
                "        - {above: 0 min, up_to: 5 min, credit: 2.5 %}\n",
                "        - {above: 0 min, up_to: 5 min, credit: 2.5 %}\n" * 100,
                "metrics.power.credit.tiers",
            ),
            ('clause: "4.2"', "clause: [a, b]", "metrics.power.clause"),
            ("applies_to: [cabinet, rack]", 'applies_to: ["a, b"]', "metrics.power.applies_to"),
        ],
    )
    def test_is_what_inputs_would_change(self, old: str, new: str, place: str) -> None:
        text = STANDARD.replace(old, new, 1)
        assert text != STANDARD
        sheet = read_sheet(text)
        assert [one.place for one in sheet.outside] == [place]
        changed = {**sheet.values, "metrics.power.combine": "any"}
        assert write_sheet(text, changed).text == text.replace("combine: all ", "combine: any ", 1)

    def test_other_methods_of_usage_stay_whole(self) -> None:
        demand = STANDARD.replace("method: percentile", "method: demand")
        sheet = read_sheet(demand)
        assert "usage.bandwidth" in [one.place for one in sheet.outside]
        assert write_sheet(demand, sheet.values).text == demand
        more = add_block(sheet.values, "bandwidth", [one.place for one in sheet.outside])
        assert "usage.bandwidth-2.in" in more


def test_a_form_of_credit_takes_its_own_words_with_it() -> None:
    values = {**read_sheet(STANDARD).values}
    values["metrics.power.credit.form"] = "flat"
    values |= {"metrics.power.credit.give.n": "10", "metrics.power.credit.give.u": "%"}
    terms = load_terms(write_sheet(STANDARD, values).text)
    assert terms.metrics[0].credit
    assert (terms.metrics[0].credit.form, terms.metrics[0].credit.tiers) == ("flat", ())


class TestComments:
    def test_stay_with_a_word_that_changes(self) -> None:
        values = {**read_sheet(STANDARD).values, "metrics.power.combine": "any"}
        written = write_sheet(STANDARD, values)
        assert "combine: any                       # both feeds down at once" in written.text
        assert not written.lost

    def test_that_go_are_told_with_their_line(self) -> None:
        values = drop_block(read_sheet(STANDARD).values, "usage.bandwidth")
        written = write_sheet(STANDARD, values)
        assert [comment.text for comment in written.lost] == [
            "# of the in and the out percentile",
            "# as ordered; its fee is in the monthly fee",
            "# per Mbit/s and month",
        ]
        lines = STANDARD.split("\n")
        assert all(comment.text in lines[comment.line - 1] for comment in written.lost)

    def test_are_told_when_all_is_written_anew(self) -> None:
        """A layout of which no line can be exchanged alone."""
        text = "{terms: a, # one\n version: b, # two\n title: {zh: 甲, en: c}}\n"
        values = {
            **read_sheet(text).values,
            "terms": "z",
            "rounding.how": "down",
            "rounding.to": "1",
        }
        written = write_sheet(text, values)
        assert [comment.text for comment in written.lost] == ["# one", "# two"]
        assert parse_text(written.text).as_data() == {
            "terms": "z", "version": "b", "title": {"zh": "甲", "en": "c"}, "rounding": "down to 1",
        }  # fmt: skip

    def test_are_not_found_inside_words(self) -> None:
        text = 'a: "x # no"\nb: y#no\nc: |\n  # no\nd: 1 # yes\n'
        assert [comment.text for comment in find_comments(text)] == ["# yes"]
        assert not lost_comments(text, text)


# What the form shows is one line; the text below it may hold more.
LINES = st.text('ab7 :#"\\-中。\n\r\t\0\x1b\x7f\x85\u2028\ufeff', max_size=12).map(str.strip)
TREES: st.SearchStrategy[Any] = st.recursive(
    SAID | LINES,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(NAMES, inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)


@given(data=st.data(), tree=TREES)
def test_any_words_are_written_so_that_they_are_read_again(data: st.DataObject, tree: Any) -> None:
    """Words of any form at any place of a shipped text, comments elsewhere kept."""
    text = data.draw(st.sampled_from(sorted(TEXTS)).map(TEXTS.__getitem__))
    words: Any = parse_text(text).as_data()
    at = words
    for _ in range(data.draw(st.integers(0, 3))):
        below = [key for key in at if isinstance(at[key], dict)]
        if not below:
            break
        at = at[data.draw(st.sampled_from(below))]
    key = data.draw(st.sampled_from([*at, "fresh"]))
    at[key] = tree
    written = rewrite(text, words)
    assert parse_text(written).as_data() == words
    assert written.startswith(text.split("\n")[0])


def test_every_beginning_can_be_used_and_is_shown_whole() -> None:
    text = begin_text("CNY", "Asia/Shanghai")
    values = read_sheet(text).values
    for kind, _ in KINDS:
        values = add_block(values, kind)
    assert "metrics.power-2.in" in values
    written = write_sheet(text, values)
    assert len(load_terms(written.text).metrics) == 5
    sheet = read_sheet(written.text)
    assert (sheet.values, sheet.outside) == (values, ())
    assert add_block(values, "anything") == values


@pytest.mark.parametrize("said", ["|\n  one\n\n    two\n", '"one\\n\\n  two"\n'])
def test_breaks_of_lines_stay_when_something_else_is_changed(said: str) -> None:
    text = f"terms: a\nnote: {said}version: b\n"
    written = rewrite(text, {"terms": "z", "note": "one\n\n  two", "version": "b"})
    assert parse_text(written).as_data() == {"terms": "z", "note": "one\n\n  two", "version": "b"}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", "terms: x\n"),
        ("\n", "terms: x\n"),
        ("{}\n", "terms: x\n"),
        # No words at all: the form has nothing to say there.
        ("[]\n", "[]\n"),
        ("~\n", "~\n"),
        ("x\n", "x\n"),
    ],
)
def test_a_text_is_filled_where_words_may_stand(text: str, written: str) -> None:
    assert write_sheet(text, {"terms": "x"}).text == written


def test_comments_of_a_text_without_words_are_told() -> None:
    written = write_sheet("{} # one\n", {"terms": "x"})
    assert (written.text, [each.text for each in written.lost]) == ("terms: x\n", ["# one"])


def test_rows_grow_and_shrink() -> None:
    table = "metrics.power.credit.tiers"
    values = read_sheet(STANDARD).values
    more = add_row(values, table)
    # It begins where the last one ends: that one is open, so nothing is known.
    assert tables.rows_of(tables.part_of(more, table))[6:] == [{"new": ""}]
    fewer = drop_row(values, table, 6)
    assert add_row(fewer, table)[f"{table}.6.low.n"] == "24"
    text = write_sheet(STANDARD, fewer).text
    assert text == STANDARD.replace("        - {above: 24 h, credit: 100 %}\n", "")
    assert write_sheet(STANDARD, more).text == STANDARD
    gone = drop_row(drop_row(values, "metrics.power.exclude", 1), "metrics.power.exclude", 1)
    assert load_terms(write_sheet(STANDARD, gone).text).metrics[0].exclude == ()


@pytest.mark.parametrize(
    ("control", "typed", "said"),
    [
        (controls.PERCENT, {"": "９９．９"}, "99.9 %"),
        (controls.PERCENT, {"": "much"}, "much %"),
        (controls.Length(), {"n": " 5 ", "u": "min"}, "5 min"),
        (controls.Length(), {"n": "", "u": "min"}, None),
        (controls.Amount(), {"n": "1", "u": "days"}, "1 day"),
        (controls.Amount(), {"n": "20", "u": "unit"}, "20 per unit"),
        (controls.Listed(), {"": "cabinet， rack、"}, ["cabinet", "rack"]),
        (controls.Control(), {"": "a\u0000b\u2028c"}, "a b c"),
    ],
)
def test_what_people_type_becomes_words(
    control: controls.Control, typed: controls.Parts, said: Any
) -> None:
    assert control.write(typed) == said
