"""Where the operator is told of events. Secrets go in and never come out."""

from collections.abc import Collection
from typing import Any

from flask import current_app
from marshmallow import Schema, fields

from dcim.api.fields import Flag, PageQuery, Text, choice, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.http.database import current_scope, db_session
from dcim.outbox.endpoint_queries import EndpointRow, find_endpoint, list_endpoints
from dcim.outbox.endpoints import (
    EndpointValues,
    change_endpoint,
    create_endpoint,
    delete_endpoint,
)
from dcim.outbox.events import SUBSCRIBED
from dcim.outbox.models import ROBOTS
from dcim.outbox.queries import DeliveryRow, find_delivery
from dcim.outbox.telling import queue_test

KEPT = {"description": "Left out, it stays as it is."}


class NewWebhook(Schema):
    name = Text(required=True)
    url = Text(high=2000, required=True)
    secret = Text(
        low=16, required=True, load_only=True, metadata={"description": "Signs what is sent."}
    )
    events = fields.List(choice(SUBSCRIBED), required=True)
    enabled = Flag(load_default=True)


class ChangedWebhook(NewWebhook):
    secret = Text(low=16, allow_none=True, load_default=None, load_only=True, metadata=KEPT)


class NewRobot(Schema):
    name = Text(required=True)
    kind = choice(ROBOTS, required=True)
    url = Text(
        high=2000,
        required=True,
        load_only=True,
        metadata={"description": "The robot's whole URL, which is a secret: sealed, not answered."},
    )
    secret = Text(
        low=16,
        allow_none=True,
        load_default=None,
        load_only=True,
        metadata={"description": "Where the robot wants a signature (DingTalk, Feishu)."},
    )
    language = choice(("zh", "en"), load_default="zh")
    events = fields.List(choice(SUBSCRIBED), required=True)
    enabled = Flag(load_default=True)


class ChangedRobot(Schema):
    name = Text(required=True)
    url = Text(
        high=2000,
        allow_none=True,
        load_default=None,
        load_only=True,
        metadata={
            "description": "Left out, it stays. A new one is another robot: the secret goes."
        },
    )
    secret = Text(low=16, allow_none=True, load_default=None, load_only=True, metadata=KEPT)
    language = choice(("zh", "en"), load_default="zh")
    events = fields.List(choice(SUBSCRIBED), required=True)
    enabled = Flag(load_default=True)


class SyslogServer(Schema):
    name = Text(required=True)
    url = Text(
        high=2000,
        required=True,
        metadata={"description": "udp://HOST[:514], tcp://HOST[:601] or tls://HOST[:6514]."},
    )
    language = choice(("zh", "en"), load_default="zh")
    events = fields.List(choice(SUBSCRIBED), required=True)
    enabled = Flag(load_default=True)


def make_endpoints(
    name: str,
    description: str,
    kinds: Collection[str],
    new: type[Schema],
    changed: type[Schema],
) -> Resource:
    """The operations on endpoints of these kinds; `new` has a `kind` where there are several."""
    resource = Resource(name, description, prefix=name.replace("_", "-"))
    answer = answer_of(EndpointRow)

    @resource.get("")
    @resource.arguments(PageQuery, location="query")
    @resource.response(200, page_of(EndpointRow))
    def list_all(query: dict[str, Any]) -> Any:
        """List them by name, each with what became of the last message; never a secret."""
        return list_endpoints(db_session(), take_paging(query), kinds=kinds)

    @resource.post("")
    @resource.arguments(new)
    @resource.response(201, answer)
    def create(body: dict[str, Any]) -> Any:
        """Have it told of events; what is secret is sealed at once."""
        session = db_session()
        kind = body.pop("kind", None) or next(iter(kinds))
        made = create_endpoint(
            session, current_scope(), current_app.config["JIFANG"], EndpointValues(**body), kind
        )
        return find_endpoint(session, made)

    @resource.get("/<int:endpoint_id>")
    @resource.response(200, answer)
    def show(endpoint_id: int) -> Any:
        """Show one, with what became of the last message to it."""
        return find_endpoint(db_session(), endpoint_id, kinds)

    @resource.put("/<int:endpoint_id>")
    @resource.arguments(changed)
    @resource.response(200, answer)
    def change(body: dict[str, Any], endpoint_id: int) -> Any:
        """Change one as a whole; switched off, it is told nothing."""
        session = db_session()
        change_endpoint(
            session,
            current_scope(),
            current_app.config["JIFANG"],
            endpoint_id,
            EndpointValues(**body),
            kinds,
        )
        return find_endpoint(session, endpoint_id, kinds)

    @resource.delete("/<int:endpoint_id>")
    @resource.response(204)
    def delete(endpoint_id: int) -> Any:
        """Delete one and forget its secrets; what was sent to it stays among the deliveries."""
        delete_endpoint(db_session(), current_scope(), endpoint_id, kinds)
        return ""

    @resource.post("/<int:endpoint_id>/test")
    @resource.response(201, answer_of(DeliveryRow))
    def test(endpoint_id: int) -> Any:
        """Send it a test, the way every event goes; the answer is the delivery to ask after."""
        session, scope = db_session(), current_scope()
        return find_delivery(session, scope, queue_test(session, scope, endpoint_id, kinds))

    return resource


webhooks = make_endpoints("webhooks", "Webhooks", ("webhook",), NewWebhook, ChangedWebhook)
robots = make_endpoints(
    "robots", "Robots in groups of DingTalk, WeCom and Feishu", ROBOTS, NewRobot, ChangedRobot
)
syslog_servers = make_endpoints(
    "syslog_servers", "Syslog servers", ("syslog",), SyslogServer, SyslogServer
)
