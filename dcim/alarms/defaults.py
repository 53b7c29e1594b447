"""The rules to start from, as data: an installation gets each once, and may change all of it."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dcim.alarms.models import AlarmRule
from dcim.columns import utc_now

WEEK_S = 7 * 86_400
# code, names, on, kind, quantity, way, raise at, clear at, for s, for s, severity, over s, class.
# Inlet air: ASHRAE TC 9.9 recommends 18 to 27 degC and allows 32 degC (class A1).
DEFAULTS: tuple[tuple[object, ...], ...] = (
    ("uplink-down", "上联端口 down", "Uplink down", True,
     "state", "port_down", "above", 1, 0, 0, 60, "critical", 0, "uplink"),
    ("port-down", "客户端口 down", "Customer port down", True,
     "state", "port_down", "above", 1, 0, 0, 60, "major", 0, "customer"),
    ("port-busy", "端口利用率高", "Port nearly full", True,
     "threshold", "port_share", "above", 90, 80, 300, 300, "warning", 0, ""),
    ("commit-exceeded", "流量超过保底", "Traffic above commit", False,
     "threshold", "port_commit_share", "above", 100, 90, 1800, 1800, "warning", 0, ""),
    ("port-errors", "端口误码", "Errors on a port", True,
     "threshold", "port_errors", "above", 60, 6, 300, 600, "warning", 0, ""),
    # Off: a nearly full port drops a little by design, how much matters is the house's to say.
    ("port-discards", "端口丢包", "Packets dropped on a port", False,
     "threshold", "port_discards", "above", 6000, 600, 300, 600, "warning", 0, ""),
    # Beyond the device's own thresholds; light is read every five minutes.
    ("uplink-light", "上联光功率越限", "Uplink's light beyond its thresholds", True,
     "threshold", "port_light", "below", 0, 0.5, 600, 900, "major", 0, "uplink"),
    ("customer-light", "客户端口光功率越限", "Customer port's light beyond its thresholds", True,
     "threshold", "port_light", "below", 0, 0.5, 600, 900, "warning", 0, "customer"),
    ("internal-light", "内部端口光功率越限", "Internal port's light beyond its thresholds", True,
     "threshold", "port_light", "below", 0, 0.5, 600, 900, "warning", 0, "internal"),
    # Off: many lines are planned as near as that.
    ("light-near", "光功率接近门限", "Light near a threshold", False,
     "threshold", "port_light", "below", 1, 1.5, 3600, 3600, "warning", 0, ""),
    ("uplink-lag", "上联聚合组缺成员", "Uplink LAG has lost members", True,
     "threshold", "lag_lost", "above", 1, 0, 60, 300, "major", 0, "uplink"),
    ("customer-lag", "客户聚合组缺成员", "Customer's LAG has lost members", True,
     "threshold", "lag_lost", "above", 1, 0, 60, 300, "warning", 0, "customer"),
    ("internal-lag", "内部聚合组缺成员", "Internal LAG has lost members", True,
     "threshold", "lag_lost", "above", 1, 0, 60, 300, "warning", 0, "internal"),
    # Off: those above tell it sooner; this is for who wants it graver.
    ("lag-capacity", "聚合组剩余容量不足一半", "LAG has half of its capacity or less", False,
     "threshold", "lag_capacity", "below", 50, 60, 60, 300, "major", 0, ""),
    ("node-dead", "失电", "Power lost", True,
     "state", "node_dead", "above", 1, 0, 0, 60, "critical", 0, ""),
    ("node-overloaded", "超过降额上限", "Above the derated limit", True,
     "threshold", "node_load", "above", 100, 95, 300, 300, "major", 0, ""),
    ("node-load", "负载接近降额上限", "Load near the derated limit", True,
     "threshold", "node_load", "above", 90, 85, 600, 600, "warning", 0, ""),
    ("temperature-high", "进风温度偏高", "Inlet air warm", True,
     "threshold", "temperature", "above", 27, 26, 300, 300, "warning", 0, ""),
    ("temperature-hot", "进风温度过高", "Inlet air too hot", True,
     "threshold", "temperature", "above", 32, 30, 60, 300, "critical", 0, ""),
    ("temperature-rising", "温度快速上升", "Temperature rises quickly", False,
     "rate", "temperature", "above", 15, 5, 120, 300, "major", 900, ""),
    ("humidity-high", "湿度偏高", "Air too humid", True,
     "threshold", "humidity", "above", 70, 65, 600, 600, "warning", 0, ""),
    ("agent-silent", "设备无应答", "Device doesn't answer", True,
     "absence", "agent_silence", "above", 180, 60, 0, 0, "major", 0, ""),
    ("node-silent", "电力表计无数据", "Power meter silent", False,
     "absence", "node_silence", "above", 300, 60, 0, 0, "warning", 0, ""),
    ("sensor-silent", "温湿度传感器无数据", "Sensor silent", False,
     "absence", "sensor_silence", "above", 300, 60, 0, 0, "warning", 0, ""),
)  # fmt: skip
# The same with how far ahead, s, at the end: a week's trend, two weeks ahead.
FORECASTS: tuple[tuple[object, ...], ...] = (
    ("node-load-ahead", "两周内负载将超降额上限", "Load above the derated limit within two weeks",
     False, "forecast", "node_load", "above", 100, 97, 0, 43_200, "warning", WEEK_S, "",
     2 * WEEK_S),
    ("temperature-ahead", "两周内进风温度将偏高", "Inlet air warm within two weeks", False,
     "forecast", "temperature", "above", 27, 26.5, 0, 43_200, "warning", WEEK_S, "", 2 * WEEK_S),
)  # fmt: skip
# 2 % of 30 days' budget within an hour, 5 % within six (Google's SRE workbook, chapter 5).
BURNS: tuple[tuple[object, ...], ...] = (
    ("sla-burning-fast", "误差预算快速消耗", "Error budget burns fast", False,
     "burn", "item_burn", "above", 14.4, 14.4, 0, 0, "major", 3600, ""),
    ("sla-burning", "误差预算持续消耗", "Error budget burns", False,
     "burn", "item_burn", "above", 6, 6, 0, 0, "warning", 21_600, ""),
)  # fmt: skip
# An absence can't flap: it ends when something comes; a forecast is drawn too seldom, and a burn
# changes no faster than its short window.
FLAP_CHANGES, FLAP_WITHIN_S = 6, 1800
NAMES = (
    "code", "name", "name_en", "enabled", "kind", "quantity", "way", "raise_at", "clear_at",
    "raise_for_s", "clear_for_s", "severity", "window_s", "subject_class", "horizon_s",
)  # fmt: skip


def ensure_rules(session: Session) -> int:
    """Enter the built-in rules that aren't there yet; those that are stay as people made them.
    Returns how many are new.

    Where there are rules already, what an update brings is off: nobody is woken by a rule that
    they never tried.
    """
    known = set(session.scalars(select(AlarmRule.code)))
    rows = [
        _row(values) | ({"enabled": False} if known else {})
        for values in (*((*values, 0) for values in (*DEFAULTS, *BURNS)), *FORECASTS)
        if values[0] not in known
    ]
    if rows:
        session.execute(insert(AlarmRule).on_conflict_do_nothing(index_elements=["code"]), rows)
    return len(rows)


def _row(values: tuple[object, ...]) -> dict[str, object]:
    given = dict(zip(NAMES, values, strict=True))
    damped = given["kind"] not in ("absence", "forecast", "burn")
    return given | {
        "built_in": True,
        "flap_changes": FLAP_CHANGES if damped else 0,
        "flap_within_s": FLAP_WITHIN_S if damped else 0,
        "changed_at": utc_now(),
        "changed_by": "",
    }
