"""Rules of alarms: written, tried on history, switched on; their exceptions; who is told."""

import datetime as dt
import math
from typing import Any

from marshmallow import Schema, ValidationError, fields
from marshmallow.validate import Range

from dcim.alarms.governing import rule_of
from dcim.alarms.models import SCOPES
from dcim.alarms.queries import (
    OverrideRow,
    RecipientRow,
    RuleRow,
    TrialRow,
    find_rule,
    find_trial,
    list_overrides,
    list_recipients,
    list_rules,
)
from dcim.alarms.rule_keeping import (
    CHANGEABLE,
    DEEDS,
    OverrideTarget,
    RuleNames,
    add_recipient,
    change_rule,
    create_rule,
    delete_rule,
    find_rule_row,
    remove_override,
    remove_recipient,
    set_override,
    switch_rule,
)
from dcim.alarms.rules.limits import (
    KINDS,
    LONGEST_HORIZON_S,
    LONGEST_S,
    LONGEST_WAIT_MIN,
    MOST_CHANGES,
    SEVERITIES,
    WAYS,
    WINDOW_S,
    Change,
    Deeds,
    Rule,
)
from dcim.alarms.rules.quantities import QUANTITIES
from dcim.alarms.trying import ask_trial, retype
from dcim.api.fields import Flag, PageQuery, Text, Whole, choice, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.jobs import defer_trial

alarm_rules = Resource("alarm_rules", "Rules of alarms", prefix="alarm-rules")
alarm_recipients = Resource("alarm_recipients", "Who is told of alarms", prefix="alarm-recipients")


