"""What devices say that the inventory doesn't, and deciding on it."""

from typing import Any

from flask import current_app
from marshmallow import Schema, fields, validate

from dcim.api.fields import PageQuery, Text, Whole, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.errors import InvalidError, NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.inventory.models import Device
from dcim.jobs import defer_check
from dcim.kinds import KINDS
from dcim.network.cables import MEDIA
from dcim.snmp.agents import queries
from dcim.snmp.agents.registration import find_credential
from dcim.snmp.discovery import findings
from dcim.snmp.discovery.introducing import introduce_agent
from dcim.snmp.discovery.proposals import KINDS as FINDING_KINDS

discovery = Resource("discovery", "Discovery: devices against the inventory")


class FindingQuery(PageQuery):
    device_id = query_id()
    agent_id = query_id()
    kind = choice(FINDING_KINDS)
    subject = choice(findings.SUBJECTS)
    decision = choice(findings.DECISIONS, load_default="open")


class Chosen(Schema):
    ids = fields.List(
        Whole(),
        required=True,
        validate=validate.Length(1, findings.MOST_AT_ONCE),
        metadata={"description": "Of findings; all of them are decided on, or none."},
    )


class Accepted(Chosen):
    media = choice(
        MEDIA,
        load_default="smf",
        metadata={"description": "What links are laid with where their ports don't say."},
    )


class Decided(Schema):
    decided = fields.Integer(
        required=True,
        metadata={"description": "With what the other ends say of the same links."},
    )


class Deferred(Schema):
    deferred = fields.Boolean(
        required=True, metadata={"description": "False: a check of it waits already."}
    )


class Newcomer(Schema):
    address = Text(high=64, required=True, metadata={"description": "An IP address, no name."})
    udp_port = Whole(1, 65535, load_default=161)
    credential = Text(required=True, metadata={"description": "The saved credential's name."})
    device_id = Whole(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "Null: the device with its serial number or sysName, else a new one."
        },
    )
    role = Text(high=64, load_default="switch", metadata={"description": "Of a new device."})


@discovery.get("/findings")
@discovery.arguments(FindingQuery, location="query")
@discovery.response(200, page_of(findings.FindingRow))
def list_findings(query: dict[str, Any]) -> Any:
    """List the differences by device; of a link that both ends see, one."""
    paging = take_paging(query)
    return findings.list_findings(db_session(), findings.FindingFilter(**query), paging)


@discovery.post("/acceptances")
@discovery.arguments(Accepted)
@discovery.response(200, Decided)
def accept(body: dict[str, Any]) -> Any:
    """Make the inventory say what the devices say; 409 when it has changed since, and then nothing
    is done."""
    done = findings.accept_findings(
        db_session(), current_scope(), body["ids"], media=body["media"], kinds=KINDS
    )
    return {"decided": done}


@discovery.post("/dismissals")
@discovery.arguments(Chosen)
@discovery.response(200, Decided)
def dismiss(body: dict[str, Any]) -> Any:
    """Leave the inventory as it is; these come back only when what the device says changes."""
    return {"decided": findings.dismiss_findings(db_session(), current_scope(), body["ids"])}


@discovery.post("/agents/<int:agent_id>/checks")
@discovery.response(202, Deferred)
def check(agent_id: int) -> Any:
    """Have a polled device compared with the inventory now; a worker does it."""
    session = db_session()
    found = queries.find_agent(session, agent_id)
    return {"deferred": defer_check(session, found.id)}


@discovery.post("/agents")
@discovery.arguments(Newcomer)
@discovery.response(201, answer_of(queries.AgentRow))
def introduce(body: dict[str, Any]) -> Any:
    """Ask the device at an address who it is, poll it, and have it compared with the inventory.

    422 when it doesn't answer, and then nothing is saved."""
    session = db_session()
    device = None
    if body["device_id"] is not None:
        device = session.get(Device, body["device_id"])
        if device is None:
            raise InvalidError("There is no such device.", {"device_id": ["unknown"]})
    try:
        credential = find_credential(session, body["credential"])
    except NotFoundError as error:
        words = "No credential is called %(name)s."
        raise InvalidError(words, {"credential": ["unknown"]}, **error.places) from error
    found = introduce_agent(
        session,
        current_scope(),
        current_app.config["JIFANG"],
        address=body["address"],
        udp_port=body["udp_port"],
        credential=credential,
        device=device,
        role=body["role"],
    )
    defer_check(session, found.agent.id)
    return queries.find_agent(session, found.agent.id)
