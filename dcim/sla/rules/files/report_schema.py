"""The JSON Schema of an evaluation's report: every word is always there, nothing else is."""

from typing import Any

from dcim.sla.rules.files.report import EXIT_CODES, FORMAT

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
MONEY: Schema = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
SHARE: Schema = {"type": ["string", "null"], "pattern": r"^[0-9]+(\.[0-9]+)?$"}
INSTANT: Schema = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?Z$",
}
SPAN: Schema = {"type": "array", "items": INSTANT, "minItems": 2, "maxItems": 2}


def _object(**words: Schema) -> Schema:
    return {
        "type": "object",
        "properties": words,
        "required": list(words),
        "additionalProperties": False,
    }


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


BOTH = _object(zh=TEXT, en=TEXT)
STEP = _object(key=TEXT, label=BOTH, formula=BOTH, result=BOTH)
NAME: Schema = {"type": ["string", "null"]}
CAP = _object(key=TEXT, item=NAME, amount=MONEY, text=BOTH)
RESULT = {"enum": list(EXIT_CODES)}
_OUTCOME: dict[str, Schema] = {
    "missed": {"type": ["boolean", "null"]},
    "downtime_ms": COUNT,
    "denominator_ms": COUNT,
    "availability_pct": SHARE,
}


def report_schema() -> Schema:
    """Of what `report_evaluation` makes."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{FORMAT}",
        **_object(
            format={"const": FORMAT},
            rules_version=TEXT,
            terms=_object(
                name=TEXT,
                version=TEXT,
                title=BOTH,
                sha256=TEXT,
                currency=TEXT,
                time_zone=TEXT,
                changes=_list(
                    _object(**{"from": NAME}, name=TEXT, version=TEXT, title=BOTH, sha256=TEXT)
                ),
            ),
            facts=_object(sha256=TEXT, tables=_list(_object(name=TEXT, sha256=TEXT))),
            period=_object(
                label=TEXT, start=INSTANT, end=INSTANT, judged_to=INSTANT, provisional=FLAG
            ),
            warnings=_object(
                terms=_list(BOTH), facts=_list(_object(place=TEXT, line=COUNT, message=TEXT))
            ),
            verdict=RESULT,
            exit_code={"enum": sorted(set(EXIT_CODES.values()))},
            results=_list(_result()),
            caps=_list(CAP),
            held_caps=_list(CAP),
            credits=_object(
                before_caps=MONEY,
                taken_by_caps=MONEY,
                total=MONEY,
                claimable=MONEY,
                vouchers=MONEY,
                carried=_or_null(MONEY),
                awaiting_review=_list(TEXT),
            ),
            extensions=_list(_object(item=TEXT, amount=MONEY, days=MONEY)),
            tax=_list(_object(key=TEXT, net=MONEY, tax=MONEY, gross=MONEY)),
            rights=_list(
                _object(
                    result=TEXT,
                    known=FLAG,
                    reached=FLAG,
                    value=TEXT,
                    text=BOTH,
                    notice_ms={"type": ["integer", "null"]},
                    exercise_until=_or_null(INSTANT),
                    lapsed=FLAG,
                )
            ),
            usage=_list(
                _object(
                    usage=TEXT,
                    pool=NAME,
                    items=_list(TEXT),
                    title=BOTH,
                    clause=TEXT,
                    method=TEXT,
                    mode={"type": ["string", "null"]},
                    intervals=_or_null(_object(expected=COUNT, present=COUNT)),
                    committed_amount=_or_null(MONEY),
                    amount=_or_null(MONEY),
                    lines=_list(_line()),
                    missing=_list(BOTH),
                    notes=_list(BOTH),
                    steps=_list(STEP),
                )
            ),
            usage_total=_or_null(MONEY),
        ),
    }


def _line() -> Schema:
    return _object(
        key=TEXT,
        item=NAME,
        text=BOTH,
        quantity=_or_null(MONEY),
        unit=TEXT,
        unit_price=_or_null(MONEY),
        factor={"type": "string", "pattern": "^[0-9]+(/[0-9]+)?$"},
        amount=_or_null(MONEY),
        note=_or_null(BOTH),
    )


def _settlement() -> Schema:
    return _object(
        kind={"enum": ["credit", "voucher", "extension"]},
        on={"enum": ["this_invoice", "next_invoice"]},
        state={"enum": ["given", "claimable", "late", "not_claimed"]},
        amount=MONEY,
        claimable=MONEY,
        until=_or_null(INSTANT),
        claimed_at=_or_null(INSTANT),
        expires_at=_or_null(INSTANT),
        text=BOTH,
    )


def _result() -> Schema:
    return _object(
        id=TEXT,
        metric=TEXT,
        item=TEXT,
        title=BOTH,
        clause=TEXT,
        result=RESULT,
        resources=_list(TEXT),
        service=SPAN,
        **_OUTCOME,
        excluded_ms=COUNT,
        unknown_ms=COUNT,
        coverage_pct=SHARE,
        judged_by_figure=FLAG,
        figure={"type": ["string", "null"]},
        best=_object(**_OUTCOME),
        worst=_object(**_OUTCOME),
        events=_list(_object(start=INSTANT, end=INSTANT, parts=_list(SPAN), counted_ms=COUNT)),
        trace=_object(
            up_ms=COUNT,
            lines=_list(
                _object(
                    **{"class": TEXT},
                    start=INSTANT,
                    end=INSTANT,
                    length_ms=COUNT,
                    resource=TEXT,
                    reason=BOTH,
                )
            ),
        ),
        exclusions=_list(
            _object(
                **{"class": TEXT},
                window=TEXT,
                start=INSTANT,
                end=INSTANT,
                valid=FLAG,
                parts=_list(SPAN),
                reason=BOTH,
            )
        ),
        credit=_object(
            amount=MONEY,
            pct=MONEY,
            base=MONEY,
            capped=FLAG,
            row=_or_null(BOTH),
            steps=_list(STEP),
            at_least=MONEY,
            at_most=MONEY,
        ),
        settlement=_or_null(_settlement()),
        notes=_list(BOTH),
    )
