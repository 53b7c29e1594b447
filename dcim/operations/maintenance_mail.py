"""The words of a mail that announced work is given up or done, Chinese and English; pure."""

import datetime as dt
from dataclasses import dataclass

from dcim.notices.letters import Told, put_on_a_line, quote, say_instant, say_span


@dataclass(frozen=True, slots=True)
class WorkEnd:
    """`reason`: why it was given up; None for work that is done. `over_at`: when it was."""

    maintenance_id: int
    code: str
    title: str
    title_en: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    over_at: dt.datetime
    reason: str | None


def write_end(end: WorkEnd, language: str, zone: str) -> Told:
    is_done = end.reason is None
    if language == "zh":
        title = put_on_a_line(end.title)
        what = "已完成" if is_done else "已取消"
        times = say_span(end.starts_at, end.ends_at, zone, " 至 ")
        lines = [
            f"维护 {end.code} {title} {what}。",
            "",
            f"{'维护时间' if is_done else '原定时间'}：{times}",
        ]
        if is_done:
            lines.append(f"完成时间：{say_instant(end.over_at, zone)}")
        elif end.reason:
            lines += ["取消原因：", *quote(end.reason)]
        subject = f"维护 {end.code} {what}：{title}"
    else:
        title = put_on_a_line(end.title_en or end.title)
        what = "is done" if is_done else "is cancelled"
        times = say_span(end.starts_at, end.ends_at, zone, " to ")
        lines = [
            f"Maintenance {end.code}, {title}, {what}.",
            "",
            f"{'Time' if is_done else 'It was planned for'}: {times}",
        ]
        if is_done:
            lines.append(f"Finished: {say_instant(end.over_at, zone)}")
        elif end.reason:
            lines += ["Reason:", *quote(end.reason)]
        subject = f"Maintenance {end.code} {what}: {title}"
    return Told(subject, lines, f"/portal/maintenance/{end.maintenance_id}")
