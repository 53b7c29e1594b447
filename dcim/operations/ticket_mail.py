"""The words of a mail about a ticket, Chinese and English; pure."""

import datetime as dt
from dataclasses import dataclass

from dcim.notices.letters import Told, put_on_a_line, quote, say_instant

# By kind of event: what is said in the subject.
DEEDS = {
    "answer": ("已受理", "answered"),
    "wait": ("等待贵方回复", "waits for you"),
    "resume": ("继续处理", "goes on"),
    "resolve": ("已解决", "resolved"),
    "close": ("已关闭", "closed"),
    "reopen": ("已重新打开", "reopened"),
    "comment": ("有新回复", "new reply"),
}


@dataclass(frozen=True, slots=True)
class TicketNews:
    """`deed` is one of DEEDS; `text` what was written with it, by whoever did it."""

    ticket_id: int
    number: str
    title: str
    deed: str
    at: dt.datetime
    text: str


def write_ticket(news: TicketNews, language: str, zone: str) -> Told:
    deed = DEEDS[news.deed][0 if language == "zh" else 1]
    title, at = put_on_a_line(news.title), say_instant(news.at, zone)
    if language == "zh":
        lines = [f"工单 {news.number}：{title}", "", f"{deed}，{at}。"]
        subject = f"工单 {news.number} {deed}：{title}"
    else:
        lines = [f"Ticket {news.number}: {title}", "", f"{deed.capitalize()}, {at}."]
        subject = f"Ticket {news.number} {deed}: {title}"
    if news.text:
        lines += ["", *quote(news.text)]
    return Told(subject, lines, f"/portal/tickets/{news.ticket_id}")
