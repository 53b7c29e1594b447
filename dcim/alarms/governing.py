"""Which rule holds for which subject, by which limits: the nearest override wins."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dcim.alarms.models import AlarmOverride, AlarmRule
from dcim.alarms.rules.burning import STEP_MS
from dcim.alarms.rules.limits import Change, Rule
from dcim.alarms.rules.quantities import QUANTITIES
from dcim.alarms.rules.trends import step_of
from dcim.alarms.subjects import Subject

# (scope, what it names): where overrides are found.
Key = tuple[str, int | str | None]


@dataclass(frozen=True, slots=True)
class Governed:
    """A subject and the rule as it holds for it."""

    subject: Subject
    rule: Rule

    @property
    def holds_ms(self) -> int:
        """So long what is judged holds: a reading as its subject's, what is judged on a grid till
        the next instant of it, or a little longer."""
        if self.rule.kind == "forecast":
            return step_of(self.rule.window_s * 1000) * 3 // 2
        if self.rule.kind == "burn":
            return STEP_MS * 5 // 2
        return self.subject.holds_of(QUANTITIES[self.rule.quantity].key)

    @property
    def step_ms(self) -> int:
        """From one reading to the next."""
        return self.subject.step_of(QUANTITIES[self.rule.quantity].key) * 1000


def rule_of(row: AlarmRule) -> Rule:
    """The rule as a value."""
    return Rule(**{name: getattr(row, name) for name in Rule.__dataclass_fields__})


def changes_of(overrides: Iterable[AlarmOverride]) -> dict[Key, Change]:
    return {
        (one.scope, one.target_class if one.scope == "class" else one.target_id): Change(
            **{name: getattr(one, name) for name in Change.__dataclass_fields__}
        )
        for one in overrides
    }


def govern(
    rule: Rule, changes: Mapping[Key, Change], subjects: Sequence[Subject]
) -> list[Governed]:
    """The subjects that the rule holds for, in their order, each by its own limits."""
    quantity = QUANTITIES[rule.quantity]
    found = []
    for subject in subjects:
        if subject.kind != quantity.subject:
            continue
        if quantity.key and quantity.key not in subject.series:
            continue
        if rule.subject_class and subject.subject_class != rule.subject_class:
            continue
        if rule.site_id is not None and subject.site_id != rule.site_id:
            continue
        change = _nearest(changes, subject) if changes else None
        if change is None:
            found.append(Governed(subject, rule))
        elif change.enabled:
            found.append(Governed(subject, apply_change(rule, change)))
    return found


def apply_change(rule: Rule, change: Change) -> Rule:
    """The rule with what the override has otherwise."""
    said = {
        name: value
        for name in Change.__dataclass_fields__
        if name != "enabled" and (value := getattr(change, name)) is not None
    }
    return replace(rule, **said) if said else rule


def _nearest(changes: Mapping[Key, Change], subject: Subject) -> Change | None:
    """By the order of `models.SCOPES`."""
    ways: tuple[Key, ...] = (
        ("subject", subject.id),
        ("device", subject.device_id),
        ("customer", subject.customer_id),
        ("class", subject.subject_class),
        ("site", subject.site_id),
    )
    for key in ways:
        if key[1] is not None and (change := changes.get(key)) is not None:
            return change
    return None
