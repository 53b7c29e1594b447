"""What was promised as clauses in words, Chinese and English."""

from dcim.sla.rules.language.credit_words import say_credit, say_range
from dcim.sla.rules.quantities import VALUE_UNITS, plain, say_duration
from dcim.sla.rules.terms import Exclusion, Metric, Range, Target, Text


def say_target(target: Target) -> Text:
    zh, en = [], []
    if target.availability is not None:
        zh.append(f"可用率不低于 {plain(target.availability)} %")
        en.append(f"availability of at least {plain(target.availability)} %")
    if target.downtime_ms == 0:
        zh.append("不得中断")
        en.append("no downtime")
    elif target.downtime_ms is not None:
        length = say_duration(target.downtime_ms)
        inclusive = target.downtime_inclusive
        zh.append(f"中断{'不超过' if inclusive else '少于'} {length[0]}")
        en.append(f"downtime of {'at most' if inclusive else 'less than'} {length[1]}")
    if target.events is not None:
        zh.append(f"中断不超过 {target.events} 次")
        en.append(f"at most {target.events} outages")
    if target.availability is not None and target.downtime_ms is not None:
        zh.append(
            {"percent": "以百分比为准", "minutes": "以时长为准", "both": "均须满足"}[target.governs]
        )
        en.append(
            {
                "percent": "the percentage governs",
                "minutes": "the time governs",
                "both": "both must hold",
            }[target.governs]
        )
    return {"zh": "，".join(zh), "en": ", ".join(en)}


def say_exclusion(rule: Exclusion) -> Text:
    kind = {
        "maintenance": ("计划维护", "planned maintenance"),
        "force_majeure": ("不可抗力", "force majeure"),
        "customer_caused": ("客户原因", "causes on the customer's side"),
    }.get(rule.kind, (rule.kind, rule.kind.replace("_", " ")))
    zh, en = kind
    if rule.notice_ms is not None:
        zh = f"提前 {say_duration(rule.notice_ms)[0]}通知的{zh}"
        en += f" announced {say_duration(rule.notice_ms)[1]} ahead"
    if rule.window is not None:
        hours = "–".join(f"{m // 60:02d}:{m % 60:02d}" for m in rule.window)
        zh, en = f"{zh}（{hours}）", f"{en} between {hours}"
    if rule.at_most_ms is not None:
        zh += f"，每次至多 {say_duration(rule.at_most_ms)[0]}"
        en += f", at most {say_duration(rule.at_most_ms)[1]} each"
    if rule.per_period_ms is not None:
        zh += f"，每期合计至多 {say_duration(rule.per_period_ms)[0]}"
        en += f", at most {say_duration(rule.per_period_ms)[1]} a period"
    if rule.effect == "out_of_both":
        return {
            "zh": f"{zh}，不计入中断，也不计入总时长",
            "en": f"{en}: out of downtime and of the total",
        }
    return {"zh": f"{zh}，不计为中断", "en": f"{en}: not counted as downtime"}


def say_metric(metric: Metric) -> Text:
    """One paragraph a buyer understands."""
    zh, en = [], []
    combine = {
        "single": ("该服务中断", "Downtime is time in which it is down"),
        "any": ("任一中断", "Downtime is time in which any of them is down"),
        "all": (
            "全部同时中断（仅部分中断的不计）",
            "Downtime is time in which all of them are down at once; losing some does not count",
        ),
        "at_least": (
            f"至少 {metric.at_least_down} 个同时中断",
            f"Downtime is time in which at least {metric.at_least_down} are down at once",
        ),
    }[metric.combine]
    if metric.limit is not None:
        within = say_limit(metric)
        zh.append(f"测量值须{within['zh']}，超出即为中断")
        en.append(f"Measured values must be {within['en']}; beyond that is downtime")
    zh.append(f"{combine[0]}的时间计为中断")
    en.append(combine[1])
    if metric.qualify_ms:
        length = say_duration(metric.qualify_ms)
        zh.append(f"连续{'超过' if metric.qualify_strictly else '达到'} {length[0]}才计")
        more = "more than" if metric.qualify_strictly else "at least"
        en.append(f"It counts when it lasts {more} {length[1]} without a break")
        if metric.counts_from == "threshold":
            zh.append("从达到该时长起计")
            en.append("Only the time beyond that counts")
    if metric.clock_start == "ticket":
        zh.append("从报障（工单）时起计")
        en.append("The clock starts when a ticket is opened")
    if metric.clock_stop == "ticket_closed":
        zh.append("至工单关闭止")
        en.append("It stops when the ticket is closed")
    how, unit = metric.event_rounding
    if how != "none":
        zh.append(f"每次中断{'进' if how == 'up' else '舍'}整到 {say_duration(unit)[0]}")
        en.append(f"Each outage is rounded {how} to {say_duration(unit)[1]}")
    zh.append(
        {
            "left_out": "未测量的时间不计入中断，也不计入总时长",
            "up": "未测量的时间按正常计",
            "down": "未测量的时间按中断计",
        }[metric.unknown]
    )
    en.append(
        {
            "left_out": "Time that was not measured is left out of downtime and of the total",
            "up": "Time that was not measured counts as up",
            "down": "Time that was not measured counts as downtime",
        }[metric.unknown]
    )
    if metric.bridge_ms:
        gap = say_duration(metric.bridge_ms)
        zh.append(f"不超过 {gap[0]}且前后均为中断的缺测计为中断")
        en.append(f"A gap of at most {gap[1]} with downtime on both sides is downtime")
    if metric.bridge_up_ms:
        gap = say_duration(metric.bridge_up_ms)
        zh.append(f"不超过 {gap[0]}且前后均正常的缺测计为正常")
        en.append(f"A gap of at most {gap[1]} with normal service on both sides is normal")
    if metric.unknown == "left_out":
        zh.append("若结论因此而异，由人工核定")
        en.append("If the verdict depends on it, a person decides")
    for rule in metric.exclude:
        said = say_exclusion(rule)
        zh.append(said["zh"])
        en.append(said["en"][0].upper() + said["en"][1:])
    target = say_target(metric.target)
    zh.append(f"目标：{target['zh']}")
    en.append(f"Target: {target['en']}")
    credit = say_credit(metric.credit)
    return {"zh": "；".join([*zh, credit["zh"]]) + "。", "en": ". ".join([*en, credit["en"]]) + "."}


def say_limit(metric: Metric) -> Text:
    """Limits in written units; stored integers are scaled back."""
    limit = metric.limit
    if limit is None:
        return {"zh": "", "en": ""}
    scale = VALUE_UNITS.get(metric.limit_unit, 1)
    written = Range(
        limit.low / scale if limit.low is not None else None,
        limit.low_inclusive,
        limit.high / scale if limit.high is not None else None,
        limit.high_inclusive,
    )
    unit = {"degC": "°C"}.get(metric.limit_unit, metric.limit_unit)
    return say_range(written, unit)
