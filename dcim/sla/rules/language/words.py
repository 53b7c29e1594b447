"""The terms as clauses in words, Chinese and English."""

from dcim.sla.rules.language.metric_words import say_metric
from dcim.sla.rules.language.settlement_words import say_caps, say_settle, say_tax
from dcim.sla.rules.language.termination_words import say_rights
from dcim.sla.rules.language.usage_words import say_usage
from dcim.sla.rules.terms import Metric, Terms, Text, Usage


def clause_words(terms: Terms) -> list[dict[str, object]]:
    """[{id, title, text}] for the method section: general rules, each metric, each usage, what
    is made of credits, rights, tax. Terms that differ in what they give read differently."""
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
    if terms.changes:
        title = {"zh": "条款变更", "en": "Change of terms"}
        parts.append({"id": "changes", "title": title, "text": _say_changes(terms)})
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
    if terms.settle is not None:
        title = {"zh": "结算", "en": "Settlement"}
        parts.append({"id": "settle", "title": title, "text": say_settle(terms.settle)})
    rights = say_rights(terms)
    if rights:
        title = {"zh": "解约权", "en": "Rights to terminate"}
        parts.append({"id": "termination", "title": title, "text": rights})
    tax = say_tax(terms)
    if tax:
        parts.append({"id": "tax", "title": {"zh": "税", "en": "Tax"}, "text": tax})
    return parts


def _say_changes(terms: Terms) -> Text:
    zh = "；".join(
        f"{f'{one.since} 起' if one.since else '期初'}按{one.title['zh']} v{one.version}"
        for one in terms.changes
    )
    en = "; ".join(
        f"{f'from {one.since}' if one.since else 'at first'} {one.title['en']} v{one.version}"
        for one in terms.changes
    )
    return {
        "zh": f"本期条款有变更：{zh}。各版一致的承诺按整月评定；"
        "不一致的承诺由各版分别评定其有效的各天。"
        "合计事项（互斥、上限、申领、结算、税、解约权、租费）按期末有效的一版。",
        "en": f"The terms change within the period: {en}. A promise that all of them say alike is "
        "judged over the whole month, any other by each for the days it holds. What the month "
        "comes to as a whole (what excludes what, caps, claims, settlement, tax, rights to "
        "terminate, rent) follows the one that holds on its last day.",
    }


def _title(part: Metric | Usage) -> Text:
    return {key: f"{part.clause} {text}".strip() for key, text in part.title.items()}
