"""Caps, combination, settlement and tax as clauses in words, Chinese and English."""

from dcim.sla.rules.language.credit_words import say_amount
from dcim.sla.rules.quantities import plain, say_duration
from dcim.sla.rules.terms import Settle, Terms, Text


def say_caps(terms: Terms) -> Text | None:
    zh, en = [], []
    paid = (
        ("（以实付现金为基数）", " of what was paid in money")
        if terms.caps_of == "paid"
        else ("", "")
    )
    if terms.cap_item:
        cap = say_amount(terms.cap_item)
        zh.append(f"每服务项每月抵扣至多 {cap['zh']}{paid[0]}")
        en.append(f"Credits of an item are at most {cap['en']}{paid[1]} a month")
    if terms.cap_month:
        cap = say_amount(terms.cap_month)
        zh.append(f"每月抵扣合计至多 {cap['zh']}{paid[0] or '（以合同月费合计为基数）'}")
        of = paid[1] or " of the contract's monthly fees"
        en.append(f"All credits of a month are at most {cap['en']}{of}")
    if terms.cap_year:
        cap = say_amount(terms.cap_year)
        year = {
            "calendar_year": ("每自然年", "a calendar year"),
            "twelve_months": ("任一连续十二个月", "twelve months"),
        }[terms.year_is]
        base = ("（以十二个月费用为基数）", " of twelve months' fees")
        if terms.cap_year.kind != "percent":
            base = ("", "")
        zh.append(f"{year[0]}抵扣合计至多 {cap['zh']}{base[0]}")
        en.append(f"All credits of {year[1]} are at most {cap['en']}{base[1]}")
    if terms.combine_credits == "max":
        zh.append("同一服务项多项未达标的，只计最高一项")
        en.append("Of several credits for one item only the highest is given")
    if terms.combine_credits == "once_per_time":
        zh.append("同一服务项同一时间的多项中断只抵扣一次")
        en.append("Failures of one item over the same time give one credit")
    names = {metric.promise: metric.whole_title for metric in terms.metrics}
    for group in terms.exclusive:
        zh.append(f"{'、'.join(names[name]['zh'] for name in group)}互斥，只计最高一项")
        said = " and ".join(names[name]["en"] for name in group)
        en.append(f"Of the credits for {said} only the highest is given")
    for name in terms.not_combinable:
        zh.append(f"{names[name]['zh']}的抵扣不与其他抵扣并用")
        en.append(f"The credit for {names[name]['en']} is not given beside others")
    if terms.min_payout:
        zh.append(f"合计不足 {plain(terms.min_payout)} {terms.currency} 的不予支付")
        en.append(f"Credits below {terms.currency} {plain(terms.min_payout)} in all are not paid")
    if not zh:
        return None
    return {"zh": "；".join(zh) + "。", "en": ". ".join(en) + "."}


def say_settle(settle: Settle) -> Text:
    invoice = {
        "this_invoice": ("本期账单", "the period's invoice"),
        "next_invoice": ("下期账单", "the next invoice"),
    }[settle.on]
    zh, en = {
        "credit": (f"从{invoice[0]}中抵扣", f"Credits are taken off {invoice[1]}"),
        "voucher": ("以代金券补偿", "Credits are given as vouchers"),
        "extension": (
            f"以延长服务期补偿（一天按 {settle.day_value} 计，{_say_whole(settle)[0]}）",
            f"Credits extend the term (a day is worth {settle.day_value}, {_say_whole(settle)[1]})",
        ),
    }[settle.kind]
    parts_zh, parts_en = [zh], [en]
    if settle.on_claim:
        since = {
            "period_end": ("账期结束", "the end of the period"),
            "event_end": ("各次中断结束", "the end of each outage"),
        }[settle.since]
        length = say_duration(settle.within_ms)
        if settle.business_days:
            length = (f"{settle.business_days} 个工作日", f"{settle.business_days} business days")
        parts_zh.append(f"须在{since[0]}后 {length[0]}内申请")
        parts_en.append(f"Only if claimed within {length[1]} of {since[1]}")
    if settle.carry_forward is not None:
        parts_zh.append("超过账单的部分" + ("结转至以后账单" if settle.carry_forward else "不结转"))
        parts_en.append(
            "What exceeds the invoice "
            + ("is carried forward" if settle.carry_forward else "lapses")
        )
    if settle.at_end is not None:
        ended = {
            "paid_out": ("以现金退还", "paid out in money"),
            "voucher": ("改为代金券", "given as a voucher"),
            "lapses": ("作废", "lost"),
        }[settle.at_end]
        parts_zh.append(f"合同终止后再无账单可抵的余额{ended[0]}")
        parts_en.append(f"What no invoice is left to take when the contract ends is {ended[1]}")
    if settle.expires_ms is not None:
        length = say_duration(settle.expires_ms)
        parts_zh.append(f"账期结束后 {length[0]}失效")
        parts_en.append(f"It expires {length[1]} after the end of the period")
    parts_zh.append("可退现金" if settle.cash else "不退现金")
    parts_en.append("Cash may be paid instead" if settle.cash else "Never in cash")
    return {"zh": "；".join(parts_zh) + "。", "en": ". ".join(parts_en) + "."}


def _say_whole(settle: Settle) -> tuple[str, str]:
    return {
        "up": ("不足一天按一天计", "started days count"),
        "down": ("不足一天不计", "only full days count"),
        "exact": ("精确到 0.01 天", "to 0.01 of a day"),
    }[settle.whole_days]


def say_tax(terms: Terms) -> Text | None:
    tax = terms.tax
    if tax is None:
        return None
    rate = plain(tax.rate)
    mode = {"included": ("含", "contain"), "added": ("不含", "are without")}[tax.mode]
    credit = {"net": ("不含税", "without"), "gross": ("含税", "with")}[tax.credit_is]
    return {
        "zh": f"费用{mode[0]} {rate} % 的税；抵扣额为{credit[0]}金额。",
        "en": f"Fees {mode[1]} tax of {rate} %; a credit is an amount {credit[1]} tax.",
    }
