"""The demo's event script: what befalls the site in the closed month and the running one."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from dcim.demo.network_plan import NARROW_SWITCH
from dcim.demo.plan_parts import EventPlan, MaintenancePlan, PortPlan, TicketPlan

MINUTE_MS = 60_000
DAY_MS = 86_400_000

FEED_LOSS_PANEL = "RPP-A1"
DOUBLE_PANEL = "RPP-B1"
DOUBLE_BREAKERS = ("RPP-B2/Q05", "RPP-B2/Q06")
WORK_PANEL = "RPP-C2"
UPGRADED_SWITCH = "acc-a"
REBOOTED = "core-2"
FAULTY_PORT = "acc-a:xge1/0/2"
FLAPPING_PORT = "acc-b:ge1/0/4"
HOT_ROOM = "M2"
BLIND_AGENTS = ("acc-d", "bcm-d-", "pdu-d-02-", "pdu-d-03-")
COMING_PANEL = "RPP-D1"
LOST_METER = "grid-b"

# How long the port flaps on into the future: a demo instance lives shorter.
FLAPS_DAYS = 400


# (day of the month, from, to) by the site's clock.
_When = tuple[int, str, str]


@dataclass(frozen=True)
class Calendar:
    """The month that is closed at the anchor, in the site's zone."""

    anchor_ms: int
    zone: ZoneInfo

    @property
    def month_start(self) -> dt.date:
        today = dt.datetime.fromtimestamp(self.anchor_ms / 1000, self.zone).date()
        return (today.replace(day=1) - dt.timedelta(days=1)).replace(day=1)

    @property
    def month_end(self) -> dt.date:
        """The first day of the running month."""
        return (self.month_start + dt.timedelta(days=31)).replace(day=1)

    @property
    def today(self) -> dt.date:
        return dt.datetime.fromtimestamp(self.anchor_ms / 1000, self.zone).date()

    def at(self, day: dt.date, clock: str) -> dt.datetime:
        """UTC of a wall-clock time "HH:MM[:SS]" on that day."""
        time = dt.time.fromisoformat(clock)
        return dt.datetime.combine(day, time, self.zone).astimezone(dt.UTC)

    def on(self, day_of_month: int, clock: str) -> dt.datetime:
        """The same within the closed month."""
        return self.at(self.month_start.replace(day=day_of_month), clock)


def to_ms(instant: dt.datetime) -> int:
    return round(instant.timestamp() * 1000)


def plan_events(
    calendar: Calendar, ports: tuple[PortPlan, ...], agents: tuple[str, ...]
) -> tuple[EventPlan, ...]:
    """`agents` are the names of all devices that answer SNMP."""
    return (*_closed_month(calendar, ports, agents), *_running_month(calendar))


def _closed_month(
    calendar: Calendar, ports: tuple[PortPlan, ...], agents: tuple[str, ...]
) -> Iterator[EventPlan]:
    def event(
        kind: str, targets: tuple[str, ...], when: _When, cause: str, cause_en: str
    ) -> EventPlan:
        day, start, end = when
        first, last = calendar.on(day, start), calendar.on(day, end)
        return EventPlan(kind, targets, to_ms(first), to_ms(last), cause, cause_en)

    yield event(
        "node_dead", (FEED_LOSS_PANEL,), (4, "02:14:09", "02:55:31"),
        "A 列 A 路列头柜 RPP-A1 主断路器热脱扣，B 路承担全部负载",
        "Main breaker of panel RPP-A1 tripped thermally; feed B carried the load",
    )  # fmt: skip
    yield event(
        "node_dead", DOUBLE_BREAKERS, (12, "14:05:20", "15:10:02"),
        "红外巡检发现 RPP-B2 的 Q05、Q06 接线端子过热，断电应急更换",
        "Infrared survey found hot terminals at Q05, Q06 of RPP-B2; switched off to replace them",
    )  # fmt: skip
    yield event(
        "node_dead", (DOUBLE_PANEL,), (12, "14:21:07", "14:58:15"),
        "B 列 A 路列头柜 RPP-B1 控制模块误动作跳闸，当时 B 路 Q05、Q06 正在应急更换",
        "Control module of RPP-B1 tripped the panel while Q05, Q06 on feed B were being replaced",
    )  # fmt: skip
    yield event(
        "node_dead", (WORK_PANEL,), (9, "01:20:30", "02:35:10"),
        "计划维护：更换 RPP-C2 主断路器", "Planned: main breaker of RPP-C2 replaced",
    )  # fmt: skip
    upgraded = tuple(p.key for p in ports if p.device == UPGRADED_SWITCH)
    yield event(
        "port_down", upgraded, (16, "02:31:00", "02:53:20"),
        "计划维护：acc-a 软件升级", "Planned: software of acc-a upgraded",
    )  # fmt: skip
    yield event(
        "port_down", (FAULTY_PORT,), (18, "21:31:20", "21:56:35"),
        "光模块收光异常，更换后恢复", "Optical module failed and was replaced",
    )  # fmt: skip
    yield event(
        "reboot", (REBOOTED,), (21, "04:10:00", "04:13:20"),
        "core-2 主控切换后整机重启", "core-2 restarted after a supervisor switch-over",
    )  # fmt: skip
    blind = tuple(name for name in agents if name.startswith(BLIND_AGENTS))
    yield event(
        "blind", blind, (23, "03:10:00", "03:22:00"),
        "D 列带外管理交换机更换，部分设备采集中断",
        "Management switch of row D replaced; some devices were not polled",
    )  # fmt: skip
    yield event(
        "hot", (HOT_ROOM,), (26, "14:10:00", "15:20:00"),
        "二号机房冷冻水泵切换失败，送风温度升高",
        "Chilled-water pump of hall 2 failed to change over",
    )  # fmt: skip


