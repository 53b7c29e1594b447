"""Who is on call, and whom to tell when nobody takes an alarm on."""

from typing import Any, cast

from flask import current_app
from marshmallow import Schema, fields
from marshmallow.validate import Length

from dcim.alarms.oncall.calendars import (
    MOST_HOLIDAYS,
    MOST_PEOPLE,
    CalendarValues,
    change_calendar,
    create_calendar,
    delete_calendar,
    end_stand_in,
    read_holidays,
    stand_in,
)
from dcim.alarms.oncall.models import STEP_KINDS
from dcim.alarms.oncall.plans import EscalationDoneRow, EscalationPlanRow, list_deeds, list_plans
from dcim.alarms.oncall.policies import (
    LONGEST_WAIT_MIN,
    MOST_STEPS,
    PolicyValues,
    StepValues,
    change_policy,
    create_policy,
    delete_policy,
)
from dcim.alarms.oncall.queries import (
    EscalationPolicyRow,
    OnCallCalendarRow,
    find_calendar,
    find_policy,
    list_calendars,
    list_policies,
)
from dcim.alarms.queries import find_alarm
from dcim.alarms.rules.limits import SEVERITIES
from dcim.api.fields import Flag, Instant, Text, Whole, choice
from dcim.api.shapes import answer_of
from dcim.api.spec import Resource
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.http.database import current_scope, db_session

on_call_calendars = Resource("on_call_calendars", "Who is on call", prefix="on-call-calendars")
escalation_policies = Resource(
    "escalation_policies", "Escalation of alarms", prefix="escalation-policies"
)


class OnCallHolidayBody(Schema):
    day = fields.Date(required=True)
    person = Text(required=True)


class OnCallCalendarBody(Schema):
    name = Text(required=True)
    timezone = Text(high=64, required=True)
    handover = fields.Time(
        format="%H:%M", required=True, metadata={"description": "HH:MM by the zone's clock."}
    )
    first_day = fields.Date(required=True)
    days = Whole(1, 366, load_default=7)
    ends_on = fields.Date(allow_none=True, load_default=None)
    people = fields.List(
        Text(),
        required=True,
        validate=Length(1, MOST_PEOPLE),
        metadata={"description": "Sign-ins of the staff, in turn."},
    )
    holidays = fields.List(
        fields.Nested(OnCallHolidayBody), load_default=list, validate=Length(max=MOST_HOLIDAYS)
    )


class OnCallStandInBody(Schema):
    person = Text(required=True)
    starts_at = Instant(required=True)
    ends_at = Instant(required=True)
    reason = Text(low=0, load_default="")


class EscalationStepBody(Schema):
    after_min = Whole(0, LONGEST_WAIT_MIN, required=True)
    kind = choice(STEP_KINDS, required=True)
    target_id = Whole(required=True)


class EscalationPolicyBody(Schema):
    name = Text(required=True)
    severity = choice(SEVERITIES, required=True)
    site_id = Whole(allow_none=True, load_default=None)
    rule_ids = fields.List(Whole(), load_default=list, validate=Length(max=500))
    enabled = Flag(load_default=True)
    steps = fields.List(
        fields.Nested(EscalationStepBody), required=True, validate=Length(1, MOST_STEPS)
    )


@on_call_calendars.get("")
@on_call_calendars.response(200, answer_of(OnCallCalendarRow)(many=True))
def list_on_call_calendars() -> Any:
    """List the calendars: who is on call now, who is next, where nobody will be."""
    return list_calendars(db_session(), current_scope(), utc_now())


@on_call_calendars.get("/<int:on_call_calendar_id>")
@on_call_calendars.response(200, answer_of(OnCallCalendarRow))
def show_on_call_calendar(on_call_calendar_id: int) -> Any:
    """Show one calendar, with who is on call by it now."""
    return find_calendar(db_session(), current_scope(), on_call_calendar_id, utc_now())


@on_call_calendars.post("")
@on_call_calendars.arguments(OnCallCalendarBody)
@on_call_calendars.response(201, answer_of(OnCallCalendarRow))
def create_on_call_calendar(body: dict[str, Any]) -> Any:
    """Enter a calendar."""
    session, scope = db_session(), current_scope()
    row = create_calendar(session, scope, _read_calendar(body))
    return find_calendar(session, scope, row.id, utc_now())


@on_call_calendars.put("/<int:on_call_calendar_id>")
@on_call_calendars.arguments(OnCallCalendarBody)
@on_call_calendars.response(200, answer_of(OnCallCalendarRow))
def change_on_call_calendar(body: dict[str, Any], on_call_calendar_id: int) -> Any:
    """Replace what it says; who stands in stays."""
    session, scope = db_session(), current_scope()
    change_calendar(session, scope, on_call_calendar_id, _read_calendar(body))
    session.expire_all()
    return find_calendar(session, scope, on_call_calendar_id, utc_now())


