"""The terms as clauses in words, Chinese and English."""

from decimal import Decimal

from dcim.metering.charging import MODES_BY_DAY
from dcim.sla.rules.language.checks import IDLE_WORDS
from dcim.sla.rules.language.mode_words import DIRECTIONS, say_mode
from dcim.sla.rules.quantities import VALUE_UNITS, Amount, plain, say_duration, say_rate
from dcim.sla.rules.terms import Credit, Exclusion, Metric, Range, Target, Terms, Text, Tier, Usage

MINUTE = 60_000


def say_amount(amount: Amount) -> Text:
    value = plain(amount.value)
    if amount.kind == "percent":
        return {"zh": f"{value} %", "en": f"{value} %"}
    if amount.kind == "days":
        return {
            "zh": f"{value} 天月费",
            "en": f"{value} day{'' if value == '1' else 's'} of the fee",
        }
    return {"zh": f"{value} 元", "en": value}


def say_range(bounds: Range, unit: str) -> Text:
    """Bounds in words; unit is %, ms (a duration) or a unit of measured values."""

    def say(value: Decimal) -> tuple[str, str]:
        if unit == "ms":
            return say_duration(int(value))
        return f"{plain(value)} {unit}", f"{plain(value)} {unit}"

    zh, en = [], []
    if bounds.low is not None:
        low = say(bounds.low)
        zh.append(f"不低于 {low[0]}" if bounds.low_inclusive else f"超过 {low[0]}")
        en.append(f"at least {low[1]}" if bounds.low_inclusive else f"more than {low[1]}")
    if bounds.high is not None:
        high = say(bounds.high)
        zh.append(f"不超过 {high[0]}" if bounds.high_inclusive else f"低于 {high[0]}")
        en.append(f"up to {high[1]}" if bounds.high_inclusive else f"below {high[1]}")
    return {"zh": "且".join(zh) or "任何值", "en": ", ".join(en) or "anything"}


def say_tier(credit: Credit, tier: Tier) -> Text:
    unit = "%" if credit.form == "tiers_availability" else "ms"
    bounds, given = say_range(tier.range, unit), say_amount(tier.credit)
    what = ("可用率", "availability") if unit == "%" else ("中断", "downtime")
    return {
        "zh": f"{what[0]}{bounds['zh']}：{given['zh']}",
        "en": f"{what[1]} {bounds['en']}: {given['en']}",
    }


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


def say_credit(credit: Credit | None) -> Text:
    if credit is None:
        return {"zh": "未约定抵扣", "en": "No credit is agreed"}
    base = {
        "item": ("该服务项月费", "the item's monthly fee"),
        "item_rent": ("该服务项当期租费", "the item's rent of the period"),
        "contract": ("合同月费合计", "all monthly fees of the contract"),
    }[credit.base]
    zh, en = _say_form(credit)
    zh, en = f"抵扣（以{base[0]}为基数）：{zh}", f"Credit (of {base[1]}): {en}"
    if credit.cap is not None:
        cap = say_amount(credit.cap)
        zh, en = f"{zh}；至多 {cap['zh']}", f"{en}; at most {cap['en']}"
    return {"zh": zh, "en": en}


def _say_form(credit: Credit) -> tuple[str, str]:
    if credit.tiers:
        rows = [say_tier(credit, tier) for tier in credit.tiers]
        return "；".join(row["zh"] for row in rows), "; ".join(row["en"] for row in rows)
    each = say_amount(credit.each) if credit.each else {"zh": "", "en": ""}
    started = credit.counted == "started"
    if credit.form == "flat" and credit.give:
        give = say_amount(credit.give)
        return give["zh"], give["en"]
    if credit.form == "per_increment":
        length = say_duration(credit.increment_ms)
        zh = f"每{'起始' if started else '满'} {length[0]} {each['zh']}"
        en = f"{each['en']} for each {'started' if started else 'full'} {length[1]}"
        if credit.initial:
            initial = say_amount(credit.initial)
            zh, en = f"每次中断先计 {initial['zh']}，另{zh}", f"{initial['en']} at once and {en}"
        if credit.after_ms:
            after = say_duration(credit.after_ms)
            zh, en = f"超过 {after[0]}的部分，{zh}", f"{en} beyond {after[1]}"
        return zh, en
    if credit.form == "per_shortfall":
        step = f"{plain(credit.step)} %"
        return (
            f"低于目标每{'起始' if started else '满'} {step} {each['zh']}",
            f"{each['en']} for each {'started' if started else 'full'} {step} below the target",
        )
    if credit.form == "per_event":
        return f"每次中断 {each['zh']}", f"{each['en']} for each outage"
    times = plain(credit.multiple)
    return f"按中断时长比例的 {times} 倍", f"{times} times the pro rata share of the downtime"


