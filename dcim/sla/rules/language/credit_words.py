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
