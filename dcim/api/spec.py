"""The REST API as a whole: its OpenAPI description, its errors, its resources."""

from threading import Lock
from typing import Any, NoReturn

from flask import Flask, Request
from flask_smorest import Api, Blueprint
from flask_smorest.utils import prepare_response
from marshmallow import RAISE, Schema, fields
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest

from dcim.api.fields import Amount, Instant

PREFIX = "/api/v1"
PROBLEM_TYPE = "application/problem+json"
# What any operation may answer besides its own: each documented, none invented by a library.
STATUSES = {
    400: "The request can't be read: malformed JSON.",
    401: "No token, or one that isn't valid any more.",
    403: "The person behind the token lacks the right.",
    404: "Nothing is there, or it isn't yours: the two are never told apart.",
    409: "Someone else has it; the detail says who.",
    412: "Someone changed it since the version in `If-Match`.",
    413: "The body is too large.",
    422: "A field can't be accepted; `errors` names it.",
    429: "Too many attempts.",
    503: "The database can't be reached.",
}


class ProblemSchema(Schema):
    """RFC 9457."""

    class Meta:
        title = "Problem"

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    instance = fields.String(required=True)
    request_id = fields.String(required=True, metadata={"description": "Quote it when asking."})
    errors = fields.Dict(
        keys=fields.String(), metadata={"description": "What is wrong with which field."}
    )


class StrictParser(FlaskParser):
    """Refuses unknown fields in a query as in a body, and bodies that only look like JSON."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"query": RAISE, "json": RAISE, "path": RAISE}  # noqa: RUF012

    def _raw_load_json(self, req: Request) -> Any:
        try:
            return super()._raw_load_json(req)
        except (RecursionError, ValueError) as error:
            # Nested too deep, or a number of ten thousand digits.
            self._refuse(error)

    def _handle_invalid_json_error(
        self, error: Exception, req: Request, *args: Any, **kwargs: Any
    ) -> NoReturn:
        self._refuse(error)

    def _refuse(self, error: Exception) -> NoReturn:
        raise BadRequest("The body isn't valid JSON.") from error


class Resource(Blueprint):  # type: ignore[misc]
    """A blueprint under /api/v1 with our parser."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, name: str, description: str, *, prefix: str | None = None) -> None:
        super().__init__(
            f"api_{name}",
            f"dcim.api.v1.{name}",
            url_prefix=f"{PREFIX}/{prefix or name}",
            description=description,
        )


class JifangApi(Api):  # type: ignore[misc]
    """flask-smorest without its error handler: `dcim.http.problems` tells every error.

    The description of some hundred operations takes longer to write than all the rest of the
    application takes to start, and few processes are ever asked for it: it is written when it is.
    """

    ERROR_SCHEMA = ProblemSchema

    def __init__(self, *args: Any, **options: Any) -> None:
        self._undescribed: list[Resource] = []
        self._describing = Lock()
        super().__init__(*args, **options)

    def register_blueprint(self, resource: Resource) -> None:
        self._app.extensions["flask-smorest"]["blp_name_to_api"][resource.name] = self
        self._app.register_blueprint(resource)
        self._undescribed.append(resource)

    def describe(self) -> dict[str, Any]:
        """The OpenAPI description of every resource, as a dict."""
        with self._describing:
            if self._undescribed:
                for resource in self._undescribed:
                    resource.register_views_in_doc(
                        self, self._app, self.spec, name=resource.name, parameters=None
                    )
                    self.spec.tag({"name": resource.name, "description": resource.description})
                self._undescribed.clear()
                _document_errors(self)
            description: dict[str, Any] = self.spec.to_dict()
            return description

    def _register_error_handlers(self) -> None:
        pass

    def _register_responses(self) -> None:
        names = {"UNPROCESSABLE_ENTITY": 422, "UNPROCESSABLE_CONTENT": 422}
        responses = {name: STATUSES[status] for name, status in names.items()}
        responses["DEFAULT_ERROR"] = "Any error, as problem JSON."
        for name, description in responses.items():
            response = {"description": description, "schema": ProblemSchema}
            prepare_response(response, self.spec, PROBLEM_TYPE)
            self.spec.components.response(name, response, lazy=True)


def init_api(app: Flask) -> JifangApi:
    """Register every resource and the pages that describe them."""
    # Here, so that dcim.policy can be imported without the resources.
    from dcim.api.docs import docs
    from dcim.api.v1.resources import RESOURCES

    app.config.update(
        API_TITLE="Jifang", API_VERSION="1", OPENAPI_VERSION="3.1.0", OPENAPI_URL_PREFIX=None
    )
    api = JifangApi(
        app,
        spec_kwargs={
            "info": {
                "description": "What the meters read becomes what the customer is owed. Instants"
                " are ISO 8601 in UTC, money is a decimal in a string, lists come in pages."
                " Staff reach every tenant, a customer's token its own things alone. A POST with an"
                " `Idempotency-Key` is done once: sent again within a day, it gets the same answer."
            },
            "security": [{"bearer": []}],
            "servers": [{"url": "/"}],
        },
    )
    api.register_field(Amount, "string", "decimal")
    api.register_field(Instant, "string", "date-time")
    api.spec.components.security_scheme(
        "bearer",
        {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token: `jf_` and 43 characters, made under /api/v1/me/tokens.",
        },
    )
    for resource in RESOURCES:
        api.register_blueprint(resource)
    app.register_blueprint(docs)
    app.extensions["jifang_api"] = api
    return api


def _document_errors(api: JifangApi) -> None:
    """Every operation names the errors that every operation can have."""
    content = {PROBLEM_TYPE: {"schema": api.ma_plugin.resolver.resolve_schema_dict(ProblemSchema)}}
    for path in api.spec._paths.values():
        for operation in path.values():
            if not isinstance(operation, dict):
                continue
            for status, description in STATUSES.items():
                operation["responses"].setdefault(
                    str(status), {"description": description, "content": content}
                )
