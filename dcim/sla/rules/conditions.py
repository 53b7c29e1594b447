"""Conditions of the item: which target holds for it, and whether a credit is due at all."""

from dataclasses import replace
from decimal import Decimal

from dcim.sla.rules.facts import Facts, Item
from dcim.sla.rules.terms import FigureCondition, Metric


def settle_target(metric: Metric, item: Item) -> tuple[Metric, list[str]]:
    """The metric with the target of the item's configuration, and conditions nobody established.

    The first condition that holds decides; one that isn't known leaves the choice to a person,
    and `otherwise` stands in meanwhile.
    """
    for name, target in metric.targets_if:
        holds = item.conditions.get(name)
        if holds is None:
            return metric, [name]
        if holds:
            return replace(metric, target=target), []
    return metric, []


def check_conditions(metric: Metric, item: Item, facts: Facts) -> tuple[list[str], list[str]]:
    """(conditions that don't hold, conditions nobody established), by name."""
    unmet, unclear = [], []
    for name in metric.eligible:
        holds = facts.good_standing if name == "good_standing" else item.conditions.get(name)
        if holds is None:
            unclear.append(name)
        elif not holds:
            unmet.append(name)
    for condition in metric.eligible_figures:
        figure = item.figures.get(condition.name)
        if figure is None:
            unclear.append(condition.name)
        elif not is_within(condition, figure):
            unmet.append(condition.name)
    return unmet, unclear


def is_within(condition: FigureCondition, figure: Decimal) -> bool:
    if figure == condition.bound:
        return condition.inclusive
    return (figure < condition.bound) == condition.at_most
