"""The API's description: as OpenAPI for programs, as a page of our own for people."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, render_template

docs = Blueprint("api_docs", __name__, url_prefix="/api/v1")


@dataclass(frozen=True, slots=True)
class Operation:
    """One call, made ready for the page. Parameters and fields are (name, kind, required, text)."""

    method: str
    path: str
    summary: str
    parameters: list[tuple[str, str, bool, str]]
    fields: list[tuple[str, str, bool, str]]
    answers: list[tuple[str, str]]


@docs.get("/openapi.json")
def openapi() -> Response:
    return jsonify(read_spec())


@docs.get("/docs")
def page() -> str:
    spec = read_spec()
    return render_template(
        "api/docs.html", spec=spec, groups=group_operations(spec), schemas=list_schemas(spec)
    )


def read_spec() -> dict[str, Any]:
    spec: dict[str, Any] = current_app.extensions["jifang_api"].describe()
    return spec


def group_operations(spec: dict[str, Any]) -> list[tuple[str, str, list[Operation]]]:
    """(anchor, title, operations) of each resource, in the order they were registered."""
    found: dict[str, list[Operation]] = {tag["name"]: [] for tag in spec.get("tags", [])}
    for path, operations in spec["paths"].items():
        shared = operations.get("parameters", [])
        for method, operation in operations.items():
            if method == "parameters":
                continue
            found[operation["tags"][0]].append(_describe(spec, path, method, operation, shared))
    titles = {tag["name"]: tag["description"] for tag in spec.get("tags", [])}
    return [(name, titles[name], operations) for name, operations in found.items()]


def list_schemas(spec: dict[str, Any]) -> list[tuple[str, list[tuple[str, str, bool, str]]]]:
    return [
        (name, _fields(spec, schema))
        for name, schema in sorted(spec["components"].get("schemas", {}).items())
    ]


def _describe(
    spec: dict[str, Any], path: str, method: str, operation: dict[str, Any], shared: list[Any]
) -> Operation:
    parameters = [*shared, *operation.get("parameters", [])]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return Operation(
        method.upper(),
        path,
        operation.get("summary", ""),
        [
            (
                one["name"],
                _kind(one.get("schema", {})),
                bool(one.get("required")),
                one.get("description", ""),
            )
            for one in parameters
        ],
        _fields(spec, body.get("schema", {})),
        [
            (status, answer.get("description") or _answer(answer))
            for status, answer in operation["responses"].items()
            if status.startswith("2")
        ],
    )


def _answer(answer: dict[str, Any]) -> str:
    for kind, content in answer.get("content", {}).items():
        return _kind(content.get("schema", {})) if kind == "application/json" else str(kind)
    return ""


def _fields(spec: dict[str, Any], schema: dict[str, Any]) -> list[tuple[str, str, bool, str]]:
    if "$ref" in schema:
        schema = spec["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    required = set(schema.get("required", ()))
    return [
        (name, _kind(one), name in required, one.get("description", ""))
        for name, one in schema.get("properties", {}).items()
    ]


def _kind(schema: dict[str, Any]) -> str:
    """A schema's type in a word or two: "string date-time", "list of Rack", "left | right"."""
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[1])
    if "enum" in schema:
        return " | ".join(str(word) for word in schema["enum"] if word is not None)
    if "items" in schema:
        return f"list of {_kind(schema['items'])}"
    kind = schema.get("type", "any")
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{words} {schema.get('format', '')}".strip()
