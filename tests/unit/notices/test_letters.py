"""A letter's frame, its times, and other people's words in it."""

import datetime as dt

import pytest

from dcim.config import Sender
from dcim.notices.letters import (
    LONGEST_SUBJECT,
    LONGEST_TEXT,
    Told,
    put_on_a_line,
    quote,
    say_instant,
    say_span,
    write_letter,
)
from dcim.outbox.opting_out import read_opt_out, sign_opt_out

SENDER = Sender("https://p.example", {"zh": "云港", "en": "Port"}, "noc@p.example")


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type,misc]


def test_both_languages() -> None:
    told = Told("标题", ["第一行"], "/portal/x")
    assert write_letter(SENDER, told, "zh") == (
        "【云港】标题",
        "第一行\n\n在客户门户中查看：https://p.example/portal/x\n\n云港\nnoc@p.example\n",
    )
    assert write_letter(SENDER, told, "en") == (
        "Port: 标题",
        "第一行\n\nIn the customer portal: https://p.example/portal/x\n\nPort\nnoc@p.example\n",
    )


def test_what_is_too_long_is_cut_and_the_address_stays() -> None:
    subject, text = write_letter(SENDER, Told("长" * 500, ["很长" * 5_000], "/portal/x"), "zh")
    assert (len(subject), len(text)) == (LONGEST_SUBJECT, LONGEST_TEXT)
    assert "…\n\n在客户门户中查看：https://p.example/portal/x\n" in text
    # The control: what fits is whole.
    assert "…" not in write_letter(SENDER, Told("t", ["很长"], "/x"), "zh")[1]


@pytest.mark.parametrize("sign", ["\r\n", "\n", "\x00", "\x1b", "\u202e", "\u2028", "\x85"])
def test_nothing_in_somebodys_words_acts(sign: str) -> None:
    assert sign not in put_on_a_line(f"a{sign}Bcc: b")
    assert all(line.startswith(">") for line in quote(f"a{sign}Bcc: b"))
    assert all(sign not in line for line in quote(f"a{sign}Bcc: b"))


def test_an_instant_names_its_zone() -> None:
    at = utc(2026, 10, 31, 16, 30)
    assert say_instant(at, "Asia/Shanghai") == "2026-11-01 00:30 (Asia/Shanghai)"
    assert say_instant(at, "America/New_York") == "2026-10-31 12:30 (America/New_York)"


def test_a_span_over_midnight_and_over_a_change_of_the_clock() -> None:
    start = utc(2026, 10, 31, 20)
    assert say_span(start, start + dt.timedelta(hours=1), "Asia/Tokyo", " – ") == (
        "2026-11-01 05:00 – 06:00 (Asia/Tokyo)"
    )
    assert say_span(start, start + dt.timedelta(hours=5), "Europe/Berlin", " – ") == (
        "2026-10-31 21:00 – 2026-11-01 02:00 (Europe/Berlin)"
    )
    # On 25 October the clock in Berlin goes from three back to two: both hours are told apart.
    night = utc(2026, 10, 25, 0, 30)
    assert say_span(night, night + dt.timedelta(hours=1), "Europe/Berlin", " – ") == (
        "2026-10-25 02:30 (UTC+0200) – 2026-10-25 02:30 (UTC+0100) (Europe/Berlin)"
    )


def test_a_link_ends_one_kind_for_one_person() -> None:
    token = sign_opt_out("secret", 12, "ticket.own")
    assert read_opt_out("secret", token) == (12, "ticket.own")
    seal = token.split("-", 2)[2]
    other = "A" if seal[0] != "A" else "B"
    for forged in (
        f"13-ticket.own-{seal}", f"12-ticket.any-{seal}", f"12-ticket.own-{other}{seal[1:]}",
        f"{token}A", token[:-1], "", "12-ticket.own-", f"{token}\n",
    ):  # fmt: skip
        assert read_opt_out("secret", forged) is None, forged
    assert read_opt_out("other", token) is None
