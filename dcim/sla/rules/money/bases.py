"""The fee a credit's percentages and days refer to, and what one day or week of it is worth."""

from decimal import Decimal
from fractions import Fraction

from dcim.sla.rules.facts import Facts, Item
from dcim.sla.rules.terms import Credit, Text

# What a person must find out before the base can be computed.
INVOICE: Text = {
    "zh": "本期账单金额 (invoice)",
    "en": "the amount of the period's invoice (invoice)",
}
NEXT_INVOICE: Text = {
    "zh": "下期账单金额 (next_invoice)",
    "en": "the amount of the next invoice (next_invoice)",
}
USAGE: Text = {
    "zh": "服务项本期按量费用 (usage)",
    "en": "what the item was charged by measurement (usage)",
}
PAID: Text = {"zh": "服务项本期实付现金 (paid)", "en": "what was paid in money for the item (paid)"}
SITE: Text = {"zh": "服务项所在站点 (site)", "en": "the item's site (site)"}
AREA: Text = {"zh": "受影响的自有面积 (area)", "en": "the customer's own area (area)"}
SITE_AREA: Text = {"zh": "站点总面积 (site_areas)", "en": "the area of the site (site_areas)"}


def find_base(
    credit: Credit, item: Item, facts: Facts, contract_mrc: Decimal
) -> tuple[Fraction, list[Text]]:
    """The fee of one month, exact; with the facts that are missing, and then 0."""
    kind = credit.base
    if kind in ("item", "item_rent", "contract"):
        fee = {"item": item.mrc, "item_rent": item.rent}.get(kind, contract_mrc)
        return Fraction(fee), []
    if kind in ("site", "area_share"):
        return _of_site(kind == "area_share", item, facts)
    found, fact = {
        "invoice": (facts.invoice, INVOICE),
        "next_invoice": (facts.next_invoice, NEXT_INVOICE),
        "paid": (item.paid, PAID),
        "larger_of_fee_and_usage": (item.usage, USAGE),
    }[kind]
    if found is None:
        return Fraction(0), [fact]
    if kind == "larger_of_fee_and_usage":
        return Fraction(max(item.mrc, found)), []
    return Fraction(found), []


def _of_site(shared: bool, item: Item, facts: Facts) -> tuple[Fraction, list[Text]]:
    """Fees of the contract's items at the item's site; shared: own area's part of them."""
    if not item.site or any(not other.site for other in facts.items):
        return Fraction(0), [SITE]
    fees = sum((other.mrc for other in facts.items if other.site == item.site), Decimal(0))
    if not shared:
        return Fraction(fees), []
    whole = facts.site_areas.get(item.site)
    missing = [AREA] if item.area is None else []
    if not whole:
        missing.append(SITE_AREA)
    if missing or item.area is None or not whole:
        return Fraction(0), missing
    return Fraction(fees) * Fraction(item.area) / Fraction(whole), []


def day_worth(rule: str | None, fee: Fraction, days: int) -> Fraction:
    """One day of a monthly fee, exact; 0 where the terms need none."""
    if rule is None:
        return Fraction(0)
    return {"mrc/30": fee / 30, "mrc/days": fee / days, "mrc*12/365": fee * 12 / 365}[rule]


def week_worth(rule: str, fee: Fraction, days: int) -> Fraction:
    """One week of a monthly fee, exact."""
    weeks = {"mrc*12/52": fee * 12 / 52, "mrc*7/30": fee * 7 / 30, "mrc*7/days": fee * 7 / days}
    return weeks[rule]
