"""What was promised as clauses in words, Chinese and English."""

from decimal import Decimal

from dcim.sla.rules.language.condition_words import name_condition
from dcim.sla.rules.language.credit_words import say_credit
from dcim.sla.rules.language.target_words import say_figure_condition, say_target, say_targets
from dcim.sla.rules.language.value_words import say_stored_range, say_within
from dcim.sla.rules.quantities import plain, say_duration
from dcim.sla.rules.terms import (
    Answers,
    Average,
    Exclusion,
    Metric,
    Text,
)


def say_exclusion(rule: Exclusion) -> Text:
    kind = {
        "maintenance": ("计划维护", "planned maintenance"),
        "force_majeure": ("不可抗力", "force majeure"),
        "customer_caused": ("客户原因", "causes on the customer's side"),
    }.get(rule.kind, (rule.kind, rule.kind.replace("_", " ")))
    zh, en = kind
    if rule.circumstance is not None:
        observed = rule.circumstance.observe.replace("_", " ")
        bounds = say_stored_range(rule.circumstance.range, rule.circumstance.unit)
        zh = f"{zh}（{observed} {bounds['zh']}时）"
        en = f"{en} (while {observed} is {bounds['en']})"
    if rule.notice is not None:
        notice = say_within(rule.notice)
        zh = f"提前 {notice['zh']}通知的{zh}"
        en += f" announced {notice['en']} ahead"
    if rule.approved:
        zh, en = f"经客户同意、{zh}", f"{en} with the customer's approval"
    if rule.evidence:
        zh, en = f"{zh}（须有证明材料）", f"{en}, with proof on record"
    if rule.outage_up_to_ms is not None:
        length = say_duration(rule.outage_up_to_ms)
        zh, en = f"{zh}，仅限不超过 {length[0]}的中断", f"{en}, outages of up to {length[1]} only"
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
    if metric.answers is not None:
        said = say_answer_time(metric.answers)
        return _finish(
            metric, [f"{said['zh']}，逾时即为一次"], [f"{said['en']}; a late one is an event"]
        )
    zh, en = [], []
    if metric.target.figure is not None:
        zh.append("按整个账期的测量值评定，未测量的时间不参与")
        en.append("It is judged by what was measured over the whole period; the rest has no value")
        for coverage in _say_coverage(metric):
            zh.append(coverage[0])
            en.append(coverage[1])
        return _finish(metric, zh, en)
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
        what = _say_average(metric.average)
        zh.append(f"{what['zh']}须{within['zh']}，超出即为中断")
        en.append(f"{what['en']} must be {within['en']}; beyond that is downtime")
    zh.append(f"{combine[0]}的时间计为中断")
    en.append(combine[1])
    if metric.qualify_ms:
        length = say_duration(metric.qualify_ms)
        over = "超过" if metric.qualify_strictly else "达到"
        more = "more than" if metric.qualify_strictly else "at least"
        if metric.qualify_within_ms:
            window = say_duration(metric.qualify_within_ms)
            zh.append(f"任意 {window[0]}内累计{over} {length[0]}才计，合为一次")
            en.append(
                f"It counts when it adds up to {more} {length[1]} within any {window[1]}, "
                "as one outage"
            )
        else:
            zh.append(f"连续{over} {length[0]}才计")
            en.append(f"It counts when it lasts {more} {length[1]} without a break")
        if metric.counts_from == "threshold":
            zh.append("从达到该时长起计")
            en.append("Only the time beyond that counts")
    for say in (_say_clock, _say_unknown):
        more_zh, more_en = say(metric)
        zh += more_zh
        en += more_en
    return _finish(metric, zh, en)


def _say_clock(metric: Metric) -> tuple[list[str], list[str]]:
    """When the clock runs, what must be reported, how each outage is rounded."""
    zh, en = [], []
    if metric.clock_start != "event":
        started = CLOCK_STARTS[metric.clock_start]
        zh.append(started[0])
        en.append(started[1])
    if metric.clock_stop == "ticket_closed":
        zh.append("至工单关闭止")
        en.append("It stops when the ticket is closed")
    if metric.report is not None:
        within = say_within(metric.report.within)
        since = metric.report.since == "start"
        zh.append(f"须在中断{'发生' if since else '结束'}后 {within['zh']}内报障，逾期不计")
        en.append(
            f"It counts when it is reported within {within['en']} of its "
            f"{'start' if since else 'end'}"
        )
    how, unit = metric.event_rounding
    if how != "none":
        zh.append(f"每次中断{'进' if how == 'up' else '舍'}整到 {say_duration(unit)[0]}")
        en.append(f"Each outage is rounded {how} to {say_duration(unit)[1]}")
    return zh, en


