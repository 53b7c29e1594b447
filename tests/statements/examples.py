"""Inputs of two whole statements, made by hand; run as a module to write their JSON again."""

import json
import math
from datetime import datetime
from pathlib import Path
from typing import Any

from dcim.sla.rules.periods import to_ms
from dcim.statements.composition import Statement, compose

HERE = Path(__file__).parent
TERMS = HERE.parents[1] / "dcim" / "demo" / "terms"
START, END = 1_790_784_000_000, 1_793_462_400_000  # October 2026 in Asia/Shanghai
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def at(text: str) -> int:
    """Milliseconds of a local time such as 10-13 03:20:11 in 2026 at UTC+8."""
    return to_ms(datetime.fromisoformat(f"2026-{text}+08:00"))


def iso(text: str) -> str:
    return f"2026-{text.replace(' ', 'T')}+08:00"


def states(*bad: tuple[str, str, str]) -> list[list[Any]]:
    """Up all month but for (start, end, state), local times."""
    rows: list[list[Any]] = []
    last = START
    for start, end, state in sorted(bad):
        rows += [[last, at(start), "up"], [at(start), at(end), state]]
        last = at(end)
    return [row for row in [*rows, [last, END, "up"]] if row[0] < row[1]]


def wave(ms: int, low: int, high: int, peak_hour: int = 21) -> int:
    """A daily rhythm in integers, with a small deterministic ripple."""
    hour = (ms + 8 * HOUR) % DAY / HOUR
    share = (1 + math.cos((hour - peak_hour) / 24 * 2 * math.pi)) / 2
    ripple = (ms // 300_000 * 7919) % 101 / 1000
    return int(low + (high - low) * min(share * 0.93 + ripple, 1))


def temperature() -> list[list[int]]:
    """Five-minute values; an excursion on the 27th."""
    rows = []
    hot = (at("10-27 14:00"), at("10-27 15:15"))
    for start in range(START, END, 5 * MINUTE):
        value = wave(start, 21_200, 23_400, 15)
        if hot[0] <= start < hot[1]:
            value = 27_400 + wave(start, 0, 2_000, 15)
        rows.append([start, start + 5 * MINUTE, value])
    return rows


def bandwidth(gap: tuple[int, int], down: tuple[int, int], top_bps: int) -> list[list[int]]:
    rows = []
    for start in range(START, END, 300_000):
        if gap[0] <= start < gap[1]:
            continue
        rate = 0 if down[0] <= start < down[1] else wave(start, top_bps // 5, top_bps)
        rows.append([start, rate // 8 * 300 // 3, rate // 8 * 300, 300_000])
    return rows


def power(feed: str, dead: list[tuple[int, int]], low: int, high: int) -> list[list[int]]:
    rows = []
    for start in range(START, END, 300_000):
        mean = 0 if any(s <= start < e for s, e in dead) else wave(start, low, high)
        rows.append([start, 300_000, mean * 104 // 100, mean, mean // 12])
    return rows


def text(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


def frame(
    language: str, terms: str, number: str, code: str, name: dict[str, str]
) -> dict[str, Any]:
    return {
        "schema": "jifang.inputs/1",
        "rules_version": "1",
        "document": {
            "number": number,
            "revision": 1,
            "reason": None,
            "supersedes": None,
            "language": language,
            "frozen_at": "2026-11-01T01:00:00Z",
            "verify_url": "https://portal.cloudport.example/verify",
            "dispute": {"deadline": "2026-11-30", "contact": "sla@cloudport.example"},
        },
        "operator": {
            "name": text("示例云港数据中心有限公司", "Example Cloudport Data Centre Ltd"),
            "contact": text("sla@cloudport.example", "sla@cloudport.example"),
            "address": text("上海市示例路 1 号", "1 Example Road, Shanghai"),
        },
        "customer": {"code": code, "name": name},
        "contract": {"number": f"SH01-2026-{code}", "start": "2026-01-01", "end": None},
        "terms": (TERMS / f"{terms}.yaml").read_text(encoding="utf-8"),
        "period": "2026-10",
        "items": [],
        "resources": [],
        "incidents": [],
        "maintenance": [],
        "tickets": [],
        "decisions": [],
        "bandwidth": [],
        "power": [],
        "series": [],
    }


A_LOST = ("10-06 15:12:00", "10-06 16:26:00")
BOTH_A = ("10-13 03:18:40", "10-13 03:57:13")
BOTH_B = ("10-13 03:20:11", "10-13 04:31:00")
PORT_DOWN = ("10-23 10:10:00", "10-23 10:31:24")
WORKS = ("10-18 01:00:00", "10-18 02:30:00")
REBOOT = ("10-21 11:00:00", "10-21 11:08:00")


def breached_inputs(language: str) -> dict[str, Any]:
    """A cabinet with A/B feeds and a 10G port in a month with everything in it."""
    inputs = frame(
        language,
        "standard",
        "SLA-202610-C1003-01",
        "C1003",
        text("示例视频科技有限公司", "Example Video Technology Ltd"),
    )
    port, aisle = "port:SW-A05-1:10GE1/0/7", "temp:2F-1:A-cold"
    inputs["items"] = [
        {
            "id": "A05",
            "kind": "cabinet",
            "label": text("A05 机柜（A/B 双路 6 kW）", "Cabinet A05 (feeds A/B, 6 kW)"),
            "name": text("A05 机柜", "Cabinet A05"),
            "place": "SH01 / 2F-1 / A05",
            "mrc": "18600.00",
            "start": "2026-01-01",
            "end": None,
            "conditions": {"dual_fed": True},
        },
        {
            "id": "BW-A05",
            "kind": "bandwidth",
            "label": text("10G 端口（保底 2 Gbit/s）", "10G port (commit 2 Gbit/s)"),
            "name": text("SW-A05-1 10GE1/0/7 端口", "Port SW-A05-1 10GE1/0/7"),
            "place": "SH01 / SW-A05-1 / 10GE1/0/7",
            "mrc": "24000.00",
            "start": "2026-01-01",
            "end": None,
            "commit_bps": 2_000_000_000,
        },
    ]
    both = {"place": "SH01 / 2F-1 / A05", "items": ["A05"]}
    inputs["resources"] = [
        {
            "name": "feed:A05:A",
            "kind": "power_feed",
            "feed": "A",
            "label": text("A05 机柜 A 路", "Cabinet A05, feed A"),
            "states": states((*A_LOST, "down"), (*BOTH_A, "down"), (*REBOOT, "unknown")),
            **both,
        },
        {
            "name": "feed:A05:B",
            "kind": "power_feed",
            "feed": "B",
            "label": text("A05 机柜 B 路", "Cabinet A05, feed B"),
            "states": states((*BOTH_B, "down"), (*REBOOT, "unknown")),
            **both,
        },
        {
            "name": port,
            "kind": "port",
            "items": ["BW-A05"],
            "label": text("SW-A05-1 端口 10GE1/0/7", "SW-A05-1 port 10GE1/0/7"),
            "place": "SH01 / SW-A05-1",
            "states": states(
                (*PORT_DOWN, "down"),
                ("10-18 01:10:00", "10-18 01:25:00", "down"),
                ("10-09 04:00:00", "10-09 04:07:00", "unknown"),
            ),
        },
        {
            "name": aisle,
            "kind": "temperature",
            "label": text("2F-1 机房 A 列冷通道", "Room 2F-1, cold aisle A"),
            "values": temperature(),
            **both,
        },
    ]
    inputs["incidents"] = [
        {
            "id": "INC-1006",
            "start": iso(A_LOST[0]),
            "end": iso(A_LOST[1]),
            "what": text("A05 机柜 A 路断电", "Feed A of cabinet A05 lost"),
            "place": "SH01 / 2F-1 / A05",
            "cause": text("列头柜 PDC-A-03 出线断路器跳闸", "Breaker of panel PDC-A-03 tripped"),
            "detector": text("列头柜支路电表", "Branch meter of the panel"),
            "resources": ["feed:A05:A"],
            "evidence": ["panel:PDC-A-03:07"],
        },
        {
            "id": "INC-1013",
            "start": iso(BOTH_B[0]),
            "end": iso(BOTH_A[1]),
            "what": text("A05 机柜双路断电", "Both feeds of cabinet A05 lost"),
            "place": "SH01 / 2F-1 / A05",
            "cause": text("UPS-A 与 UPS-B 先后退出", "UPS-A and UPS-B dropped one after the other"),
            "detector": text("列头柜支路电表", "Branch meters of the panels"),
            "resources": ["feed:A05:A", "feed:A05:B"],
            "evidence": ["panel:PDC-A-03:07", "panel:PDC-B-03:07"],
        },
        {
            "id": "INC-1018",
            "start": iso("10-18 01:10:00"),
            "end": iso("10-18 01:25:00"),
            "what": text("端口 10GE1/0/7 中断", "Port 10GE1/0/7 down"),
            "place": "SH01 / SW-A05-1",
            "cause": text("计划维护 MW-1018", "Planned maintenance MW-1018"),
            "detector": text("端口状态", "Port state"),
            "resources": [port],
            "evidence": [port],
        },
        {
            "id": "INC-1023",
            "start": iso(PORT_DOWN[0]),
            "end": iso(PORT_DOWN[1]),
            "what": text("端口 10GE1/0/7 中断", "Port 10GE1/0/7 down"),
            "place": "SH01 / SW-A05-1",
            "cause": text("光模块故障，已更换", "Optical module failed, replaced"),
            "detector": text("端口状态", "Port state"),
            "resources": [port],
            "evidence": [port],
        },
        {
            "id": "INC-1027",
            "start": iso("10-27 14:00:00"),
            "end": iso("10-27 15:15:00"),
            "what": text("2F-1 冷通道超温", "Cold aisle of room 2F-1 too warm"),
            "place": "SH01 / 2F-1",
            "cause": text("末端空调 CRAC-2 停机", "Air handler CRAC-2 stopped"),
            "detector": text("冷通道温度传感器", "Cold aisle sensor"),
            "resources": [aisle],
            "evidence": [aisle],
        },
    ]
    inputs["maintenance"] = [
        {
            "id": "MW-1018",
            "class": "maintenance",
            "title": text("接入交换机软件升级", "Software upgrade of the access switch"),
            "start": iso(WORKS[0]),
            "end": iso(WORKS[1]),
            "announced_at": iso("10-14 01:00:00"),
            "recipients": ["noc@video.example"],
            "resources": [port],
        }
    ]
    inputs["bandwidth"] = [
        {
            "item": "BW-A05",
            "label": text("10G 端口带宽", "Bandwidth of the 10G port"),
            "bins": bandwidth(
                (at("10-09 04:00"), at("10-09 04:10")),
                (at("10-23 10:10"), at("10-23 10:30")),
                2_090_000_000,
            ),
        }
    ]
    spans = [tuple(map(at, span)) for span in (A_LOST, BOTH_A, BOTH_B)]
    dead = {"A": [spans[0], spans[1]], "B": [spans[2]]}
    inputs["power"] = [
        {
            "id": f"A05-{feed}",
            "item": "A05",
            "feed": feed,
            "label": text(f"A05 机柜 {feed} 路", f"Cabinet A05, feed {feed}"),
            "rated_w": 7360,
            "derated_w": 5888,
            "contract_w": 6000,
            "bins": power(feed, [(s[0], s[1]) for s in dead[feed]], 1_800_000, 2_500_000),
        }
        for feed in ("A", "B")
    ]
    inputs["series"] = [
        {"series": name, "label": label, "expected": 44_640, "received": 44_640 - missing}
        for name, label, missing in (
            ("panel:PDC-A-03:07", text("A 路支路电表", "Branch meter, feed A"), 8),
            ("panel:PDC-B-03:07", text("B 路支路电表", "Branch meter, feed B"), 8),
            (port, text("端口状态与流量", "Port state and traffic"), 7),
            (aisle, text("冷通道温度", "Cold aisle temperature"), 0),
        )
    ]
    return inputs


def small_inputs(language: str) -> dict[str, Any]:
    """A quarter cabinet since the 12th of the month; all met."""
    inputs = frame(
        language,
        "shared",
        "SLA-202610-C1011-01",
        "C1011",
        text("示例小站工作室", "Example Small Studio"),
    )
    inputs["items"] = [
        {
            "id": "B02-Q3",
            "kind": "rack",
            "label": text("B02 机柜四分之一格 Q3", "Quarter Q3 of cabinet B02"),
            "place": "SH01 / 2F-1 / B02",
            "mrc": "1550.00",
            "start": "2026-10-12",
            "end": None,
        }
    ]
    inputs["resources"] = [
        {
            "name": f"feed:B02-Q3:{feed}",
            "kind": "power_feed",
            "feed": feed,
            "items": ["B02-Q3"],
            "label": text(f"B02-Q3 {feed} 路", f"B02-Q3, feed {feed}"),
            "place": "SH01 / 2F-1 / B02",
            "states": states(),
        }
        for feed in ("A", "B")
    ] + [
        {
            "name": "temp:2F-1:B-cold",
            "kind": "temperature",
            "items": ["B02-Q3"],
            "label": text("2F-1 机房 B 列冷通道", "Room 2F-1, cold aisle B"),
            "place": "SH01 / 2F-1",
            "values": [[START + n * HOUR, START + (n + 1) * HOUR, 22_400] for n in range(744)],
        }
    ]
    inputs["series"] = [
        {
            "series": "panel:PDC-A-01:02",
            "label": text("支路电表", "Branch meter"),
            "expected": 28_800,
            "received": 28_800,
        }
    ]
    return inputs


EXAMPLES = {"breached": breached_inputs, "small": small_inputs}


def statement(name: str, language: str) -> Statement:
    return compose(EXAMPLES[name](language))


def as_json(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def example_path(name: str, language: str) -> Path:
    return HERE / f"{name}.{language}.json"


def write_examples() -> None:
    for name in EXAMPLES:
        for language in ("zh", "en"):
            example_path(name, language).write_text(
                as_json(statement(name, language).data), encoding="utf-8"
            )


if __name__ == "__main__":
    write_examples()
