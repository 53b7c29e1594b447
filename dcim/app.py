"""The web application: wires the parts in order, does no work of its own."""

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from time import perf_counter

from flask import Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from dcim.accounts.scope import Scope
from dcim.api.idempotency import init_idempotency
from dcim.api.spec import init_api
from dcim.capacity.snapshot import current_board
from dcim.config import Settings, load_settings
from dcim.db import SessionFactory, transaction
from dcim.http.addresses import RememberingAddresses
from dcim.http.admission import Admission, Gate
from dcim.http.bodies import limit_body
from dcim.http.database import CommittingFlask, init_database
from dcim.http.identifiers import IdConverter
from dcim.http.policy import Access, init_policy
from dcim.http.problems import init_problems
from dcim.http.zones import find_own_zone
from dcim.i18n import init_i18n
from dcim.instance import locate_instance
from dcim.kinds import KINDS
from dcim.observability import (
    HTTP_REQUESTS,
    HTTP_SECONDS,
    configure_logging,
    request_id,
    source_address,
)
from dcim.policy import POLICY
from dcim.records.kinds import Kind
from dcim.security import init_headers
from dcim.web.identity import init_identity
from dcim.web.links import links
from dcim.web.noc.routes import noc
from dcim.web.portal.routes import portal
from dcim.web.public.routes import public
from dcim.web.shell import describe_page, remember_language, shell
from dcim.web.staff.records.registering import init_record_pages
from dcim.web.staff.routes import staff
from dcim.web.translated_templates import TranslatedEnvironment

# One computes while another waits for the database; who takes longer holds nobody up.
AT_ONCE, PATIENCE_S = 2, 1.0


class Jifang(CommittingFlask, RememberingAddresses):
    jinja_environment = TranslatedEnvironment


def create_app(
    settings: Settings | None = None,
    sessions: SessionFactory | None = None,
    *,
    policy: Mapping[str, Access] = POLICY,
    kinds: Sequence[Kind] = KINDS,
) -> Flask:
    """The app of one instance. Raises SettingsError or UndeclaredRouteError before it serves."""
    settings = settings or load_settings()
    app = Jifang(__name__, template_folder="web/templates", static_folder="web/static")
    app.config.update(
        SECRET_KEY=settings.secret_key,
        JIFANG=settings,
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        MAX_FORM_MEMORY_SIZE=settings.max_body_bytes,
        MAX_FORM_PARTS=1000,
        SESSION_COOKIE_NAME="jifang",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.cookie_secure,
        PERMANENT_SESSION_LIFETIME=dt.timedelta(minutes=settings.session_minutes),
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    _init_requests(app, settings)
    registry = init_database(app, sessions or locate_instance(settings).make_sessions(pool_size=10))
    init_problems(app)
    init_identity(app, settings, registry)
    init_i18n(app, settings.timezone, find_own_zone)
    init_headers(app, https=settings.cookie_secure)
    app.register_blueprint(shell)
    app.register_blueprint(links)
    app.register_blueprint(noc)
    app.register_blueprint(portal)
    app.register_blueprint(public)
    app.register_blueprint(staff)
    init_record_pages(app, kinds)
    app.before_request(remember_language)
    app.context_processor(describe_page)
    init_api(app)
    init_policy(app, policy)
    init_idempotency(app)
    return app


def _init_requests(app: Flask, settings: Settings) -> None:
    """Number each request, know its source, count and time it."""
    app.url_map.converters["int"] = IdConverter
    if settings.trusted_proxies:
        n = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=n)  # type: ignore[method-assign]

    @app.before_request
    def begin() -> None:
        g.began = perf_counter()
        request_id.set(secrets.token_hex(8))
        source_address.set(request.remote_addr or "")
        limit_body()

    @app.after_request
    def end(response: Response) -> Response:
        endpoint = request.endpoint or "none"
        HTTP_REQUESTS.labels(endpoint, request.method, response.status_code).inc()
        HTTP_SECONDS.labels(endpoint).observe(perf_counter() - g.get("began", perf_counter()))
        response.headers["X-Request-Id"] = request_id.get()
        return response


def serve() -> Flask:
    """For gunicorn: logging set up, then the app."""
    settings = load_settings()
    configure_logging(settings.log_level, as_json=settings.log_json, process="web")
    app = create_app(settings)
    app.wsgi_app = Admission(app.wsgi_app, Gate(AT_ONCE, PATIENCE_S))  # type: ignore[method-assign]
    app.extensions["jifang_warm"] = partial(_warm, app)
    return app


def _warm(app: Flask) -> None:
    """Read what the first search for space would wait for: seconds in a large house."""
    scope = Scope.system("web")
    with transaction(app.extensions["jifang_sessions"].session_factory, scope) as session:
        current_board(session, scope)
