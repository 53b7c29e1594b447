"""Deciding how time nobody measured counts: one proposes, another accepts or refuses."""

from collections.abc import Callable
from typing import Any

from flask import Response, flash, request, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from dcim.columns import utc_now
from dcim.errors import JifangError, NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.i18n import pick
from dcim.statements.review_decisions import (
    NewDecision,
    decide_proposal,
    find_decision,
    propose_decision,
    withdraw_proposal,
)
from dcim.statements.reviews import ReviewRow, list_reviews
from dcim.web.money import say_money
from dcim.web.staff.answers import go_on, refuse, show_form
from dcim.web.staff.arguments import read_text
from dcim.web.staff.blueprint import staff
from dcim.web.staff.incident_forms import DecisionForm, ReasonForm, why
from dcim.web.staff.placing_forms import MISSING, strip
