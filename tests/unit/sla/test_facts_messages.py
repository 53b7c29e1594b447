"""What is said of a facts file, in both languages: refusals and warnings with their way out."""

import json
import re
from pathlib import Path

import pytest

from dcim.catalogues import say_in
from dcim.errors import Message
from dcim.sla.rules.files.facts import FactsRefusedError, load_facts, say_problem
from dcim.sla.rules.files.moments import read_moment, say_moment
from dcim.sla.rules.files.report import report_evaluation
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.tree import LONGEST_TEXT, Problem
from dcim.sla.rules.terms import Terms
from tests.unit.sla import test_facts_usage
from tests.unit.sla.test_facts_loading import BAD, FACTS, PORT, TERMS, read, refused
from tests.unit.sla.test_sla_commands import EVALUATE, REPORT, call, folder, shell
from tests.unit.sla.test_terms_messages import CHINESE

__all__ = ["folder"]


@pytest.fixture(scope="module")
def terms() -> Terms:
    return load_terms(TERMS)


def in_chinese(problem: Problem) -> str:
    assert isinstance(problem.message, Message), problem
    said = say_in("zh", problem.message)
    assert CHINESE.search(said), problem
    return said


def problems(terms: Terms, more: str = "", *, facts: str = FACTS, table: str = "") -> list[Problem]:
    with pytest.raises(FactsRefusedError) as caught:
        load_facts(facts + more, terms, beside=lambda _: table)
    return caught.value.problems


