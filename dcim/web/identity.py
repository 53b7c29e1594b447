"""Signing in: Flask-Security on our people, one login function, bearer tokens for the API."""

from pathlib import Path
from typing import Any

from flask import Flask, g, request
from flask_login import current_user
from flask_security import (
    LoginForm,
    Security,
    SQLAlchemySessionUserDatastore,
    UserMixin,
    password_changed,
    user_authenticated,
)
from flask_wtf import CSRFProtect
from sqlalchemy import bindparam, select
from sqlalchemy.orm import joinedload, scoped_session
from werkzeug.exceptions import Unauthorized
from werkzeug.wrappers import Request

from dcim.accounts.audit import record
from dcim.accounts.models import Role, User
from dcim.accounts.people import forget_failures, is_braked, note_failure, scope_of
from dcim.accounts.scope import Scope
from dcim.accounts.tokens import find_token
from dcim.config import Settings
from dcim.db import ScopedSession
from dcim.http.database import db_session
from dcim.i18n import gettext as _
from dcim.observability import source_address

csrf = CSRFProtect()
# Posted to by mail programs (RFC 8058); the signed link says whose choice it is, no session does.
BY_LINK_ALONE = {"public.unsubscribe"}


class WebUser(UserMixin, User):  # type: ignore[misc]
    """A person as Flask-Security wants them; the same table, so that only the web knows Flask."""


BY_UNIQUIFIER = (
    select(WebUser)
    .options(joinedload(WebUser.roles))  # type: ignore[arg-type]
    .where(WebUser.fs_uniquifier == bindparam("uniquifier"))  # type: ignore[arg-type]
)


class PeopleStore(SQLAlchemySessionUserDatastore):
    """Who a session belongs to is asked at every request: by a statement made once."""

    def find_user(self, case_insensitive: bool = False, **kwargs: Any) -> UserMixin | None:
        if set(kwargs) != {"fs_uniquifier"}:
            return super().find_user(case_insensitive, **kwargs)
        wanted = {"uniquifier": kwargs["fs_uniquifier"]}
        found: WebUser | None = db_session().scalar(BY_UNIQUIFIER, wanted)
        return found


class BrakedLoginForm(LoginForm):
    """The one login function: counts failures per account and per source before it checks."""

    def validate(self, **kwargs: Any) -> bool:
        session, account = db_session(), str(self.email.data or "")
        if is_braked(session, account, source_address.get()):
            self.email.errors = [
                _("Too many failed attempts. Please wait 15 minutes, or ask an administrator.")
            ]
            return False
        if super().validate(**kwargs):
            forget_failures(session, account)
            return True
        note_failure(session, account, source_address.get())
        record(session, Scope.system("login"), "login.refuse", f"account/{account[:100]}")
        session.commit()
        return False


def init_identity(
    app: Flask, settings: Settings, registry: "scoped_session[ScopedSession]"
) -> None:
    app.config.update(
        SECURITY_PASSWORD_HASH="argon2",  # noqa: S106 - a scheme, not a password
        SECURITY_PASSWORD_SCHEMES=["argon2"],
        # argon2 salts by itself; a second hash would only need a second secret.
        SECURITY_PASSWORD_SINGLE_HASH=["argon2"],
        SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS={
            "argon2__time_cost": 2,
            "argon2__memory_cost": 19456,
            "argon2__parallelism": 1,
        },
        SECURITY_PASSWORD_LENGTH_MIN=12,
        SECURITY_CHANGEABLE=True,
        SECURITY_SEND_PASSWORD_CHANGE_EMAIL=False,
        SECURITY_TWO_FACTOR=True,
        SECURITY_TWO_FACTOR_ENABLED_METHODS=["authenticator"],
        SECURITY_TWO_FACTOR_REQUIRED=False,
        SECURITY_TWO_FACTOR_ALWAYS_VALIDATE=True,
        SECURITY_TWO_FACTOR_RESCUE_EMAIL=False,
        SECURITY_TOTP_SECRETS={"1": settings.secret_key},
        SECURITY_TOTP_ISSUER="Jifang",
        SECURITY_POST_LOGIN_VIEW="/",
        SECURITY_POST_LOGOUT_VIEW="/login",
        SECURITY_POST_CHANGE_VIEW="/",
        # Whether an account exists is nobody's business.
        SECURITY_RETURN_GENERIC_RESPONSES=True,
        SECURITY_EMAIL_VALIDATOR_ARGS={"check_deliverability": False, "test_environment": True},
        # "/verify" is where anybody verifies a statement.
        SECURITY_VERIFY_URL="/confirm",
        SECURITY_LOGOUT_METHODS=["POST"],
        SECURITY_FLASH_MESSAGES=False,
        SECURITY_DEFAULT_REMEMBER_ME=False,
        SECURITY_REMEMBER_ME_ALLOWED=False,
        SECURITY_API_ENABLED_METHODS=["session"],
        # Ours is read last, so it fills what Flask-Security's own catalogue lacks.
        SECURITY_I18N_DIRNAME=["builtin", str(Path(app.root_path) / "translations")],
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_CHECK_DEFAULT=False,
    )
    csrf.init_app(app)
    datastore = PeopleStore(registry, WebUser, Role)  # type: ignore[arg-type]
    Security(app, datastore, login_form=BrakedLoginForm)
    app.extensions["jifang_login"] = app.login_manager  # type: ignore[attr-defined]
    app.extensions["jifang_login"].request_loader(_load_by_token)
    app.before_request(_protect_from_forgery)
    user_authenticated.connect(_note_login, app)
    password_changed.connect(_note_change, app)


def _load_by_token(request_: Request) -> WebUser | None:
    """The person behind `Authorization: Bearer …`, on API routes only."""
    header = request.headers.get("Authorization", "")
    if not header:
        return None
    if not request.path.startswith("/api/"):
        return None
    kind, _mark, plaintext = header.partition(" ")
    found = None
    if kind.lower() == "bearer":
        found = find_token(db_session(), plaintext.strip(), WebUser)
    if found is None:
        # A wrong token is an error, not an anonymous visitor. Said once: telling the error asks
        # for the reader's language, and so comes through here again.
        if g.get("token_refused"):
            return None
        g.token_refused = True
        raise Unauthorized
    g.token, person = found
    return person


def _protect_from_forgery() -> None:
    """Check the CSRF token of every unsafe request, except where a bearer token stands for one."""
    if request.endpoint is None or request.headers.get("Authorization"):
        return
    if request.endpoint in BY_LINK_ALONE:
        return
    if request.path.startswith("/api/") and not current_user.is_authenticated:
        return
    csrf.protect()


def _note_login(app: Flask, user: WebUser, **extra: Any) -> None:
    record(db_session(), scope_of(user), "login.accept", f"user/{user.id}")


def _note_change(app: Flask, user: WebUser, **extra: Any) -> None:
    user.must_change_password = False
    record(db_session(), scope_of(user), "password.change", f"user/{user.id}")
