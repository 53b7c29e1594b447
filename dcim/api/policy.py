"""Who may call which operation of the API."""

from dcim.accounts.roles import Right
from dcim.http.policy import SIGNED_IN, Access, needs

SPACE = needs(Right.SEE_SPACE, Right.OWN_THINGS)
POWER = needs(Right.SEE_POWER, Right.OWN_THINGS)
NETWORK = needs(Right.SEE_NETWORK, Right.OWN_THINGS)
CUSTOMERS = needs(Right.SEE_CUSTOMERS, Right.OWN_THINGS)
STATEMENTS = needs(Right.SEE_STATEMENTS, Right.OWN_STATEMENTS)

API_POLICY: dict[str, Access] = {
    "api_docs.openapi": SIGNED_IN,
    "api_docs.page": SIGNED_IN,
    "api_me.show_me": SIGNED_IN,
    "api_me.list_tokens": SIGNED_IN,
    "api_me.create_token": SIGNED_IN,
    "api_me.delete_token": SIGNED_IN,
    "api_sites.list_sites": SPACE,
    "api_rooms.list_rooms": SPACE,
    "api_rooms.show_room": SPACE,
    "api_cabinets.list_cabinets": SPACE,
    "api_cabinets.show_cabinet": SPACE,
    "api_cabinets.list_allocations": SPACE,
    "api_capacity.search": needs(Right.SEE_SPACE),
    "api_device_types.list_device_types": SPACE,
    "api_devices.list_devices": SPACE,
    "api_devices.show_device": SPACE,
    "api_devices.create_device": needs(Right.CHANGE_DEVICES),
    "api_devices.install_device": needs(Right.CHANGE_SPACE),
    "api_devices.remove_device": needs(Right.CHANGE_SPACE),
    "api_power_nodes.list_power_nodes": POWER,
    "api_power_nodes.show_power_node": POWER,
    "api_ports.list_ports": NETWORK,
    "api_ports.show_port": NETWORK,
    "api_services.list_services": NETWORK,
    "api_series.list_series": NETWORK,
    "api_series.list_samples": NETWORK,
    "api_snmp_agents.list_agents": needs(Right.SEE_NETWORK),
    "api_snmp_agents.show_agent": needs(Right.SEE_NETWORK),
    "api_snmp_agents.create_agent": needs(Right.CHANGE_DEVICES),
    "api_snmp_credentials.list_credentials": needs(Right.CHANGE_DEVICES, Right.MANAGE_CREDENTIALS),
    "api_snmp_credentials.create_credential": needs(Right.MANAGE_CREDENTIALS),
    "api_customers.list_customers": CUSTOMERS,
    "api_customers.show_customer": CUSTOMERS,
    "api_customers.list_contacts": CUSTOMERS,
    "api_contracts.list_contracts": CUSTOMERS,
    "api_contracts.show_contract": CUSTOMERS,
    "api_contract_items.list_items": CUSTOMERS,
    "api_incidents.list_incidents": NETWORK,
    "api_incidents.show_incident": NETWORK,
    "api_maintenance.list_maintenance": NETWORK,
    "api_maintenance.show_maintenance": NETWORK,
    "api_statements.list_statements": STATEMENTS,
    "api_statements.show_statement": STATEMENTS,
    "api_statements.show_document": STATEMENTS,
    "api_statements.download_pdf": STATEMENTS,
    "api_ledger.list_ledger": STATEMENTS,
}
