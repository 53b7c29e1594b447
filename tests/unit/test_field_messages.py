"""What marshmallow says about a field, said in Chinese."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask_babel import Babel
from marshmallow import Schema, ValidationError, fields, validate

from dcim.api.fields import choice
from dcim.commands.translations import FOLDER
from dcim.http.field_messages import say_field_messages


class Everything(Schema):
    """One field for each sentence a schema of ours can bring up."""

    needed = fields.String(required=True)
    text = fields.String()
    count = fields.Integer(validate=validate.Range(1, 10))
    above = fields.Integer(validate=validate.Range(min=1))
    below = fields.Integer(validate=validate.Range(max=1))
    short = fields.String(validate=validate.Length(min=1, max=2))
    longer = fields.String(validate=validate.Length(min=5))
    least = fields.String(validate=validate.Length(max=1))
    number = fields.Decimal()
    whole = fields.Integer()
    flag = fields.Boolean()
    day = fields.Date()
    moment = fields.DateTime()
    kind = fields.String(validate=validate.OneOf(["a", "b"]))
    meant = choice({"整柜": "整柜", "两个半柜": "两个半柜"})
    form = fields.String(validate=validate.Regexp("x"))
    several = fields.List(fields.Integer())


WRONG = {
    "text": 1, "count": 11, "above": 0, "below": 2, "short": "abc", "longer": "a", "least": "ab",
    "number": "x", "whole": "x", "flag": "x", "day": "x", "moment": "x", "kind": "c",
    "meant": "两个办柜", "form": "y",
    "several": ["x"], "extra": 1,
}  # fmt: skip


@pytest.fixture
def said() -> Iterator[dict[str, object]]:
    app = Flask("words")
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(FOLDER)
    Babel(app, locale_selector=lambda: "zh_Hans_CN")
    with pytest.raises(ValidationError) as caught:
        Everything().load(WRONG)
    with app.test_request_context():
        yield {"before": caught.value.messages, "after": say_field_messages(caught.value.messages)}


def test_every_sentence_is_chinese(said: dict[str, object]) -> None:
    after = said["after"]
    assert isinstance(after, dict)
    assert set(after) == {*Everything().fields, "extra"}
    for field, messages in after.items():
        for message in messages.values() if isinstance(messages, dict) else [messages]:
            assert not re.search(
                r"[A-Za-z]{3}", str(message).replace("true", "").replace("false", "")
            )
            assert re.search(r"[\u4e00-\u9fff]", str(message)), (field, message)
    assert after["count"] == ["须在 1 至 10 之间。"]


def test_without_it_the_sentences_are_english(said: dict[str, object]) -> None:
    """The control: marshmallow itself speaks English."""
    assert isinstance(said["before"], dict)
    assert said["before"]["needed"] == ["Missing data for required field."]


def test_unknown_sentences_pass() -> None:
    assert say_field_messages({"a": ["Something new.", 3]}) == {"a": ["Something new.", 3]}