@on_call_calendars.delete("/<int:on_call_calendar_id>")
@on_call_calendars.response(204)
def delete_on_call_calendar(on_call_calendar_id: int) -> None:
    """Delete one that no policy tells by."""
    delete_calendar(db_session(), current_scope(), on_call_calendar_id)


@on_call_calendars.post("/<int:on_call_calendar_id>/stand-ins")
@on_call_calendars.arguments(OnCallStandInBody)
@on_call_calendars.response(201, answer_of(OnCallCalendarRow))
def add_on_call_stand_in(body: dict[str, Any], on_call_calendar_id: int) -> Any:
    """Have somebody stand in; of several at once the one entered last counts."""
    session, scope = db_session(), current_scope()
    stand_in(session, scope, on_call_calendar_id, **body)
    return find_calendar(session, scope, on_call_calendar_id, utc_now())


@on_call_calendars.delete("/<int:on_call_calendar_id>/stand-ins/<int:stand_in_id>")
@on_call_calendars.response(204)
def end_on_call_stand_in(on_call_calendar_id: int, stand_in_id: int) -> None:
    """Let whose turn it is have it again, from now on."""
    end_stand_in(db_session(), current_scope(), on_call_calendar_id, stand_in_id)


@escalation_policies.get("")
@escalation_policies.response(200, answer_of(EscalationPolicyRow)(many=True))
def list_escalation_policies() -> Any:
    """List the policies, those that are on first."""
    return list_policies(db_session(), current_scope())


@escalation_policies.get("/<int:escalation_policy_id>")
@escalation_policies.response(200, answer_of(EscalationPolicyRow))
def show_escalation_policy(escalation_policy_id: int) -> Any:
    """Show one policy."""
    return find_policy(db_session(), current_scope(), escalation_policy_id)


@escalation_policies.post("")
@escalation_policies.arguments(EscalationPolicyBody)
@escalation_policies.response(201, answer_of(EscalationPolicyRow))
def create_escalation_policy(body: dict[str, Any]) -> Any:
    """Enter a policy; alarms that are on count from now."""
    session, scope = db_session(), current_scope()
    row = create_policy(session, scope, _read_policy(body))
    return find_policy(session, scope, row.id)


@escalation_policies.put("/<int:escalation_policy_id>")
@escalation_policies.arguments(EscalationPolicyBody)
@escalation_policies.response(200, answer_of(EscalationPolicyRow))
def change_escalation_policy(body: dict[str, Any], escalation_policy_id: int) -> Any:
    """Replace what it says; unless its name alone is new, alarms that are on count from now."""
    session, scope = db_session(), current_scope()
    change_policy(session, scope, escalation_policy_id, _read_policy(body))
    return find_policy(session, scope, escalation_policy_id)


@escalation_policies.delete("/<int:escalation_policy_id>")
@escalation_policies.response(204)
def delete_escalation_policy(escalation_policy_id: int) -> None:
    """Delete it; what it told stays in the alarms' histories."""
    delete_policy(db_session(), current_scope(), escalation_policy_id)


@escalation_policies.get("/alarms/<int:alarm_id>/plans")
@escalation_policies.response(200, answer_of(EscalationPlanRow)(many=True))
def list_alarm_plans(alarm_id: int) -> Any:
    """What comes next for an alarm if nobody takes it on; nothing while somebody has it."""
    session, scope = db_session(), current_scope()
    find_alarm(session, scope, alarm_id)
    settings = cast(Settings, current_app.config["JIFANG"])
    return list_plans(session, scope, settings, alarm_id, utc_now())


@escalation_policies.get("/alarms/<int:alarm_id>/steps")
@escalation_policies.response(200, answer_of(EscalationDoneRow)(many=True))
def list_alarm_steps(alarm_id: int) -> Any:
    """Which steps were done for an alarm, and whom they reached."""
    session, scope = db_session(), current_scope()
    find_alarm(session, scope, alarm_id)
    return list_deeds(session, scope, alarm_id)


def _read_calendar(body: dict[str, Any]) -> CalendarValues:
    holidays = read_holidays((one["day"], one["person"]) for one in body.pop("holidays"))
    return CalendarValues(people=tuple(body.pop("people")), holidays=holidays, **body)


def _read_policy(body: dict[str, Any]) -> PolicyValues:
    steps = tuple(StepValues(**step) for step in body.pop("steps"))
    return PolicyValues(steps=steps, rule_ids=tuple(body.pop("rule_ids")), **body)
