"""Credits as clauses in words, Chinese and English."""

from decimal import Decimal

from dcim.sla.rules.quantities import Amount, plain, say_duration
from dcim.sla.rules.terms import Credit, Range, Text, Tier


def say_amount(amount: Amount) -> Text:
    value = plain(amount.value)
    if amount.kind == "percent":
        return {"zh": f"{value} %", "en": f"{value} %"}
    if amount.kind == "days":
        return {
            "zh": f"{value} 天月费",
            "en": f"{value} day{'' if value == '1' else 's'} of the fee",
        }
    if amount.kind == "per_unit":
        return {"zh": f"每单位 {value} 元", "en": f"{value} per unit"}
    return {"zh": f"{value} 元", "en": value}


def say_range(bounds: Range, unit: str) -> Text:
    """Bounds in words; unit is %, ms (a duration) or a unit of measured values."""

    def say(value: Decimal) -> tuple[str, str]:
        if unit == "ms":
            return say_duration(int(value))
        if unit == "":
            return f"{plain(value)} 次", plain(value)
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
    unit = {"tiers_availability": "%", "tiers_events": ""}.get(credit.form, "ms")
    bounds, given = say_range(tier.range, unit), say_amount(tier.credit)
    what = {"%": ("可用率", "availability"), "": ("中断次数", "outages")}.get(
        unit, ("中断", "downtime")
    )
    return {
        "zh": f"{what[0]}{bounds['zh']}：{given['zh']}",
        "en": f"{what[1]} {bounds['en']}: {given['en']}",
    }


BASES = {
    "item": ("该服务项月费", "the item's monthly fee"),
    "item_rent": ("该服务项当期租费", "the item's rent of the period"),
    "contract": ("合同月费合计", "all monthly fees of the contract"),
    "site": ("合同在该站点的月费合计", "the contract's monthly fees at the item's site"),
    "invoice": ("本期账单金额", "the period's invoice"),
    "next_invoice": ("下期账单金额", "the next invoice"),
    "larger_of_fee_and_usage": (
        "该服务项月费与按量费用中较高者",
        "the larger of the item's monthly fee and its usage charge",
    ),
    "paid": ("该服务项当期实付现金", "what was paid in money for the item"),
    "area_share": (
        "站点月费合计按自有面积占比分摊的部分",
        "the customer's own area's share of the monthly fees at the site",
    ),
}


def say_credit(credit: Credit | None) -> Text:
    if credit is None:
        return {"zh": "未约定抵扣", "en": "No credit is agreed"}
    base = BASES[credit.base]
    if credit.week_value is not None:
        rule = credit.week_value.removeprefix("mrc").replace("*", " × ").replace("/", " / ")
        of = rule.replace("days", "{}")
        base = (
            f"{base[0]}的一周（月费{of.format('当月天数')}）",
            f"one week ({of.format('days of the month').strip()}) of {base[1]}",
        )
    zh, en = _say_form(credit)
    zh, en = f"抵扣（以{base[0]}为基数）：{zh}", f"Credit (of {base[1]}): {en}"
    for most, said in (
        (credit.cap_event, ("每次中断", "an outage")),
        (credit.cap_day, ("每日", "a day")),
    ):
        if most is not None:
            cap = say_amount(most)
            zh, en = f"{zh}；{said[0]}至多 {cap['zh']}", f"{en}; at most {cap['en']} for {said[1]}"
    if credit.cap is not None:
        cap = say_amount(credit.cap)
        zh, en = f"{zh}；至多 {cap['zh']}", f"{en}; at most {cap['en']}"
    for more in (_say_comparison(credit), _say_day(credit)):
        if more is not None:
            zh, en = f"{zh}；{more[0]}", f"{en}; {more[1]}"
    return {"zh": zh, "en": en}


def _say_comparison(credit: Credit) -> tuple[str, str] | None:
    """How the availability is compared with the rows, and what a hole or an overlap gives."""
    zh, en = [], []
    if credit.compare is not None:
        how, decimals = credit.compare
        done = {"rounded": ("四舍五入", "rounded"), "cut": ("舍去", "cut")}[how]
        zh.append(f"可用率{done[0]}到 {decimals} 位小数后对照分档（未达标的不因此算作达标）")
        en.append(f"rows are compared with the availability {done[1]} to {decimals} decimals, "
                  "a miss staying one")  # fmt: skip
    if credit.hole is not None:
        given = {
            "lower": ("按相邻较低一档", "the neighbouring row that gives less"),
            "upper": ("按相邻较高一档", "the neighbouring row that gives more"),
            "none": ("不抵扣", "nothing"),
            "review": ("由人工核定", "what a person decides"),
        }[credit.hole]
        zh.append(f"各档之间的空档{given[0]}")
        en.append(f"between the rows it gives {given[1]}")
    if credit.overlap is not None:
        given = {"lower": ("较低", "less"), "upper": ("较高", "more")}[credit.overlap]
        zh.append(f"各档重叠处按{given[0]}一档")
        en.append(f"where rows overlap the one that gives {given[1]} counts")
    return ("；".join(zh), "; ".join(en)) if zh else None