class Number(fields.Float):
    """A finite number, as a JSON number only."""

    def _validated(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.make_error("invalid", input=value)
        if not math.isfinite(value) or abs(value) > 1e9:
            raise ValidationError("A number between -1000000000 and 1000000000.")
        return float(value)


def _seconds(**options: Any) -> Whole:
    return Whole(0, LONGEST_S, **options)


class RuleLimits(Schema):
    """What of a rule can be changed."""

    way = choice(WAYS)
    raise_at = Number()
    clear_at = Number()
    raise_for_s = _seconds()
    clear_for_s = _seconds()
    severity = choice(SEVERITIES)
    window_s = Whole(0, WINDOW_S[1])
    horizon_s = Whole(0, LONGEST_HORIZON_S)
    flap_changes = Whole(0, MOST_CHANGES)
    flap_within_s = _seconds()
    subject_class = Text(low=0, high=64)
    site_id = Whole(allow_none=True)


class RuleDeeds(Schema):
    """What an alarm does by itself when it has lasted so many minutes; null: nothing."""

    incident_after_min = Whole(
        0, LONGEST_WAIT_MIN, allow_none=True, metadata={"description": "It opens an incident."}
    )
    tell_after_min = Whole(
        0, LONGEST_WAIT_MIN, allow_none=True,
        metadata={"description": "Customers who are hit are told of its incident."},
    )  # fmt: skip


class AlarmRuleChange(RuleLimits, RuleDeeds):
    name = Text()
    name_en = Text()
    enabled = Flag()


class NewAlarmRule(RuleDeeds):
    code = Text(high=64, required=True)
    name = Text(required=True)
    name_en = Text(required=True)
    kind = choice(KINDS, required=True)
    quantity = choice(tuple(QUANTITIES), required=True)
    way = choice(WAYS, load_default="above")
    raise_at = Number(required=True)
    clear_at = Number(required=True)
    raise_for_s = _seconds(load_default=0)
    clear_for_s = _seconds(load_default=0)
    severity = choice(SEVERITIES, required=True)
    window_s = Whole(0, WINDOW_S[1], load_default=0)
    horizon_s = Whole(
        0, LONGEST_HORIZON_S, load_default=0,
        metadata={"description": "How far ahead a forecast looks."},
    )  # fmt: skip
    flap_changes = Whole(0, MOST_CHANGES, load_default=0)
    flap_within_s = _seconds(load_default=0)
    subject_class = Text(low=0, high=64, load_default="")
    site_id = Whole(allow_none=True, load_default=None)


class NewAlarmOverride(Schema):
    scope = choice(SCOPES, required=True)
    target_id = Whole(allow_none=True, load_default=None)
    target_class = Text(low=0, high=64, load_default="")
    enabled = Flag(load_default=True)
    raise_at = Number(allow_none=True, load_default=None)
    clear_at = Number(allow_none=True, load_default=None)
    raise_for_s = _seconds(allow_none=True, load_default=None)
    clear_for_s = _seconds(allow_none=True, load_default=None)
    severity = fields.String(
        allow_none=True, load_default=None, validate=choice(SEVERITIES).validators[0]
    )


class NewAlarmTrial(Schema):
    days = fields.Integer(
        strict=True, load_default=31, validate=Range(1, 92), metadata={"description": "Until now."}
    )
    limits = fields.Nested(
        RuleLimits,
        load_default=dict,
        metadata={"description": "What is typed otherwise than saved."},
    )


class NewAlarmRecipient(Schema):
    address = Text(required=True)
    severity = choice(SEVERITIES, required=True)
    language = choice(("zh", "en"), load_default="zh")
    site_id = Whole(allow_none=True, load_default=None)


@alarm_rules.get("")
@alarm_rules.arguments(PageQuery, location="query")
@alarm_rules.response(200, page_of(RuleRow))
def list_alarm_rules(query: dict[str, Any]) -> Any:
    """List the rules, those that are on first."""
    return list_rules(db_session(), current_scope(), take_paging(query))


@alarm_rules.get("/<int:alarm_rule_id>")
@alarm_rules.response(200, answer_of(RuleRow))
def show_alarm_rule(alarm_rule_id: int) -> Any:
    """Show one rule."""
    return find_rule(db_session(), current_scope(), alarm_rule_id)


@alarm_rules.post("")
@alarm_rules.arguments(NewAlarmRule)
@alarm_rules.response(201, answer_of(RuleRow))
def create_alarm_rule(body: dict[str, Any]) -> Any:
    """Enter a rule; it is off until somebody switches it on."""
    session, scope = db_session(), current_scope()
    names = RuleNames(**{name: body.pop(name) for name in RuleNames.__dataclass_fields__})
    deeds = Deeds(**{name: body.pop(name, None) for name in DEEDS})
    row = create_rule(session, scope, names, Rule(**body), deeds)
    return find_rule(session, scope, row.id)


@alarm_rules.patch("/<int:alarm_rule_id>")
@alarm_rules.arguments(AlarmRuleChange)
@alarm_rules.response(200, answer_of(RuleRow))
def change_alarm_rule(body: dict[str, Any], alarm_rule_id: int) -> Any:
    """Change a rule, switch it on or off."""
    session, scope = db_session(), current_scope()
    enabled = body.pop("enabled", None)
    change_rule(session, scope, alarm_rule_id, body)
    if enabled is not None:
        switch_rule(session, scope, alarm_rule_id, enabled=enabled)
    return find_rule(session, scope, alarm_rule_id)


@alarm_rules.delete("/<int:alarm_rule_id>")
@alarm_rules.response(204)
def delete_alarm_rule(alarm_rule_id: int) -> None:
    """Delete a rule that has never raised an alarm."""
    delete_rule(db_session(), current_scope(), alarm_rule_id)


@alarm_rules.get("/<int:alarm_rule_id>/overrides")
@alarm_rules.response(200, answer_of(OverrideRow)(many=True))
def list_alarm_overrides(alarm_rule_id: int) -> Any:
    """For whom it holds otherwise."""
    session, scope = db_session(), current_scope()
    find_rule(session, scope, alarm_rule_id)
    return list_overrides(session, scope, alarm_rule_id)


@alarm_rules.post("/<int:alarm_rule_id>/overrides")
@alarm_rules.arguments(NewAlarmOverride)
@alarm_rules.response(200, answer_of(OverrideRow)(many=True))
def set_alarm_override(body: dict[str, Any], alarm_rule_id: int) -> Any:
    """Have it hold otherwise for a site, a class, a customer, a device or one subject."""
    session, scope = db_session(), current_scope()
    target = OverrideTarget(
        **{name: body.pop(name) for name in OverrideTarget.__dataclass_fields__}
    )
    set_override(session, scope, alarm_rule_id, target, Change(**body))
    return list_overrides(session, scope, alarm_rule_id)


@alarm_rules.delete("/<int:alarm_rule_id>/overrides/<int:alarm_override_id>")
@alarm_rules.response(204)
def remove_alarm_override(alarm_rule_id: int, alarm_override_id: int) -> None:
    """Let the rule hold there again."""
    remove_override(db_session(), current_scope(), alarm_rule_id, alarm_override_id)


@alarm_rules.post("/<int:alarm_rule_id>/tests")
@alarm_rules.arguments(NewAlarmTrial)
@alarm_rules.response(202, answer_of(TrialRow))
def test_alarm_rule(body: dict[str, Any], alarm_rule_id: int) -> Any:
    """Try it, as typed, on what was stored; a worker does it, see the test for how far it is."""
    session, scope = db_session(), current_scope()
    row = find_rule_row(session, scope, alarm_rule_id)
    now = utc_now().replace(microsecond=0)
    limits = {name: body["limits"][name] for name in CHANGEABLE if name in body["limits"]}
    trial = ask_trial(
        session,
        scope,
        retype(rule_of(row), limits),
        now - dt.timedelta(days=body["days"]),
        now,
        rule_id=row.id,
        name=row.name,
    )
    defer_trial(session, trial.id)
    return find_trial(session, scope, trial.id)


@alarm_rules.get("/tests/<int:alarm_trial_id>")
@alarm_rules.response(200, answer_of(TrialRow))
def show_alarm_test(alarm_trial_id: int) -> Any:
    """How far a test is, and its result when it is done."""
    return find_trial(db_session(), current_scope(), alarm_trial_id)


@alarm_recipients.get("")
@alarm_recipients.response(200, answer_of(RecipientRow)(many=True))
def list_alarm_recipients() -> Any:
    """List who is mailed."""
    return list_recipients(db_session(), current_scope())


@alarm_recipients.post("")
@alarm_recipients.arguments(NewAlarmRecipient)
@alarm_recipients.response(201, answer_of(RecipientRow)(many=True))
def add_alarm_recipient(body: dict[str, Any]) -> Any:
    """Have alarms of a severity and graver mailed to an address."""
    session, scope = db_session(), current_scope()
    add_recipient(session, scope, **body)
    return list_recipients(session, scope)


@alarm_recipients.delete("/<int:alarm_recipient_id>")
@alarm_recipients.response(204)
def remove_alarm_recipient(alarm_recipient_id: int) -> None:
    """Tell it no more."""
    remove_recipient(db_session(), current_scope(), alarm_recipient_id)
