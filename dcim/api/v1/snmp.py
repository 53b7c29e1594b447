"""SNMP agents and credentials. A credential's secrets go in and never come out."""

from typing import Any

from flask import current_app
from marshmallow import Schema

from dcim.api.fields import Flag, PageQuery, Text, Whole, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.columns import utc_now
from dcim.errors import InvalidError
from dcim.http.database import current_scope, db_session, session_factory
from dcim.inventory.models import Device
from dcim.snmp.agents import queries, registration
from dcim.snmp.agents.models import SnmpCredential
from dcim.snmp.health import connection, report

agents = Resource("snmp_agents", "SNMP agents", prefix="snmp-agents")
credentials = Resource("snmp_credentials", "SNMP credentials", prefix="snmp-credentials")

AUTH = ("none", "MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512")
PRIV = (
    "none", "DES", "3DES", "AES-128", "AES-192", "AES-256",
    "AES-192-BLUMENTHAL", "AES-256-BLUMENTHAL",
)  # fmt: skip


class AgentQuery(PageQuery):
    device_id = query_id()
    silent = Flag(metadata={"description": "Whether the last poll went unanswered."})


class NewAgent(Schema):
    device_id = Whole(required=True)
    credential_id = Whole(required=True)
    address = Text(high=64, required=True, metadata={"description": "An IP address, no name."})
    udp_port = Whole(1, 65535, load_default=161)


class NewCredential(Schema):
    """`community` for versions 1 and 2c, the user and its pass phrases for version 3."""

    name = Text(required=True)
    version = choice(("1", "2c", "3"), required=True)
    community = Text(low=1, load_default=None, load_only=True)
    username = Text(high=64, load_default=None)
    auth_protocol = choice(AUTH, load_default="none")
    auth_password = Text(low=0, load_default="", load_only=True)
    priv_protocol = choice(PRIV, load_default="none")
    priv_password = Text(low=0, load_default="", load_only=True)
    context = Text(low=0, high=64, load_default="")


@agents.get("")
@agents.arguments(AgentQuery, location="query")
@agents.response(200, page_of(queries.AgentRow))
def list_agents(query: dict[str, Any]) -> Any:
    """List the polled agents and how their last poll went."""
    return queries.list_agents(db_session(), take_paging(query), **query)


@agents.get("/<int:agent_id>")
@agents.response(200, answer_of(queries.AgentRow))
def show_agent(agent_id: int) -> Any:
    """Show one agent."""
    return queries.find_agent(db_session(), agent_id)


@agents.get("/<int:agent_id>/health")
@agents.response(200, answer_of(report.AgentHealth))
def show_health(agent_id: int) -> Any:
    """Show how polling an agent goes: its state, what was dropped by reason (days are UTC), and of
    the last 24 hours each port and gauge with its gaps."""
    settings = current_app.config["JIFANG"]
    return report.find_health(db_session(), settings, utc_now(), agent_id=agent_id)


@agents.post("/<int:agent_id>/connection-tests")
@agents.response(200, answer_of(connection.ConnectionCheck))
def test_connection(agent_id: int) -> Any:
    """Ask a saved agent now, for 15 seconds at most; 403 when its address lies outside the allowed
    management networks, 409 while it is being asked already, 429 while too many others are."""
    # Not held while the network is waited for.
    db_session().commit()
    return connection.check_connection(
        current_app.config["JIFANG"], session_factory(), current_scope(), agent_id
    )


@agents.post("")
@agents.arguments(NewAgent)
@agents.response(201, answer_of(queries.AgentRow))
def create_agent(body: dict[str, Any]) -> Any:
    """Poll a device from the next minute on; only inside the allowed management networks."""
    session = db_session()
    device = session.get(Device, body["device_id"])
    if device is None:
        raise InvalidError("There is no such device.", {"device_id": ["unknown"]})
    credential = session.get(SnmpCredential, body["credential_id"])
    if credential is None:
        raise InvalidError("There is no such credential.", {"credential_id": ["unknown"]})
    agent = registration.register_agent(
        session,
        current_scope(),
        current_app.config["JIFANG"],
        device=device,
        credential=credential,
        address=body["address"],
        udp_port=body["udp_port"],
    )
    return queries.find_agent(session, agent.id)


@credentials.get("")
@credentials.arguments(PageQuery, location="query")
@credentials.response(200, page_of(queries.CredentialRow))
def list_credentials(query: dict[str, Any]) -> Any:
    """List the credentials by name; what they hold is never answered."""
    return queries.list_credentials(db_session(), take_paging(query))


@credentials.post("")
@credentials.arguments(NewCredential)
@credentials.response(201, answer_of(queries.CredentialRow))
def create_credential(body: dict[str, Any]) -> Any:
    """Keep a community or a USM user; the secrets are sealed at once."""
    session = db_session()
    secrets = registration.UsmSecrets(body.pop("auth_password"), body.pop("priv_password"))
    credential = registration.store_credential(
        session,
        current_scope(),
        current_app.config["JIFANG"].encryption,
        secrets=secrets,
        **body,
    )
    return queries.find_credential(session, credential.id)
