"""Writing rules: entering, changing, switching, overriding, deleting; and who is told."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.alarms.governing import apply_change, rule_of
from dcim.alarms.models import SCOPES, Alarm, AlarmOverride, AlarmRecipient, AlarmRule, AlarmState
from dcim.alarms.oncall.models import EscalationPolicy, escalation_policy_rule
from dcim.alarms.rules.limits import (
    NOTHING,
    SEVERITIES,
    Change,
    Deeds,
    Rule,
    check_deeds,
    check_rule,
)
from dcim.alarms.rules.quantities import AGENT, ITEM, NODE, PORT, QUANTITIES, SENSOR
from dcim.columns import utc_now
from dcim.customers.models import ContractItem, Customer
from dcim.customers.registration import require_staff
from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.inventory.models import Device, Site
from dcim.metering.models import Series
from dcim.network.models import Port
from dcim.outbox.queueing import can_be_mailed
from dcim.power.models import PowerNode
from dcim.snmp.agents.models import SnmpAgent

CODE = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")
# What a change of a rule may touch; what it is about stays.
CHANGEABLE = tuple(name for name in Rule.__dataclass_fields__ if name not in ("kind", "quantity"))
DEEDS = tuple(Deeds.__dataclass_fields__)
_MODELS: Mapping[str, Any] = {
    "site": Site, "customer": Customer, "device": Device,
    PORT: Port, NODE: PowerNode, SENSOR: Series, AGENT: SnmpAgent, ITEM: ContractItem,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RuleNames:
    code: str
    name: str
    name_en: str


def create_rule(
    session: Session, scope: Scope, names: RuleNames, rule: Rule, deeds: Deeds = NOTHING
) -> AlarmRule:
    """Enter a rule, switched off: it is tried on history first. Raises InvalidError, ConflictError
    for a code that is taken."""
    require_staff(scope)
    if not CODE.fullmatch(names.code):
        raise InvalidError(
            "A code is written in small letters, digits and hyphens, like port-busy.",
            {"code": ["like port-busy"]},
        )
    _check_names(names.name, names.name_en)
    _check(session, rule)
    check_deeds(rule.quantity, deeds)
    if session.scalar(select(exists().where(AlarmRule.code == names.code))):
        raise ConflictError("There is a rule %(code)s already.", code=names.code)
    said = asdict(names) | asdict(rule) | asdict(deeds)
    row = AlarmRule(**said, changed_by=scope.actor[:255])
    session.add(row)
    session.flush()
    record(session, scope, "alarm-rule.create", f"alarm-rule/{row.id}", **said)
    return row


def change_rule(
    session: Session, scope: Scope, rule_id: int, changes: Mapping[str, Any]
) -> AlarmRule:
    """Change names and limits; open alarms go on and end by the new ones. Raises InvalidError,
    NotFoundError."""
    row = find_rule_row(session, scope, rule_id, lock=True)
    names = {"name": row.name, "name_en": row.name_en} | {
        key: changes[key].strip() for key in ("name", "name_en") if key in changes
    }
    _check_names(**names)
    rule = Rule(
        **asdict(rule_of(row)) | {name: changes[name] for name in CHANGEABLE if name in changes}
    )
    _check(session, rule)
    for override in row.overrides:
        _check_change(rule, _change_of(override))
    deeds = Deeds(**{name: changes.get(name, getattr(row, name)) for name in DEEDS})
    check_deeds(rule.quantity, deeds)
    new = names | {name: getattr(rule, name) for name in CHANGEABLE} | asdict(deeds)
    changed = {name: value for name, value in new.items() if value != getattr(row, name)}
    if changed:
        for name, value in changed.items():
            setattr(row, name, value)
        _touch(row, scope)
        session.flush()
        record(
            session, scope, "alarm-rule.change", f"alarm-rule/{row.id}", code=row.code, **changed
        )
    return row


def switch_rule(session: Session, scope: Scope, rule_id: int, *, enabled: bool) -> AlarmRule:
    """On or off; its open alarms end with the next round after it was switched off. Raises
    NotFoundError."""
    row = find_rule_row(session, scope, rule_id, lock=True)
    if row.enabled != enabled:
        row.enabled = enabled
        _touch(row, scope)
        session.flush()
        deed = "alarm-rule.switch-on" if enabled else "alarm-rule.switch-off"
        record(session, scope, deed, f"alarm-rule/{row.id}", code=row.code)
    return row


def delete_rule(session: Session, scope: Scope, rule_id: int) -> None:
    """Raises NotFoundError, ConflictError for one that is built in or has raised alarms, which are
    kept, so it is switched off instead; and for one that an escalation policy names."""
    row = find_rule_row(session, scope, rule_id, lock=True)
    used = session.scalar(select(exists().where(Alarm.rule_id == rule_id)))
    if row.built_in or used:
        raise ConflictError(
            "%(code)s is built in or has raised alarms, which are kept: switch it off.",
            code=row.code,
        )
    policy = session.scalar(
        select(EscalationPolicy.name)
        .join(escalation_policy_rule, escalation_policy_rule.c.policy_id == EscalationPolicy.id)
        .where(escalation_policy_rule.c.rule_id == rule_id)
        .limit(1)
    )
    if policy is not None:
        raise ConflictError(
            "The escalation policy %(policy)s names it: change that one first.", policy=policy
        )
    session.execute(delete(AlarmState).where(AlarmState.rule_id == rule_id))
    session.delete(row)
    session.flush()
    record(session, scope, "alarm-rule.delete", f"alarm-rule/{rule_id}", code=row.code)


@dataclass(frozen=True, slots=True)
class OverrideTarget:
    """See `models.AlarmOverride`."""

    scope: str
    target_id: int | None = None
    target_class: str = ""


def set_override(
    session: Session, scope: Scope, rule_id: int, target: OverrideTarget, change: Change
) -> AlarmOverride:
    """Have the rule hold otherwise for some subjects; replaces what was said of the same target.
    Raises InvalidError, NotFoundError."""
    row = find_rule_row(session, scope, rule_id, lock=True)
    _check_target(session, row, target)
    _check_change(rule_of(row), change)
    found = next(
        (
            one
            for one in row.overrides
            if (one.scope, one.target_id, one.target_class)
            == (target.scope, target.target_id, target.target_class)
        ),
        None,
    )
    if found is None:
        found = AlarmOverride(**asdict(target))
        row.overrides.append(found)
    for name, value in asdict(change).items():
        setattr(found, name, value)
    found.changed_at, found.changed_by = utc_now(), scope.actor[:255]
    _touch(row, scope)
    session.flush()
    said = {name: value for name, value in asdict(change).items() if value is not None}
    record(
        session, scope, "alarm-rule.override", f"alarm-rule/{row.id}",
        code=row.code, holds_for=target.scope,
        target=target.target_id or target.target_class, **said,
    )  # fmt: skip
    return found


def remove_override(session: Session, scope: Scope, rule_id: int, override_id: int) -> None:
    """Raises NotFoundError."""
    row = find_rule_row(session, scope, rule_id, lock=True)
    found = next((one for one in row.overrides if one.id == override_id), None)
    if found is None:
        raise NotFoundError("No such exception.")
    row.overrides.remove(found)
    _touch(row, scope)
    session.flush()
    record(
        session, scope, "alarm-rule.remove-override", f"alarm-rule/{row.id}",
        code=row.code, holds_for=found.scope, target=found.target_id or found.target_class,
    )  # fmt: skip


def add_recipient(
    session: Session,
    scope: Scope,
    address: str,
    severity: str,
    language: str = "zh",
    site_id: int | None = None,
) -> AlarmRecipient:
    """Have alarms of this severity and graver mailed there. Raises InvalidError, ConflictError."""
    require_staff(scope)
    address = address.strip()
    if not can_be_mailed(address):
        raise InvalidError("This is not a mail address.", {"address": ["name@example.com"]})
    if severity not in SEVERITIES or language not in ("zh", "en"):
        raise InvalidError("No such severity.", {"severity": [", ".join(SEVERITIES)]})
    _check_site(session, site_id)
    taken = exists().where(
        AlarmRecipient.address == address, AlarmRecipient.site_id.is_not_distinct_from(site_id)
    )
    if session.scalar(select(taken)):
        raise ConflictError("%(address)s is told already.", address=address)
    row = AlarmRecipient(address=address, severity=severity, language=language, site_id=site_id)
    session.add(row)
    session.flush()
    record(
        session, scope, "alarm-recipient.add", f"alarm-recipient/{row.id}",
        address=address, severity=severity, site=site_id,
    )  # fmt: skip
    return row


def remove_recipient(session: Session, scope: Scope, recipient_id: int) -> None:
    """Raises NotFoundError."""
    require_staff(scope)
    row = session.get(AlarmRecipient, recipient_id)
    if row is None:
        raise NotFoundError("No such recipient.")
    session.delete(row)
    session.flush()
    record(
        session, scope, "alarm-recipient.remove", f"alarm-recipient/{recipient_id}",
        address=row.address,
    )  # fmt: skip


def find_rule_row(session: Session, scope: Scope, rule_id: int, *, lock: bool = False) -> AlarmRule:
    """Raises NotFoundError."""
    require_staff(scope)
    statement = select(AlarmRule).where(AlarmRule.id == rule_id)
    if lock:
        # Read anew: whoever held it may have changed it.
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row = session.scalar(statement)
    if row is None:
        raise NotFoundError("No such rule.")
    return row


def _touch(row: AlarmRule, scope: Scope) -> None:
    row.changed_at, row.changed_by = utc_now(), scope.actor[:255]


def _check(session: Session, rule: Rule) -> None:
    check_rule(rule)
    _check_site(session, rule.site_id)


def _check_site(session: Session, site_id: int | None) -> None:
    if site_id is not None and session.get(Site, site_id) is None:
        raise InvalidError(
            "There is no site with the id %(id)s.", {"site_id": ["unknown"]}, id=site_id
        )


def _check_names(name: str, name_en: str) -> None:
    given = {"name": name, "name_en": name_en}
    missing = [key for key, value in given.items() if not value.strip() or len(value) > 255]
    if missing:
        raise InvalidError(
            "Give it a name in Chinese and in English.", {key: ["1 to 255"] for key in missing}
        )


def _change_of(override: AlarmOverride) -> Change:
    return Change(**{name: getattr(override, name) for name in Change.__dataclass_fields__})


def _check_change(rule: Rule, change: Change) -> None:
    """What comes of it must be a rule that could be entered."""
    check_rule(apply_change(rule, change))


def _check_target(session: Session, row: AlarmRule, target: OverrideTarget) -> None:
    quantity = QUANTITIES[row.quantity]
    if target.scope not in SCOPES:
        raise InvalidError("No such kind of exception.", {"scope": [", ".join(SCOPES)]})
    if target.scope == "class":
        if target.target_class not in quantity.classes or target.target_id is not None:
            raise InvalidError("No such class of subjects.", {"target_class": ["unknown"]})
        return
    if target.target_class:
        raise InvalidError("Only an exception of a class names one.", {"target_class": ["empty"]})
    model = _MODELS[quantity.subject if target.scope == "subject" else target.scope]
    if target.target_id is None or session.get(model, target.target_id) is None:
        raise InvalidError("What it is to hold for isn't there.", {"target_id": ["unknown"]})
