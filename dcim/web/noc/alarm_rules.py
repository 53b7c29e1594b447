"""Rules of alarms: the list, one rule, editing it, trying it on history, switching it."""

import datetime as dt
from dataclasses import asdict
from typing import Any

from flask import flash, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import FloatField, IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from dcim.accounts.scope import Scope
from dcim.alarms.governing import rule_of
from dcim.alarms.queries import (
    find_rule,
    find_trial,
    list_overrides,
    list_recipients,
    list_rules,
)
from dcim.alarms.reading_words import say_detail, say_value
from dcim.alarms.rule_keeping import (
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
    LONGEST_HORIZON_S,
    LONGEST_S,
    LONGEST_WAIT_MIN,
    WINDOW_S,
    Change,
    Deeds,
    Rule,
)
from dcim.alarms.rules.quantities import OUTAGES, QUANTITIES
from dcim.alarms.trying import ask_trial, retype
from dcim.columns import utc_now
from dcim.errors import InvalidError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.inventory.queries import list_sites
from dcim.jobs import defer_trial
from dcim.paging import EVERYTHING
from dcim.web import alarm_words
from dcim.web.noc.blueprint import noc
from dcim.web.staff.answers import answer_form, go_on
from dcim.web.staff.placing_forms import MISSING, strip

DAYS = 31
_WAIT = [Optional(), NumberRange(0, LONGEST_WAIT_MIN)]
_SECONDS = [InputRequired(MISSING), NumberRange(0, LONGEST_S)]


def _choices(words: dict[str, Any]) -> list[SelectChoice]:
    return [SelectChoice(name, word) for name, word in words.items()]


class LimitsForm(FlaskForm):  # type: ignore[misc]
    """What of a rule can be changed."""

    name = StringField(
        _l("Name in Chinese"), filters=[strip],
        validators=[DataRequired(MISSING), Length(max=255)],
    )  # fmt: skip
    name_en = StringField(
        _l("Name in English"), filters=[strip],
        validators=[DataRequired(MISSING), Length(max=255)],
    )  # fmt: skip
    severity = SelectField(_l("Severity"), choices=_choices(alarm_words.SEVERITIES))
    way = SelectField(_l("Raised"), choices=_choices(alarm_words.WAYS))
    raise_at = FloatField(_l("Raised at"), validators=[InputRequired(MISSING)])
    raise_for_s = IntegerField(_l("for, seconds"), validators=_SECONDS)
    clear_at = FloatField(_l("Over at"), validators=[InputRequired(MISSING)])
    clear_for_s = IntegerField(_l("for, seconds"), validators=_SECONDS)
    window_s = IntegerField(
        _l("Measured over, seconds"),
        validators=[InputRequired(MISSING), NumberRange(0, WINDOW_S[1])],
    )
    horizon_s = IntegerField(
        _l("Looks ahead, seconds"),
        validators=[Optional(), NumberRange(0, LONGEST_HORIZON_S)],
    )
    flap_changes = IntegerField(
        _l("Flapping from so many changes (0: never)"),
        validators=[InputRequired(MISSING), NumberRange(0, 50)],
    )
    flap_within_s = IntegerField(_l("within, seconds"), validators=_SECONDS)
    subject_class = SelectField(_l("Only"))
    site_id = SelectField(_l("Site"), coerce=int)
    incident_after_min = IntegerField(_l("Opens an incident after, minutes"), validators=_WAIT)
    tell_after_min = IntegerField(
        _l("Tells customers who are hit after, minutes"), validators=_WAIT
    )

    def offer(self, session: Session, scope: Scope, quantity: str | None) -> None:
        if quantity and quantity not in OUTAGES:
            for name in DEEDS:
                if name in self:
                    del self[name]
        known = QUANTITIES[quantity].classes if quantity else tuple(alarm_words.CLASSES)
        self.subject_class.choices = [
            SelectChoice("", _("All")),
            *(SelectChoice(name, alarm_words.CLASSES[name]) for name in known),
        ]
        sites = list_sites(session, scope, EVERYTHING).items
        self.site_id.choices = [
            SelectChoice(0, _("All")),
            *(
                SelectChoice(one.id, f"{one.code} {pick_text(one.name, one.name_en)}")
                for one in sites
            ),
        ]

    def read(self) -> dict[str, Any]:
        """As `change_rule` takes it."""
        said = {
            name: self._fields[name].data
            for name in ("name", "name_en", *Rule.__dataclass_fields__, *DEEDS)
            if name in self._fields
        }
        return said | {
            "site_id": self.site_id.data or None,
            "horizon_s": self.horizon_s.data or 0,
        }


