"""What an order and the terms of power agree together; what neither names is missing."""

from decimal import Decimal
from fractions import Fraction

from dcim.sla.rules.quantities import plain
from dcim.sla.rules.terms import PowerTerms, Share, Text, Usage
from dcim.sla.rules.usage.readings import PowerOrder, Readings


class MissingError(Exception):
    """A fact that a line needs."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.note: Text = {"zh": zh, "en": en}


def missing_in_order(zh: str, en: str) -> MissingError:
    return MissingError(f"订单未写明{zh}", f"the order doesn't name its {en}")


def agree_commit(words: PowerTerms, order: PowerOrder) -> Fraction | None:
    """In the terms' unit; None where no commit is agreed."""
    agreed = words.commit
    if isinstance(agreed, Share):
        if order.rating is None:
            raise missing_in_order("额定容量", "rating")
        return Fraction(order.rating) * Fraction(agreed.percent) / 100
    if agreed == "item":
        if order.commit is None:
            raise missing_in_order("承诺功率", "committed power")
        return Fraction(order.commit)
    return Fraction(agreed) if isinstance(agreed, Decimal) else None


def agree_price_committed(words: PowerTerms, order: PowerOrder) -> Decimal | None:
    agreed = words.price_committed
    if agreed == "item":
        if order.price_committed is None:
            raise missing_in_order("承诺功率单价", "price of the committed power")
        return order.price_committed
    return agreed if isinstance(agreed, Decimal) else None


def agree_pue(
    usage: Usage, words: PowerTerms, readings: Readings, order: PowerOrder
) -> tuple[Fraction, str]:
    """The PUE and how it is written; MissingError where the measured one isn't known."""
    if not words.pue_measured:
        return Fraction(usage.pue), plain(usage.pue)
    found = order.pue
    if found is None:
        raise MissingError(
            "缺少本期实测 PUE（数据中心电量与 IT 电量）",
            "the measured PUE of the period isn't known (energy of the data centre, of its IT)",
        )
    if (found.start, found.end) != (readings.first, readings.end):
        raise MissingError(
            "实测 PUE 不是本计费期间的", "the measured PUE is of another period than the bill"
        )
    if found.it_mwh <= 0 or found.facility_mwh < found.it_mwh:
        raise MissingError(
            "实测 PUE 的电量不成立（应不小于 1）",
            "the energies of the measured PUE can't be right: it would lie below 1",
        )
    share = Fraction(found.facility_mwh, found.it_mwh)
    return share, f"{found.facility_mwh} / {found.it_mwh}"