def say_usage(usage: Usage) -> Text:
    length = say_duration(usage.interval_ms)
    price = _price(usage.price_over)
    if usage.method != "percentile":
        unit = "kWh" if usage.method == "energy" else "kW"
        return {
            "zh": f"按{unit}计费，单价 {price[0]}，PUE {plain(usage.pue)}。",
            "en": f"Billed per {unit} at {price[1]}, PUE {plain(usage.pue)}.",
        }
    p = plain(usage.percentile)
    direction, rank, missing = _say_ranking(usage)
    points_zh = f"每 {length[0]}一点（UTC 对齐，覆盖不足 {plain(usage.min_cover)} % 的点为缺测）"
    points_en = (
        f"One point every {length[1]} (aligned in UTC; a point covered by less than "
        f"{plain(usage.min_cover)} % is missing)"
    )
    if usage.mode == "month_95":
        zh = f"{points_zh}，第 {p} 百分位（{rank[0]}），{direction[0]}，{missing[0]}"
        en = f"{points_en}, percentile {p} ({rank[1]}), {direction[1]}, {missing[1]}"
    else:
        mode = say_mode(usage)
        said = {"rank": rank, "direction": DIRECTIONS[usage.direction], "missing": missing}
        spoken = [mode, *(said[key] for key in said if usage.mode not in IDLE_WORDS[key])]
        zh = "，".join([points_zh, *(words[0] for words in spoken)])
        en = ", ".join([points_en, *(words[1] for words in spoken)])
    zh += f"；1 Mbit/s = {usage.thousand} kbit/s"
    en += f"; 1 Mbit/s = {usage.thousand} kbit/s"
    if isinstance(usage.commit, int):
        zh, en = f"{zh}；保底 {say_rate(usage.commit)}", f"{en}; commit {say_rate(usage.commit)}"
    if usage.mode == "flat":
        committed = _price(usage.price_committed)
        zh, en = (
            f"{zh}；每 Mbit/s 每月 {committed[0]}。",
            f"{en}; {committed[1]} per Mbit/s and month.",
        )
    elif usage.mode == "traffic":
        zh, en = f"{zh}；每 GB {price[0]}。", f"{en}; {price[1]} per GB."
    elif usage.mode in MODES_BY_DAY:
        zh += f"；超出保底的部分每 Mbit/s 每天 {price[0]}。"
        en += f"; above the commit {price[1]} per Mbit/s and day."
    else:
        zh += f"；超出保底的部分每 Mbit/s 每月 {price[0]}。"
        en += f"; above the commit {price[1]} per Mbit/s and month."
    return {"zh": zh, "en": en}


def _say_ranking(usage: Usage) -> tuple[tuple[str, str], tuple[str, str], tuple[str, str]]:
    """Direction, rank rule and missing points."""
    direction = {
        "higher_percentile": (
            "取入、出两个方向百分位值的较高者",
            "the higher of the in and out percentiles",
        ),
        "percentile_of_higher": (
            "每点取入、出较高者再取百分位",
            "the percentile of the higher direction of each point",
        ),
        "percentile_of_sum": (
            "每点入、出相加再取百分位",
            "the percentile of the sum of both directions",
        ),
        "in": ("取入方向", "the inbound direction"),
        "out": ("取出方向", "the outbound direction"),
    }[usage.direction]
    rank = {
        "nearest": ("从小到大第 ⌈p·n⌉ 点", "the point of rank ceil(p·n) from below"),
        "discard_ceil": (
            "去掉最高的 ⌈(1−p)·n⌉ 点",
            "the highest ceil((1−p)·n) points are discarded",
        ),
        "round": ("从小到大第 round(p·n) 点", "the point of rank round(p·n) from below"),
        "interpolate": ("线性插值", "linear interpolation"),
    }[usage.rank]
    missing = {
        "dropped": ("缺测的点不参与排序", "missing points are dropped"),
        "zero": ("缺测的点按 0 计", "missing points count as 0"),
    }[usage.missing]
    return direction, rank, missing


def _price(price: object) -> tuple[str, str]:
    if isinstance(price, Decimal):
        return plain(price), plain(price)
    return "按订单单价", "the price of the order"


def clause_words(terms: Terms) -> list[dict[str, object]]:
    """[{id, title, text}] for the method section: general rules, each metric, each usage, caps."""
    general_zh = (
        f"账期为自然月，以 {terms.timezone} 时间计；"
        f"金额单位 {terms.currency}，舍入到 {terms.decimals} 位小数"
    )
    general_en = (
        f"The period is the calendar month in {terms.timezone}; money is in {terms.currency}, "
        f"rounded to {terms.decimals} decimals"
    )
    zh_round = {"half_up": "四舍五入", "half_even": "四舍六入五成双", "down": "舍去"}[
        terms.rounding
    ]
    rent_zh = "按天折算" if terms.prorate == "days" else "不折算"
    general = {
        "zh": f"{general_zh}（{zh_round}）。租费{rent_zh}。",
        "en": f"{general_en} ({terms.rounding.replace('_', ' ')}). "
        f"Rent is {'prorated by days' if terms.prorate == 'days' else 'not prorated'}.",
    }
    parts: list[dict[str, object]] = [
        {"id": "general", "title": {"zh": "一般规则", "en": "General"}, "text": general}
    ]
    parts += [
        {"id": metric.id, "title": _title(metric), "text": say_metric(metric)}
        for metric in terms.metrics
    ]
    parts += [
        {"id": usage.id, "title": _title(usage), "text": say_usage(usage)} for usage in terms.usage
    ]
    caps = say_caps(terms)
    if caps:
        parts.append({"id": "caps", "title": {"zh": "上限", "en": "Caps"}, "text": caps})
    return parts


def _title(part: Metric | Usage) -> Text:
    return {key: f"{part.clause} {text}".strip() for key, text in part.title.items()}


def say_caps(terms: Terms) -> Text | None:
    zh, en = [], []
    if terms.cap_item:
        cap = say_amount(terms.cap_item)
        zh.append(f"每服务项每月抵扣至多 {cap['zh']}")
        en.append(f"Credits of an item are at most {cap['en']} a month")
    if terms.cap_month:
        cap = say_amount(terms.cap_month)
        zh.append(f"每月抵扣合计至多 {cap['zh']}（以合同月费合计为基数）")
        en.append(f"All credits of a month are at most {cap['en']} of the contract's monthly fees")
    if terms.combine_credits == "max":
        zh.append("同一服务项多项未达标的，只计最高一项")
        en.append("Of several credits for one item only the highest is given")
    if not zh:
        return None
    return {"zh": "；".join(zh) + "。", "en": ". ".join(en) + "."}