class NewRuleForm(LimitsForm):
    code = StringField(
        _l("Code"), filters=[strip], description=_l("Small letters, digits, hyphens."),
        validators=[DataRequired(MISSING), Length(max=64)],
    )  # fmt: skip
    quantity = SelectField(_l("What"), choices=_choices(alarm_words.QUANTITIES))
    kind = SelectField(_l("Kind"), choices=_choices(alarm_words.KINDS))


class OverrideForm(FlaskForm):  # type: ignore[misc]
    scope = SelectField(_l("Holds for"), choices=_choices(alarm_words.SCOPES))
    target = StringField(
        _l("Its number, or the class"), filters=[strip],
        description=_l("The number in its page's address; of a class its word, like uplink."),
        validators=[DataRequired(MISSING), Length(max=64)],
    )  # fmt: skip
    enabled = SelectField(
        _l("The rule is"), choices=[SelectChoice("yes", _l("on")), SelectChoice("no", _l("off"))]
    )
    severity = SelectField(
        _l("Severity"),
        choices=[SelectChoice("", _l("as the rule")), *_choices(alarm_words.SEVERITIES)],
    )
    raise_at = FloatField(_l("Raised at"), validators=[Optional()])
    raise_for_s = IntegerField(
        _l("for, seconds"), validators=[Optional(), NumberRange(0, LONGEST_S)]
    )
    clear_at = FloatField(_l("Over at"), validators=[Optional()])
    clear_for_s = IntegerField(
        _l("for, seconds"), validators=[Optional(), NumberRange(0, LONGEST_S)]
    )


class RecipientForm(FlaskForm):  # type: ignore[misc]
    address = StringField(
        _l("E-mail"), filters=[strip], validators=[DataRequired(MISSING), Length(max=254)]
    )
    severity = SelectField(_l("From this severity on"), choices=_choices(alarm_words.SEVERITIES))
    language = SelectField(
        _l("Language"), choices=[SelectChoice("zh", "中文"), SelectChoice("en", "English")]
    )
    site_id = SelectField(_l("Site"), coerce=int)


class TestForm(LimitsForm):
    """What a rule is called, how grave it is and what it does by itself is nothing to try."""

    __test__ = False  # no test of pytest's
    name = name_en = severity = incident_after_min = tell_after_min = None
    days = IntegerField(_l("Days back"), validators=[InputRequired(MISSING), NumberRange(1, 92)])


@noc.get("/alarm-rules")
def alarm_rules() -> str:
    session, scope = db_session(), current_scope()
    return render_template(
        "noc/alarm_rules.html",
        rules=list_rules(session, scope, EVERYTHING).items,
        recipients=list_recipients(session, scope),
        words=alarm_words,
        say_value=say_value,
        say_detail=say_detail,
        crumbs=[(_("Alarms"), url_for("noc.alarms")), (_("Rules"), "")],
    )


@noc.get("/alarm-rules/<int:alarm_rule_id>")
def alarm_rule(alarm_rule_id: int) -> str:
    session, scope = db_session(), current_scope()
    rule = find_rule(session, scope, alarm_rule_id)
    return render_template(
        "noc/alarm_rule.html",
        rule=rule,
        overrides=list_overrides(session, scope, alarm_rule_id),
        days=DAYS,
        outages=OUTAGES,
        words=alarm_words,
        say_value=say_value,
        say_detail=say_detail,
        crumbs=_crumbs(pick_text(rule.name, rule.name_en)),
    )


