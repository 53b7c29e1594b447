"""Who may call which operation of the API."""

from dcim.accounts.roles import Right
from dcim.api.record_resources import list_policy
from dcim.http.policy import SIGNED_IN, Access, needs
from dcim.kinds import KINDS

SPACE = needs(Right.SEE_SPACE, Right.OWN_THINGS)
POWER = needs(Right.SEE_POWER, Right.OWN_THINGS)
NETWORK = needs(Right.SEE_NETWORK, Right.OWN_THINGS)
CUSTOMERS = needs(Right.SEE_CUSTOMERS, Right.OWN_THINGS)
# The operator's forecast of its own: a customer has its error budgets.
RISKS = needs(Right.SEE_NETWORK, Right.SEE_STATEMENTS)
TICKETS = needs(Right.WORK_TICKETS, Right.OWN_THINGS)
PLANNING = needs(Right.PLAN_MAINTENANCE)
STATEMENTS = needs(Right.SEE_STATEMENTS, Right.OWN_STATEMENTS)
INCIDENTS = needs(Right.SEE_NETWORK, Right.SEE_STATEMENTS, Right.OWN_THINGS)
RULINGS = needs(Right.SEE_NETWORK, Right.SEE_STATEMENTS, Right.OWN_STATEMENTS)

API_POLICY: dict[str, Access] = {
    "api_docs.openapi": SIGNED_IN,
    "api_docs.page": SIGNED_IN,
    # By each part's own right; a token for readings alone opens it.
    "api_metrics.show_metrics": needs(
        Right.SEE_NETWORK, Right.SEE_POWER, Right.OWN_THINGS, readings=True
    ),
    "api_me.show_me": SIGNED_IN,
    "api_me.list_tokens": SIGNED_IN,
    "api_me.create_token": SIGNED_IN,
    "api_me.delete_token": SIGNED_IN,
    "api_cabinets.show_racks": SPACE,
    "api_cabinets.list_allocations": SPACE,
    "api_cabinets.split_cabinet": needs(Right.CHANGE_SPACE),
    "api_racks.show_units": needs(Right.SEE_SPACE),
    "api_allocating.create_allocation": needs(Right.CHANGE_SPACE),
    "api_allocating.end_allocation": needs(Right.CHANGE_SPACE),
    "api_allocating.cancel_allocation": needs(Right.CHANGE_SPACE),
    "api_area_claims.create_area_claim": needs(Right.CHANGE_SPACE),
    "api_area_claims.show_area_claim": needs(Right.SEE_SPACE),
    "api_area_claims.end_area_claim": needs(Right.CHANGE_SPACE),
    "api_area_claims.cancel_area_claim": needs(Right.CHANGE_SPACE),
    "api_holding.create_hold": needs(Right.CHANGE_SPACE),
    "api_holding.extend_hold": needs(Right.CHANGE_SPACE),
    "api_holding.convert_hold": needs(Right.CHANGE_SPACE),
    "api_holding.release_hold": needs(Right.CHANGE_SPACE),
    "api_moves.move_devices": needs(Right.CHANGE_SPACE),
    "api_capacity.search": needs(Right.SEE_SPACE),
    "api_devices.install_device": needs(Right.CHANGE_SPACE),
    "api_devices.remove_device": needs(Right.CHANGE_SPACE),
    "api_pass_deeds.show_pass_lines": SPACE,
    "api_pass_deeds.create_pass": needs(Right.CHANGE_DEVICES),
    "api_pass_deeds.decide_pass": needs(Right.CHANGE_DEVICES),
    "api_pass_deeds.check_pass": needs(Right.CHANGE_DEVICES),
    "api_device_life.change_state": needs(Right.CHANGE_DEVICES),
    "api_device_life.rent_device": needs(Right.CHANGE_DEVICES),
    "api_device_life.end_rental": needs(Right.CHANGE_DEVICES),
    "api_power_readings.list_readings": POWER,
    "api_power_readings.show_reading": POWER,
    "api_meters.end_meter_here": needs(Right.CHANGE_POWER),
    "api_meters.change_meter_here": needs(Right.CHANGE_POWER),
    "api_meter_readings.list_meter_readings": POWER,
    "api_meter_readings.show_meter_reading": POWER,
    "api_meter_readings.create_meter_reading": needs(Right.READ_METERS),
    "api_meter_readings.decide_meter_reading": needs(Right.CONFIRM_READINGS),
    "api_power_outages.simulate_outage": needs(Right.SEE_POWER),
    "api_plugging.connect": needs(Right.CHANGE_POWER),
    "api_plugging.disconnect": needs(Right.CHANGE_POWER),
    "api_ports.list_ports": NETWORK,
    "api_ports.show_port": NETWORK,
    "api_services.list_services": NETWORK,
    "api_series.list_series": NETWORK,
    "api_series.list_samples": NETWORK,
    "api_snmp_agents.list_agents": needs(Right.SEE_NETWORK),
    "api_snmp_agents.show_agent": needs(Right.SEE_NETWORK),
    "api_snmp_agents.show_health": needs(Right.SEE_NETWORK),
    "api_snmp_agents.test_connection": needs(Right.CHANGE_DEVICES),
    "api_snmp_agents.create_agent": needs(Right.CHANGE_DEVICES),
    "api_snmp_credentials.list_credentials": needs(Right.CHANGE_DEVICES, Right.MANAGE_CREDENTIALS),
    "api_snmp_credentials.create_credential": needs(Right.MANAGE_CREDENTIALS),
    "api_traps.list_traps": needs(Right.SEE_NETWORK),
    "api_traps.show_trap": needs(Right.SEE_NETWORK),
    "api_traps.list_unknown": needs(Right.SEE_NETWORK),
    "api_discovery.list_findings": needs(Right.SEE_NETWORK),
    "api_discovery.accept": needs(Right.CHANGE_DEVICES),
    "api_discovery.dismiss": needs(Right.CHANGE_DEVICES),
    "api_discovery.check": needs(Right.CHANGE_DEVICES),
    "api_discovery.introduce": needs(Right.CHANGE_DEVICES),
    "api_contracts.show_agreement": CUSTOMERS,
    "api_incidents.list_incidents": INCIDENTS,
    "api_incidents.show_incident": INCIDENTS,
    "api_incidents.create_incident": needs(Right.KEEP_INCIDENTS),
    "api_incidents.correct_incident": needs(Right.KEEP_INCIDENTS),
    "api_incident_contests.list_incident_contests": RULINGS,
    "api_incident_contests.show_contest": RULINGS,
    "api_incident_contests.create_contest": needs(Right.KEEP_INCIDENTS, Right.OWN_STATEMENTS),
    "api_incident_contests.refuse_incident_contest": needs(Right.KEEP_INCIDENTS),
    "api_incident_overrules.list_incident_overrules": RULINGS,
    "api_incident_overrules.show_overrule": RULINGS,
    "api_incident_overrules.create_overrule": needs(Right.KEEP_INCIDENTS),
    "api_incident_overrules.decide_incident_overrule": needs(Right.DECIDE_OVERRULES),
    "api_incident_overrules.withdraw_incident_overrule": needs(Right.KEEP_INCIDENTS),
    "api_incident_links.list_incident_links": needs(Right.SEE_NETWORK, Right.SEE_STATEMENTS),
    "api_incident_links.create_link": needs(Right.KEEP_INCIDENTS),
    "api_incident_links.undo_incident_link": needs(Right.KEEP_INCIDENTS),
    "api_maintenance.list_maintenance": NETWORK,
    "api_maintenance.show_maintenance": NETWORK,
    "api_maintenance.list_affected": needs(Right.SEE_NETWORK, Right.SEE_POWER),
    "api_maintenance.create_maintenance": PLANNING,
    "api_maintenance.edit_maintenance": PLANNING,
    "api_maintenance.approve": needs(Right.APPROVE_MAINTENANCE),
    "api_maintenance.begin": PLANNING,
    "api_maintenance.finish": PLANNING,
    "api_maintenance.cancel": PLANNING,
    "api_maintenance.create_notices": PLANNING,
    "api_maintenance.decide": needs(Right.OWN_APPROVALS),
    "api_statements.list_statements": STATEMENTS,
    "api_statements.show_statement": STATEMENTS,
    "api_statements.show_summary": STATEMENTS,
    "api_statements.show_document": STATEMENTS,
    "api_statements.show_lines": STATEMENTS,
    "api_statements.download_pdf": STATEMENTS,
    "api_statements.download_archive": STATEMENTS,
    "api_deliveries.list_deliveries": needs(Right.SEE_STATEMENTS),
    "api_deliveries.show_delivery": needs(Right.SEE_STATEMENTS),
    "api_deliveries.retry_delivery": needs(Right.ISSUE_STATEMENTS, Right.MANAGE_CREDENTIALS),
    "api_statements.download_samples": STATEMENTS,
    "api_statements.list_marked_copies": needs(Right.SEE_STATEMENTS),
    "api_statements.create_marked_copy": needs(Right.ISSUE_STATEMENTS),
    "api_statements.download_marked_copy": needs(Right.SEE_STATEMENTS),
    "api_ledger.list_ledger": STATEMENTS,
    "api_credit_claims.list_credit_claims": STATEMENTS,
    "api_credit_claims.show_credit_claim": STATEMENTS,
    "api_credit_claims.create_credit_claim": needs(
        Right.CHANGE_CONTRACTS, Right.ISSUE_STATEMENTS, Right.OWN_STATEMENTS
    ),
    "api_credit_claims.decide_credit_claim": needs(Right.ISSUE_STATEMENTS),
    "api_credits_at_risk.list_credits_at_risk": RISKS,
    "api_credits_at_risk.list_lines": RISKS,
    "api_credits_at_risk.list_reviews": RISKS,
    "api_review_decisions.list_review_decisions": RULINGS,
    "api_review_decisions.show_review_decision": RULINGS,
    "api_review_decisions.create_review_decision": needs(Right.KEEP_INCIDENTS),
    "api_review_decisions.decide_review_decision": needs(Right.DECIDE_OVERRULES),
    "api_review_decisions.withdraw_review_decision": needs(Right.KEEP_INCIDENTS),
    "api_statement_revisions.preview_statement_revision": needs(Right.ISSUE_STATEMENTS),
    "api_statement_revisions.list_statement_revisions": STATEMENTS,
    "api_statement_revisions.show_statement_revision": STATEMENTS,
    "api_statement_revisions.create_statement_revision": needs(Right.ISSUE_STATEMENTS),
    "api_statement_revisions.decide_statement_revision": needs(Right.DECIDE_OVERRULES),
    "api_statement_revisions.withdraw_statement_revision": needs(Right.ISSUE_STATEMENTS),
    "api_held_months.list_held_months": needs(Right.SEE_STATEMENTS),
    "api_held_months.show_held_month": needs(Right.SEE_STATEMENTS),
    "api_held_months.preview_held_month": needs(Right.ISSUE_STATEMENTS, Right.DECIDE_OVERRULES),
    "api_held_months.issue_held_month": needs(Right.ISSUE_STATEMENTS),
    "api_issue_proposals.list_proposals": needs(Right.SEE_STATEMENTS),
    "api_issue_proposals.show_proposal": needs(Right.SEE_STATEMENTS),
    "api_issue_proposals.create_proposal": needs(Right.ISSUE_STATEMENTS),
    "api_issue_proposals.decide_proposal": needs(Right.DECIDE_OVERRULES),
    "api_issue_proposals.withdraw_proposal": needs(Right.ISSUE_STATEMENTS),
    "api_tickets.list_all": CUSTOMERS,
    "api_tickets.show_ticket": CUSTOMERS,
    "api_tickets.create_ticket": TICKETS,
    "api_tickets.advance": TICKETS,
    "api_tickets.comment": TICKETS,
    "api_tickets.correct": needs(Right.WORK_TICKETS),
    "api_cross_connect_orders.list_cross_connects": NETWORK,
    "api_cross_connect_orders.show_cross_connect": NETWORK,
    "api_cross_connect_orders.create_cross_connect": needs(Right.CHANGE_NETWORK, Right.OWN_THINGS),
    "api_cross_connect_orders.choose_ports": needs(Right.CHANGE_NETWORK),
    "api_cross_connect_orders.advance": needs(Right.CHANGE_NETWORK, Right.OWN_THINGS),
    "api_cross_connect_orders.attach": needs(Right.CHANGE_NETWORK, Right.OWN_THINGS),
    "api_stored_files.download": NETWORK,
    "api_addresses.assign": needs(Right.CHANGE_NETWORK),
    "api_addresses.assign_free": needs(Right.CHANGE_NETWORK),
    "api_addresses.release": needs(Right.CHANGE_NETWORK),
    "api_addresses.lookup": needs(Right.SEE_NETWORK),
    "api_traces.show_trace": needs(Right.SEE_NETWORK),
    "api_cabling.connect": needs(Right.CHANGE_NETWORK),
    "api_cabling.disconnect": needs(Right.CHANGE_NETWORK),
    "api_memberships.join": needs(Right.CHANGE_NETWORK),
    "api_memberships.leave": needs(Right.CHANGE_NETWORK),
}

# Some right to see records; which kinds are told is decided by each kind's own.
SEES_RECORDS = needs(Right.SEE_SPACE, Right.SEE_POWER, Right.SEE_NETWORK, Right.SEE_CUSTOMERS)
API_POLICY |= {"api_deletions.list_all": SEES_RECORDS, "api_deletions.restore": SEES_RECORDS}
for _name in ("webhooks", "robots", "syslog_servers"):
    API_POLICY |= {
        f"api_{_name}.{deed}": needs(Right.MANAGE_CREDENTIALS)
        for deed in ("list_all", "create", "show", "change", "delete", "test")
    }
# Some right to change records; of which kind is decided when the kind is known.
CHANGES_RECORDS = needs(
    Right.CHANGE_SPACE,
    Right.CHANGE_DEVICES,
    Right.CHANGE_POWER,
    Right.CHANGE_NETWORK,
    Right.CHANGE_CUSTOMERS,
    Right.CHANGE_CONTRACTS,
)
API_POLICY |= {
    "api_imports.create_import": CHANGES_RECORDS,
    "api_imports.show_import": CHANGES_RECORDS,
    "api_imports.show_template": CHANGES_RECORDS,
}
API_POLICY |= list_policy(KINDS)
