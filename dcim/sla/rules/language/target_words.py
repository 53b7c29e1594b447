"""Targets and conditions as clauses in words, Chinese and English."""

from dcim.sla.rules.language.condition_words import name_condition
from dcim.sla.rules.language.value_words import say_value
from dcim.sla.rules.quantities import plain, say_duration
from dcim.sla.rules.terms import FigureBound, FigureCondition, Metric, Target, Text


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
        en.append(f"at most {target.events} outage{'' if target.events == 1 else 's'}")
    if target.longest_ms is not None:
        length = say_duration(target.longest_ms)
        zh.append(f"单次中断不超过 {length[0]}")
        en.append(f"no outage longer than {length[1]}")
    if target.figure is not None:
        figure = say_figure(target.figure)
        zh.append(figure["zh"])
        en.append(figure["en"])
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


def say_figure(bound: FigureBound) -> Text:
    p = plain(bound.percentile)
    what = {
        "mean": ("平均值（按时间加权）", "the mean over time"),
        "highest": ("最高值", "the highest value"),
        "lowest": ("最低值", "the lowest value"),
        "percentile": (f"第 {p} 百分位值（按时间加权）", f"percentile {p} by time"),
        "on_time": ("按时答复的比例", "the share answered in time"),
    }[bound.measure]
    if bound.at_most:
        how = ("不超过", "at most") if bound.inclusive else ("低于", "below")
    else:
        how = ("不低于", "at least") if bound.inclusive else ("高于", "above")
    if bound.measure == "on_time":
        value = f"{plain(bound.bound)} %"
    else:
        value = say_value(bound.bound, bound.unit)
    return {"zh": f"{what[0]}{how[0]} {value}", "en": f"{what[1]} {how[1]} {value}"}


def say_targets(metric: Metric) -> Text:
    """The target, by configuration where it depends on it."""
    target = say_target(metric.target)
    if not metric.targets_if:
        return target
    cases = [(name_condition(name), say_target(each)) for name, each in metric.targets_if]
    return {
        "zh": "，".join(f"{name['zh']}的：{each['zh']}" for name, each in cases)
        + f"，其他：{target['zh']}",
        "en": ", ".join(f"given {name['en']}: {each['en']}" for name, each in cases)
        + f", otherwise: {target['en']}",
    }


def say_figure_condition(condition: FigureCondition) -> Text:
    if condition.at_most:
        how = ("不超过", "at most") if condition.inclusive else ("低于", "below")
    else:
        how = ("不低于", "at least") if condition.inclusive else ("高于", "above")
    bound, name = plain(condition.bound), name_condition(condition.name)
    return {
        "zh": f"{name['zh']}{how[0]} {bound} %",
        "en": f"{name['en']} of {how[1]} {bound} %",
    }
