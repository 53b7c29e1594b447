"""Rights to terminate as clauses in words, Chinese and English."""

from dcim.sla.rules.language.condition_words import name_condition
from dcim.sla.rules.quantities import plain, say_duration
from dcim.sla.rules.terms import Termination, Terms, Text


def say_rights(terms: Terms) -> Text | None:
    """All rights of the terms, one sentence each; None where there are none."""
    if not terms.termination:
        return None
    said = [_say_right(rule, terms) for rule in terms.termination]
    return {key: "".join(_end(one[key], key) for one in said).strip() for key in ("zh", "en")}


def _end(sentence: str, language: str) -> str:
    return f"{sentence}。" if language == "zh" else f"{sentence}. "


def _say_right(rule: Termination, terms: Terms) -> Text:
    titles = {metric.promise: metric.whole_title for metric in terms.metrics}
    zh, en = say_when(rule)
    if rule.measure == "caps_reached":
        en = en[0].upper() + en[1:]
    else:
        names = [titles[name] for name in rule.metrics or titles]
        zh = f"{'、'.join(name['zh'] for name in names)}：{zh}"
        en = f"{' or '.join(name['en'] for name in names)}: {en}"
    if rule.only_if is not None:
        name, holds = rule.only_if
        said = name_condition(name)
        zh += f"，仅当{'' if holds else '不满足：'}{said['zh']}"
        en += f", only {'given' if holds else 'without'} {said['en']}"
    zh, en = f"{zh}，客户可解约", f"{en}, the customer may terminate"
    if rule.notice_ms is not None:
        notice = say_duration(rule.notice_ms)
        zh, en = f"{zh}，须提前 {notice[0]}通知", f"{en} with {notice[1]} notice"
    if rule.exercise_ms is not None:
        within = say_duration(rule.exercise_ms)
        zh += f"，须在账期结束后 {within[0]}内行使"
        en += f", within {within[1]} of the period's end"
    return {"zh": zh, "en": en}


def say_when(rule: Termination) -> tuple[str, str]:
    """What must have happened; Chinese without, English with its "when"."""
    count = plain(rule.more_than)
    if rule.measure == "missed_periods":
        return f"连续 {count} 个账期未达标", f"when {count} periods in a row are missed"
    if rule.measure == "caps_reached":
        of = rule.of_periods
        return (
            f"{of} 个账期内 {count} 次达到抵扣上限",
            f"when the cap of credits is reached {count} times in {of} periods",
        )
    what = {
        "downtime_pct": ("中断占比", "the share of downtime"),
        "downtime": ("中断合计", "downtime"),
        "events": ("中断次数", "the number of outages"),
        "one_event": ("单次中断", "one outage"),
    }[rule.measure]
    length = (
        say_duration(int(rule.more_than)) if rule.measure in ("downtime", "one_event") else None
    )
    bound = length or {"downtime_pct": (f"{count} %", f"{count} %")}.get(
        rule.measure, (f"{count} 次", count)
    )
    over = ("达到", "reaches") if rule.inclusive else ("超过", "exceeds")
    window = ("账期内", "in the period")
    if rule.window_ms is not None:
        span = say_duration(rule.window_ms)
        any_zh = "任意" if rule.reaches_back else "账期内任意"
        within = "" if rule.reaches_back else " within the period"
        window = (f"{any_zh} {span[0]}内", f"in any {span[1]}{within}")
    zh = f"{window[0]}{what[0]}{over[0]} {bound[0]}"
    en = f"when {what[1]} {window[1]} {over[1]} {bound[1]}"
    if rule.each_longer_ms:
        longer = say_duration(rule.each_longer_ms)
        zh += f"（只计超过 {longer[0]}的中断）"
        en += f", outages longer than {longer[1]} only"
    return zh, en