@noc.route("/alarm-rules/new", methods=["GET", "POST"])
def new_alarm_rule() -> Any:
    session, scope = db_session(), current_scope()
    form = NewRuleForm()
    form.offer(session, scope, None)
    if request.method == "GET":
        _fill(form, _BLANK)

    def enter() -> str:
        said = form.read()
        names = RuleNames(form.code.data or "", said.pop("name"), said.pop("name_en"))
        deeds = Deeds(**{name: said.pop(name) for name in DEEDS})
        row = create_rule(session, scope, names, Rule(**said), deeds)
        flash(_("The rule is entered and off: try it, then switch it on."), "success")
        return url_for("noc.alarm_rule", alarm_rule_id=row.id)

    title = _("New rule")
    return answer_form(
        "noc/rule_form.html", form, enter,
        title=title, sub="", submit=_("Enter"), back=url_for("noc.alarm_rules"),
        crumbs=_crumbs(title), first=("code", "quantity", "kind"), kind="",
    )  # fmt: skip


_BLANK: dict[str, Any] = {
    "way": "above", "raise_for_s": 300, "clear_for_s": 300, "window_s": 0, "horizon_s": 0,
    "severity": "warning",
    "flap_changes": 6, "flap_within_s": 1800, "subject_class": "", "site_id": 0,
}  # fmt: skip


@noc.route("/alarm-rules/<int:alarm_rule_id>/edit", methods=["GET", "POST"])
def edit_alarm_rule(alarm_rule_id: int) -> Any:
    session, scope = db_session(), current_scope()
    row = find_rule_row(session, scope, alarm_rule_id)
    form = LimitsForm()
    form.offer(session, scope, row.quantity)
    name, back = pick_text(row.name, row.name_en), _show(alarm_rule_id)

    def save() -> str:
        change_rule(session, scope, alarm_rule_id, form.read())
        flash(_("The rule is changed."), "success")
        return back

    if request.method == "GET":
        deeds = {name: getattr(row, name) for name in DEEDS}
        _fill(form, asdict(rule_of(row)) | deeds | {"name": row.name, "name_en": row.name_en})
    return answer_form(
        "noc/rule_form.html", form, save,
        title=_("Edit the rule"), sub=name, submit=_("Save"), back=back,
        crumbs=_crumbs(name, back, _("Edit")), first=(), kind=row.kind,
    )  # fmt: skip


@noc.route("/alarm-rules/<int:alarm_rule_id>/test", methods=["GET", "POST"])
def test_alarm_rule(alarm_rule_id: int) -> Any:
    """Try the rule as typed here; nothing of it is saved."""
    session, scope = db_session(), current_scope()
    row = find_rule_row(session, scope, alarm_rule_id)
    form = TestForm()
    form.offer(session, scope, row.quantity)
    name, back = pick_text(row.name, row.name_en), _show(alarm_rule_id)

    def ask() -> str:
        now = utc_now().replace(microsecond=0)
        trial = ask_trial(
            session,
            scope,
            retype(rule_of(row), form.read()),
            now - dt.timedelta(days=form.days.data),
            now,
            rule_id=row.id,
            name=row.name,
        )
        defer_trial(session, trial.id)
        return url_for("noc.alarm_trial", alarm_trial_id=trial.id)

    if request.method == "GET":
        typed = asdict(rule_of(row)) | {"name": row.name, "name_en": row.name_en, "days": DAYS}
        _fill(form, typed)
    return answer_form(
        "noc/rule_form.html", form, ask,
        title=_("Test on history"), sub=name, submit=_("Test"), back=back,
        crumbs=_crumbs(name, back, _("Test on history")), first=("days",), kind=row.kind,
    )  # fmt: skip


@noc.get("/alarm-rules/tests/<int:alarm_trial_id>")
def alarm_trial(alarm_trial_id: int) -> str:
    session, scope = db_session(), current_scope()
    trial = find_trial(session, scope, alarm_trial_id)
    rule = None if trial.rule_id is None else find_rule(session, scope, trial.rule_id)
    name = pick_text(rule.name, rule.name_en) if rule else trial.name
    back = url_for("noc.alarm_rules") if rule is None else _show(rule.id)
    return render_template(
        "noc/alarm_trial.html",
        trial=trial,
        typed=Rule(**trial.rule),  # type: ignore[arg-type]
        rule=rule,
        instant=lambda ms: dt.datetime.fromtimestamp(ms / 1000, dt.UTC),
        words=alarm_words,
        say_value=say_value,
        say_detail=say_detail,
        crumbs=_crumbs(name, back, _("Test on history")),
    )