def _say_day(credit: Credit) -> tuple[str, str] | None:
    """What a day of the fee is worth, where the credit is told in days."""
    if credit.day_value is None:
        return None
    worth = {
        "mrc/30": ("月费 / 30", "the monthly fee / 30"),
        "mrc/days": ("月费 / 当月天数", "the monthly fee / days of the month"),
        "mrc*12/365": ("月费 × 12 / 365", "the monthly fee × 12 / 365"),
    }[credit.day_value]
    return f"一天月费为{worth[0]}", f"a day of the fee is {worth[1]}"


def _say_form(credit: Credit) -> tuple[str, str]:
    if credit.tiers:
        rows = [say_tier(credit, tier) for tier in credit.tiers]
        return "；".join(row["zh"] for row in rows), "; ".join(row["en"] for row in rows)
    each = say_amount(credit.each or credit.give or Amount("percent", Decimal(0)))
    if credit.form == "flat":
        return each["zh"], each["en"]
    if credit.form == "per_increment":
        return _say_increments(credit, each)
    if credit.form == "per_shortfall":
        started = credit.counted == "started"
        step = f"{plain(credit.step)} {credit.step_unit or '%'}"
        if credit.step_unit:
            zh, en = "与目标相差", "off the target"
        else:
            zh, en = "低于目标", "below the target"
        return (
            f"{zh}每{'起始' if started else '满'} {step} {each['zh']}",
            f"{each['en']} for each {'started' if started else 'full'} {step} {en}",
        )
    return _say_share(credit) if credit.form == "prorata" else _say_events(credit, each)


def _say_share(credit: Credit) -> tuple[str, str]:
    times, after = plain(credit.multiple), _say_after(credit)
    zh = "按中断时长的比例" if credit.multiple == 1 else f"按中断时长比例的 {times} 倍"
    en = "the pro rata share of the downtime"
    en = en if credit.multiple == 1 else f"{times} times {en}"
    if after:
        zh, en = f"超过{after[0]}的部分，{zh}", f"{en} beyond {after[1]}"
    if credit.min_days:
        days = say_amount(Amount("days", Decimal(credit.min_days)))
        zh, en = f"{zh}，至少 {days['zh']}", f"{en}, at least {days['en']}"
    return zh, en


def _say_increments(credit: Credit, each: Text) -> tuple[str, str]:
    started = credit.counted == "started"
    length = say_duration(credit.increment_ms)
    zh = f"每{'起始' if started else '满'} {length[0]} {each['zh']}"
    en = f"{each['en']} for each {'started' if started else 'full'} {length[1]}"
    if credit.initial:
        initial = say_amount(credit.initial)
        zh, en = f"每次中断先计 {initial['zh']}，另{zh}", f"{initial['en']} at once and {en}"
    if credit.per == "event":
        zh, en = f"逐次计：{zh}", f"{en}, of each outage by itself"
    after = _say_after(credit)
    if after:
        zh, en = f"超过{after[0]}的部分，{zh}", f"{en} beyond {after[1]}"
    return zh, en


def _say_events(credit: Credit, each: Text) -> tuple[str, str]:
    if credit.form == "per_day":
        return f"有中断的每一天 {each['zh']}", f"{each['en']} for each day with an outage"
    zh, en = f"每次中断 {each['zh']}", f"{each['en']} for each outage"
    if credit.at_most is not None:
        most, window = credit.at_most[0], say_duration(credit.at_most[1])
        zh += f"，任意 {window[0]}内至多 {most} 次"
        en += f", at most {most} in any {window[1]}"
    return zh, en


def _say_after(credit: Credit) -> tuple[str, str] | None:
    if credit.beyond_target:
        return "目标允许", "what the target allows"
    if credit.after_share:
        share = plain(credit.after_share)
        return f"账期 {share} %", f"{share} % of the period"
    if credit.after_ms:
        after = say_duration(credit.after_ms)
        return f" {after[0]}", after[1]
    return None
