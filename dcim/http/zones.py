"""Whose clock a page shows: a customer's person reads their own, everybody else the house's."""

from flask import g, has_request_context
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from dcim.customers.calendar import is_zone
from dcim.customers.models import Customer
from dcim.http.database import db_session


def find_own_zone() -> str:
    """What the person chose, else their customer's; empty for staff and for who isn't known."""
    if not has_request_context() or "scope" not in g or not current_user.is_authenticated:
        return ""
    if current_user.customer_id is None:
        return ""
    try:
        name = current_user.timezone or db_session().scalar(
            select(Customer.timezone).where(Customer.id == current_user.customer_id)
        )
    except SQLAlchemyError:
        return ""  # a page that tells of a database gone still says what time it is
    return name if name and is_zone(name) else ""