@noc.post("/alarm-rules/<int:alarm_rule_id>/switch")
def switch_alarm_rule(alarm_rule_id: int) -> Any:
    enabled = request.form.get("enabled") == "yes"
    switch_rule(db_session(), current_scope(), alarm_rule_id, enabled=enabled)
    flash(_("The rule is on.") if enabled else _("The rule is off."), "success")
    return go_on(_show(alarm_rule_id))


@noc.post("/alarm-rules/<int:alarm_rule_id>/delete")
def delete_alarm_rule(alarm_rule_id: int) -> Any:
    delete_rule(db_session(), current_scope(), alarm_rule_id)
    flash(_("The rule is deleted."), "success")
    return go_on(url_for("noc.alarm_rules"))


@noc.route("/alarm-rules/<int:alarm_rule_id>/exceptions/new", methods=["GET", "POST"])
def new_alarm_override(alarm_rule_id: int) -> Any:
    session, scope = db_session(), current_scope()
    row = find_rule_row(session, scope, alarm_rule_id)
    form, name, back = OverrideForm(), pick_text(row.name, row.name_en), _show(alarm_rule_id)

    def enter() -> str:
        change = Change(
            enabled=form.enabled.data == "yes",
            severity=form.severity.data or None,
            **{
                name: form._fields[name].data
                for name in ("raise_at", "clear_at", "raise_for_s", "clear_for_s")
            },
        )
        set_override(session, scope, alarm_rule_id, _read_target(form), change)
        flash(_("The exception holds."), "success")
        return back

    title = _("Exception")
    return answer_form(
        "noc/act.html", form, enter,
        title=title, sub=name, submit=_("Save"), back=back, crumbs=_crumbs(name, back, title),
    )  # fmt: skip


def _read_target(form: OverrideForm) -> OverrideTarget:
    text = form.target.data or ""
    if form.scope.data == "class":
        return OverrideTarget("class", target_class=text)
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidError("What it is to hold for isn't there.", {"target": ["a number"]})
    return OverrideTarget(form.scope.data, int(text))


@noc.post("/alarm-rules/<int:alarm_rule_id>/exceptions/<int:alarm_override_id>/remove")
def remove_alarm_override(alarm_rule_id: int, alarm_override_id: int) -> Any:
    remove_override(db_session(), current_scope(), alarm_rule_id, alarm_override_id)
    flash(_("The exception is removed."), "success")
    return go_on(_show(alarm_rule_id))


@noc.route("/alarm-recipients/new", methods=["GET", "POST"])
def new_alarm_recipient() -> Any:
    session, scope = db_session(), current_scope()
    form, back = RecipientForm(), url_for("noc.alarm_rules")
    sites = list_sites(session, scope, EVERYTHING).items
    form.site_id.choices = [SelectChoice(0, _("All"))] + [
        SelectChoice(one.id, f"{one.code} {pick_text(one.name, one.name_en)}") for one in sites
    ]

    def enter() -> str:
        add_recipient(
            session, scope, form.address.data or "", form.severity.data, form.language.data,
            form.site_id.data or None,
        )  # fmt: skip
        flash(_("Alarms are mailed there."), "success")
        return back

    title = _("New recipient")
    return answer_form(
        "noc/act.html", form, enter,
        title=title, sub="", submit=_("Enter"), back=back, crumbs=_crumbs(title),
    )  # fmt: skip


@noc.post("/alarm-recipients/<int:alarm_recipient_id>/remove")
def remove_alarm_recipient(alarm_recipient_id: int) -> Any:
    remove_recipient(db_session(), current_scope(), alarm_recipient_id)
    flash(_("No alarms are mailed there any more."), "success")
    return go_on(url_for("noc.alarm_rules"))


def _fill(form: FlaskForm, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if name in form._fields:
            form._fields[name].data = (value or 0) if name == "site_id" else value


def _show(rule_id: int) -> str:
    return url_for("noc.alarm_rule", alarm_rule_id=rule_id)


def _crumbs(name: str, url: str = "", last: str = "") -> list[tuple[str, str]]:
    path = [(_("Alarms"), url_for("noc.alarms")), (_("Rules"), url_for("noc.alarm_rules"))]
    return [*path, (name, url), *([(last, "")] if last else [])]