def _say_unknown(metric: Metric) -> tuple[list[str], list[str]]:
    zh, en = [], []
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
        by_credit = metric.review_when == "credit"
        zh.append(f"若{'结论或金额' if by_credit else '结论'}因此而异，由人工核定")
        what = "verdict or the amount" if by_credit else "verdict"
        en.append(f"If the {what} depends on it, a person decides")
    for said in _say_coverage(metric):
        zh.append(said[0])
        en.append(said[1])
    return zh, en


def _say_coverage(metric: Metric) -> list[tuple[str, str]]:
    if not metric.min_coverage:
        return []
    least = plain(metric.min_coverage)
    return [
        (
            f"测量覆盖不足 {least} % 的，由人工核定",
            f"With less than {least} % measured a person decides",
        )
    ]


def _finish(metric: Metric, zh: list[str], en: list[str]) -> Text:
    """What every metric has: exclusions, the target, conditions, the credit."""
    for rule in metric.exclude:
        said = say_exclusion(rule)
        zh.append(said["zh"])
        en.append(said["en"][0].upper() + said["en"][1:])
    if metric.denominator != "service":
        said = _say_denominator(metric)
        zh.append(said["zh"])
        en.append(said["en"])
    targets = say_targets(metric)
    zh.append(f"目标：{targets['zh']}")
    en.append(f"Target: {targets['en']}")
    for name in metric.eligible:
        said = name_condition(name)
        zh.append(f"抵扣条件：{said['zh']}")
        en.append(f"A credit needs {said['en']}")
    for condition in metric.eligible_figures:
        said = say_figure_condition(condition)
        zh.append(f"抵扣条件：{said['zh']}")
        en.append(f"A credit needs {said['en']}")
    credit = say_credit(metric.credit)
    return {"zh": "；".join([*zh, credit["zh"]]) + "。", "en": ". ".join([*en, credit["en"]]) + "."}


def _say_denominator(metric: Metric) -> Text:
    if metric.denominator == "period":
        return {
            "zh": "总时长为整个账期，无论服务何时开通",
            "en": "The total is the whole period, whenever the service began",
        }
    minutes = plain(Decimal(metric.fixed_ms) / 60_000)
    return {"zh": f"总时长固定为 {minutes} 分钟", "en": f"The total is {minutes} minutes, always"}


def _say_average(average: Average | None) -> Text:
    if average is None:
        return {"zh": "测量值", "en": "Measured values"}
    length = say_duration(average.length_ms)
    if average.rolling:
        return {"zh": f"前 {length[0]}的滑动平均值", "en": f"The rolling mean of {length[1]}"}
    return {
        "zh": f"每 {length[0]}（UTC 对齐）的平均值",
        "en": f"The mean of each {length[1]} (UTC)",
    }


def say_answer_time(answers: Answers) -> Text:
    length, kind = say_duration(answers.within_ms), answers.kind.replace("_", " ")
    zh, en = f"{kind}须在 {length[0]}内答复", f"Each {kind} must be answered within {length[1]}"
    if answers.hours is not None:
        hours = "–".join(f"{m // 60:02d}:{m % 60:02d}" for m in answers.hours)
        zh, en = f"{zh}，时限只计 {hours}", f"{en}, time running from {hours} only"
    if answers.business_days:
        zh, en = f"{zh}，只计工作日", f"{en}, on business days only"
    return {"zh": zh, "en": en}


CLOCK_STARTS = {
    "ticket": ("从报障（工单）时起计", "The clock starts when a ticket is opened"),
    "notice": ("从客户通知时起计", "The clock starts with the customer's notice"),
    "detected": (
        "从监控系统发现时起计",
        "The clock starts when the operator's monitoring detects it",
    ),
}


def say_promise(metric: Metric) -> Text:
    """The target with what it is about: the limit of values, the time to answer."""
    target = say_target(metric.target)
    if metric.answers is not None:
        said = say_answer_time(metric.answers)
        if metric.target.downtime_ms == 0:
            return said
        return {"zh": f"{said['zh']}；{target['zh']}", "en": f"{said['en']}; {target['en']}"}
    if metric.limit is None:
        return target
    limit = say_limit(metric)
    return {"zh": f"{limit['zh']}；{target['zh']}", "en": f"{limit['en']}; {target['en']}"}


def say_limit(metric: Metric) -> Text:
    """Limits in written units; stored integers are scaled back."""
    if metric.limit is None:
        return {"zh": "", "en": ""}
    return say_stored_range(metric.limit, metric.limit_unit)