def _running_month(calendar: Calendar) -> Iterator[EventPlan]:
    first = calendar.today - dt.timedelta(days=6)
    for offset in range(FLAPS_DAYS):
        day = first + dt.timedelta(days=offset)
        for clock, length in (("09:20:10", 95), ("16:41:30", 260)):
            start = to_ms(calendar.at(day, clock))
            yield EventPlan(
                "port_down", (FLAPPING_PORT,), start, start + length * 1000,
                "链路反复抖动，跳线待更换", "The link flaps; its patch cord is to be replaced",
            )  # fmt: skip
    day = calendar.today - dt.timedelta(days=9)
    yield EventPlan(
        "blind", (LOST_METER,),
        to_ms(calendar.at(day, "09:40:00")), to_ms(calendar.at(day, "15:10:00")),
        "B 路进线电表通信模块更换，期间无读数",
        "Communication module of the grid meter of feed B replaced; no readings meanwhile",
    )  # fmt: skip
    day = calendar.today + dt.timedelta(days=4)
    yield EventPlan(
        "node_dead", (COMING_PANEL,),
        to_ms(calendar.at(day, "01:15:00")), to_ms(calendar.at(day, "02:20:00")),
        "计划维护：RPP-D1 年度检修", "Planned: yearly service of RPP-D1",
    )  # fmt: skip


def shift_start_ms(calendar: Calendar) -> int:
    """When the servers of the crowded rack were plugged into one side."""
    return to_ms(calendar.at(calendar.today - dt.timedelta(days=2), "18:30:00"))


def plan_maintenance(
    calendar: Calendar,
    ports: tuple[PortPlan, ...],
    on_panel: dict[str, tuple[str, ...]],
    on_switch: dict[str, tuple[str, ...]],
) -> tuple[MaintenancePlan, ...]:
    """`on_panel` and `on_switch` tell which customers hang on what."""
    coming = calendar.today + dt.timedelta(days=4)
    label = f"{calendar.month_start:%Y%m}"
    return (
        MaintenancePlan(
            f"MW-{label}-01", "RPP-C2 主断路器更换", "Main breaker of RPP-C2 replaced",
            calendar.on(9, "01:00"), calendar.on(9, "03:00"), calendar.on(2, "10:15"),
            "值班长 03", nodes=(WORK_PANEL,), customers=on_panel[WORK_PANEL],
        ),
        MaintenancePlan(
            f"MW-{label}-02", "acc-a 软件升级", "Software upgrade of acc-a",
            calendar.on(16, "02:00"), calendar.on(16, "04:00"), calendar.on(9, "16:40"),
            "值班长 01",
            ports=tuple(p.key for p in ports if p.device == UPGRADED_SWITCH),
            customers=on_switch[UPGRADED_SWITCH],
        ),
        MaintenancePlan(
            f"MW-{coming:%Y%m}-01", "RPP-D1 年度检修", "Yearly service of RPP-D1",
            calendar.at(coming, "01:00"), calendar.at(coming, "03:00"),
            calendar.at(calendar.today - dt.timedelta(days=3), "11:00"),
            "值班长 02", nodes=(COMING_PANEL,), customers=on_panel[COMING_PANEL],
        ),
    )  # fmt: skip


def plan_tickets(calendar: Calendar) -> tuple[TicketPlan, ...]:
    label = f"{calendar.month_start:%y%m}"
    today = calendar.today
    return (
        TicketPlan(
            f"T-{label}01", "C1005", "fault", "B-05 both feeds down, all servers off",
            calendar.on(12, "14:26"), calendar.on(12, "14:31"), calendar.on(12, "16:05"),
            urgent=True,
        ),
        TicketPlan(
            f"T-{label}02", "C1006", "fault", "B-06 机柜双路断电",
            calendar.on(12, "14:24"), calendar.on(12, "14:30"), calendar.on(12, "16:20"),
            urgent=True,
        ),
        TicketPlan(
            f"T-{label}03", "C1002", "fault", "BGP 主用端口中断",
            calendar.on(18, "21:35"), calendar.on(18, "21:38"), calendar.on(18, "22:10"),
        ),
        TicketPlan(
            f"T-{label}04", "C1015", "remote_hands", "新机柜 D-06 上架 4 台服务器并理线",
            calendar.on(15, "10:02"), calendar.on(15, "10:20"), calendar.on(15, "15:47"),
        ),
        TicketPlan(
            f"T-{label}05", "C1012", "question", "Please confirm the power readings of D-02",
            calendar.on(24, "09:12"), calendar.on(24, "09:40"), calendar.on(24, "11:05"),
            channel="mail",
        ),
        TicketPlan(
            f"T-{label}06", "C1006", "fault", "端口每天闪断两次",
            calendar.at(today - dt.timedelta(days=1), "09:25"),
            calendar.at(today - dt.timedelta(days=1), "09:41"),
        ),
        TicketPlan(
            f"T-{label}07", "C1010", "visit", "明日 14:00 入场更换 2 块硬盘",
            calendar.at(today - dt.timedelta(days=1), "17:05"),
        ),
    )  # fmt: skip


__all__ = [
    "DAY_MS", "MINUTE_MS", "NARROW_SWITCH", "Calendar", "plan_events", "plan_maintenance",
    "plan_tickets", "shift_start_ms", "to_ms",
]  # fmt: skip