@pytest.mark.parametrize("more", BAD, ids=list(BAD))
def test_what_is_refused_is_said_in_chinese(terms: Terms, more: str) -> None:
    for problem in problems(terms, BAD[more][0]):
        in_chinese(problem)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "t.csv：是空文件：第一行应写列名"),
        ("from,to,kelvin\n", "列名应为 from,to 加上 state, degC"),
        ("time,state\n", "列名应以 from,to 开头，而不是 time,state"),
        ("from,to,state\n2025-10-09 02:00,2025-10-09 03:00,dead\n", "第 2 行：'dead' 不是状态"),
        (
            "from,to,degC\n2025-10-09 02:00,2025-10-09 03:00,hot\n",
            "第 2 行：'hot degC' 不是以数字开头",
        ),
        ("from,to,degC\n2025-10-09 02:00,2025-10-09 01:00,5\n", "第 2 行：结束于 2025-10-09 01:00"),
        ('from,to,degC\n"2025', "第 2 行：引号没有合上"),
        ('from,to,degC\n"2025"x,', "第 2 行：合上的引号后应为逗号"),
        ('from,to,degC\n"' + "2" * 140_000, "第 2 行：单元格过长"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_in_chinese(terms: Terms, table: str, said: str) -> None:
    facts = FACTS.replace("otherwise: 22 degC", "samples: t.csv")
    (problem,) = problems(terms, facts=facts, table=table)
    assert said in in_chinese(problem)


def test_what_is_wrong_with_an_order_is_said_in_chinese(terms: Terms) -> None:
    row = "usage: [{usage: bandwidth, item: P1, port: 1 Gbit/s, samples: t.csv}]"
    told = [in_chinese(one) for one in problems(terms, row, facts=PORT, table="from,to,kwh\n")]
    assert told == [
        "没有写 commit：条款写明按订单（`item`）",
        "bandwidth 的条款不需要 port",
        (
            "t.csv：第 1 行：列名应为 from,to,in_octets,out_octets 或 "
            "from,to,in_mbit_s,out_mbit_s，而不是 from,to,kwh"
        ),
    ]


WARNED = """
down:
  - [a, 2025-08-01 10:00, 2025-08-01 11:00]
  - [a, 2025-09-30 23:55, 2025-10-01 00:07]
windows:
  - {class: party, start: 2025-10-20 00:30, end: 2025-11-20 02:30}
usage:
  - usage: energy
    item: A05
    samples: {start: 2025-09-30, every: 1 d, unit: kWh, values: [1, 1]}
claims: [{made_at: 2025-09-05 10:00}]
"""


def test_every_warning_is_said_in_chinese(terms: Terms) -> None:
    facts = FACTS.replace("a: power_feed", "a: power_feed\n  x: {kind: fan, samples: x.csv}")
    facts = facts.replace(
        "resources:", "  - {id: Z, kind: cage, mrc: 1, to: 2025-09-01 00:00}\nresources:"
    )
    facts = facts.replace("  t: {kind: sensor, otherwise: 22 degC}\n", "")
    table = "from,to,state\n2025-09-09 02:00,2025-09-09 03:00,up\n"
    file = read(terms, WARNED, facts=facts, beside=lambda _: table)
    said = [in_chinese(each) for each in file.warnings]
    assert [re.split("[，：（]", one)[0] for one in said] == [
        "本条款没有适用于 'cage' 的指标或用量",
        "在本账期内没有服务",
        "本条款没有指标观测 'fan'",
        "x.csv 中有 1 行在账期之外",
        "在账期之外",
        "超出账期边界",
        "本条款没有指标排除 'party'",
        "超出账期边界",
        "申请于 2025-09-05 10:00:00+02:00",
        "2 个采样中有 1 个不在账期内的服务时间里",
        "没有类别为 'sensor' 的资源为 A05 服务",
    ]


def test_an_instant_is_said_as_the_terms_zone_shows_it(terms: Terms) -> None:
    (problem,) = problems(terms, "down: [[a, 2025-10-09 02:10, 2025-10-09T00:05:00.250Z]]")
    assert problem.message == (
        "the end 2025-10-09 02:05:00.250+02:00 is not after the start 2025-10-09 02:10:00+02:00"
    )
    skipped = refused(terms, "invoice: 1\nas_of: 2025-03-30 02:30")
    assert "write it with an offset, for example 2025-03-30 03:30:00+02:00" in skipped


def test_an_instant_said_is_read_back() -> None:
    for zone in ("Europe/Berlin", "Asia/Kathmandu", "UTC"):
        for ms in (1_761_440_399_250, 1_761_436_800_000):
            assert read_moment(say_moment(ms, zone), zone) == ms


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_days_that_another_zone_lacks_are_refused(terms: Terms, day: str) -> None:
    """Else saying them in another zone leaves the calendar."""
    assert "is no instant such as" in refused(terms, f"as_of: {day} 12:00")
    assert "no day of the calendar" in refused(terms, f"calendar: {{holidays: {day}}}")


def test_what_was_not_read_is_complained_of_once(terms: Terms) -> None:
    facts = FACTS.replace("22 degC", "22")
    (problem,) = problems(terms, facts=facts)
    assert problem.place == "resources.t.otherwise"
    assert str(problem.message).startswith("must be up, unknown or a measured value: '22' needs")
    (other,) = problems(terms, facts=FACTS.replace("22 degC", "22 %RH"))
    assert other.message == "is measured in %RH, the terms' limit is in degC"


def test_values_are_said_in_their_unit(terms: Terms) -> None:
    told = refused(terms, BAD["two values"][0])
    assert "is measured as 21 °C from" in told
    assert "but measured as 20 °C until" in told


def test_values_and_states_are_told_the_way_out(terms: Terms) -> None:
    told = refused(terms, BAD["value and state"][0])
    assert "write the values only, or use another resource for the states" in told


class TestTooLong:
    def test_by_its_characters(self, terms: Terms) -> None:
        (problem,) = problems(terms, "#" * LONGEST_TEXT)
        assert str(problem.message).startswith("longer than 200000 characters: put what was")
        assert "`samples`" in in_chinese(problem)

    def test_by_its_bytes(self, folder: Path) -> None:
        (folder / "facts.yaml").write_bytes(b"#" * 900_000)
        assert "name them by `samples`" in call(*EVALUATE).stderr
        (folder / "terms.yaml").write_bytes(b"#" * 900_000)
        assert "`samples`" not in call(*EVALUATE).stderr  # nothing of terms lies in tables


class TestClaimsBeforeTheMonth:
    def warned(self, terms: Terms, more: str) -> list[str]:
        return [str(one.message) for one in read(terms, more).warnings if "claims" in one.place]

    def test_are_warned_of(self, terms: Terms) -> None:
        (said,) = self.warned(terms, "claims: [{made_at: 2025-09-30 23:59:59}]")
        assert said == (
            "was made at 2025-09-30 23:59:59+02:00, before anything of the period could be "
            "claimed (2025-10-01 00:00:00+02:00): it claims nothing"
        )
        assert not self.warned(terms, "claims: [{made_at: 2025-10-01 00:00}]")

    def test_count_from_an_outage_on_that_began_before(self) -> None:
        """Where the deadline runs from the outage's end, one over the month's edge is claimed from
        its own start on."""
        terms = load_terms(
            TERMS + "settle: {when: on_claim, claim: {within: 72 h, from: event_end}}\n"
        )
        rows = [f"[{feed}, 2025-09-30 22:00, 2025-10-01 02:00]" for feed in "ab"]
        over = f"down: [{', '.join(rows)}]\n"
        claim = "claims: [{made_at: 2025-09-30 22:30}]"
        assert not self.warned(terms, over + claim)
        report = report_evaluation(terms, read(terms, over + claim))
        assert report["results"][0]["settlement"]["state"] == "given"
        assert self.warned(terms, over + claim.replace("22:30", "21:30"))
        assert self.warned(terms, claim)


def test_terms_and_facts_that_do_not_fit_are_told_in_chinese(folder: Path) -> None:
    facts = (folder / "facts.yaml").read_text(encoding="utf-8")
    valued = facts.replace("down:", "  t: {kind: power_feed, otherwise: 5 V}\ndown:")
    (folder / "facts.yaml").write_text(valued, encoding="utf-8")
    told = call(*EVALUATE, "--language", "zh").stderr
    assert "facts.yaml 与 terms.yaml 不相符：t 写的是测量值，而指标 power 没有限值" in told
    pool = test_facts_usage.POOL.replace("POOL", "contract").replace("6.00", "item")
    rows = "".join(
        test_facts_usage.rows(name, more=f", price: {{over: {price}}}").removeprefix("usage:\n")
        for name, price in (("A", 5), ("B", 6))
    )
    items = test_facts_usage.ITEMS + "  - {id: B, kind: port, mrc: 1, site: S}\n"
    (folder / "terms.yaml").write_text(pool, encoding="utf-8")
    (folder / "facts.yaml").write_text(f"{items}usage:\n{rows}", encoding="utf-8")
    told = call(*EVALUATE, "--language", "zh").stderr
    assert "用量 bandwidth：合并计费的各服务项超出保底的单价不一致" in told


def test_refusals_of_facts_are_told_in_the_language_asked_for(folder: Path) -> None:
    facts = (folder / "facts.yaml").read_text(encoding="utf-8")
    bad = facts.replace("2025-10-09 04:00", "2025-10-09 03:00").replace("6000.00", "6e3")
    (folder / "facts.yaml").write_text(bad, encoding="utf-8")
    done = shell(folder, *EVALUATE, "--language", "zh")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "Error: facts.yaml 不能使用：",
        "  第 3 行，items[1].mrc：'6e3' 用了科学记数法；请写全，例如 1000.00",
        (
            "  第 9 行，down[2].to：结束 2025-10-09 03:00:00+08:00 不晚于开始 "
            "2025-10-09 03:10:00+08:00"
        ),
    ]
    assert "is written as a float" in call(*EVALUATE).stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--facts", "none.yaml"), "没有文件 none.yaml。"),
        (("--facts", "."), "无法读取 .："),
        (("--facts", "bytes.yaml"), "bytes.yaml 不是 UTF-8 文本（第 1 个字节）"),
        (("--facts", "long.yaml"), "long.yaml 超过 800000 字节。请把测量数据放进"),
        (("--facts", "beside.yaml"), "resources.b.samples：none.csv：没有文件"),
        (("--facts", "outside.yaml"), "../b.csv：不在事实文件所在的文件夹里"),
        (("--terms", "preset:none"), "没有名为 'none' 的预置条款"),
    ],
)
def test_files_that_can_not_be_read_are_told_in_chinese(
    folder: Path, words: tuple[str, str], said: str
) -> None:
    (folder / "bytes.yaml").write_bytes(b"\xff\xfe")
    (folder / "long.yaml").write_bytes(b"#" * 900_000)
    for name, table in (("beside", "none.csv"), ("outside", "../b.csv")):
        (folder / f"{name}.yaml").write_text(
            "period: 2025-10\nitems: [{id: A05, kind: cabinet, mrc: 1}]\n"
            f"resources: {{b: {{kind: power_feed, samples: {table}}}}}\n"
        )
    done = call(*EVALUATE, *words, "--language", "zh")
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_warnings_are_told_in_the_language_asked_for(folder: Path) -> None:
    facts = (folder / "facts.yaml").read_text(encoding="utf-8")
    late = facts + "  - [feed-A, 2025-08-09 02:10, 2025-08-09 03:25]\n"
    (folder / "facts.yaml").write_text(late, encoding="utf-8")
    said = {"zh": "在账期之外，不予计入", "en": "lies outside the period and is left out"}
    assert f"注意: 第 10 行，down[3]：{said['zh']}\n" in call(*EVALUATE, "--language", "zh").stdout
    assert f"Note: line 10, down[3]: {said['en']}\n" in call(*EVALUATE).stdout
    for language, words in said.items():
        report = json.loads(call(*EVALUATE, "--json", "--language", language).stdout)
        REPORT.validate(report)
        assert report["warnings"]["facts"] == [{"place": "down[3]", "line": 10, "message": words}]


def test_a_refusal_without_a_place_is_about_the_facts(terms: Terms) -> None:
    (problem,) = problems(terms, facts="")
    assert say_in("zh", say_problem(problem)) == "第 1 行，facts：是空的"
