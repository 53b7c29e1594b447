"""Who may call which NOC page."""

from dcim.accounts.roles import Right
from dcim.http.policy import Access, needs

NETWORK = needs(Right.SEE_NETWORK)
# The NOC prevents it, whoever answers for a customer must know of it.
RISKS = needs(Right.SEE_NETWORK, Right.SEE_STATEMENTS)
POWER = needs(Right.SEE_POWER)
# Any board: each asks for its own.
BOARDS = needs(Right.SEE_NETWORK, Right.SEE_POWER)
ALARMS = needs(Right.KEEP_ALARMS)
INCIDENTS = needs(Right.KEEP_INCIDENTS)
# It tells of customers' tickets.
SHIFTS = needs(Right.SEE_CUSTOMERS)

NOC_POLICY: dict[str, Access] = {
    "noc.home": NETWORK,
    "noc.keep_board": NETWORK,
    "noc.ports_csv": NETWORK,
    "noc.port": NETWORK,
    "noc.port_csv": NETWORK,
    "noc.port_optics_csv": NETWORK,
    "noc.credit_risks": RISKS,
    "noc.contract_risk": RISKS,
    "noc.credits_csv": RISKS,
    "noc.keep_credits": RISKS,
    "noc.alarms": NETWORK,
    "noc.alarm": NETWORK,
    "noc.acknowledge_alarm": ALARMS,
    "noc.assign_alarm": ALARMS,
    "noc.note_alarm": ALARMS,
    "noc.snooze_alarm": ALARMS,
    "noc.unsnooze_alarm": ALARMS,
    "noc.open_alarm_incident": INCIDENTS,
    "noc.alarm_rules": NETWORK,
    "noc.alarm_rule": NETWORK,
    "noc.alarm_trial": NETWORK,
    "noc.new_alarm_rule": ALARMS,
    "noc.edit_alarm_rule": ALARMS,
    "noc.test_alarm_rule": ALARMS,
    "noc.switch_alarm_rule": ALARMS,
    "noc.delete_alarm_rule": ALARMS,
    "noc.new_alarm_override": ALARMS,
    "noc.remove_alarm_override": ALARMS,
    "noc.new_alarm_recipient": ALARMS,
    "noc.remove_alarm_recipient": ALARMS,
    "noc.aggregates": NETWORK,
    "noc.aggregates_csv": NETWORK,
    "noc.keep_aggregates": NETWORK,
    "noc.handovers": SHIFTS,
    "noc.handover": SHIFTS,
    "noc.new_handover": ALARMS,
    "noc.take_handover": ALARMS,
    "noc.note_handover": ALARMS,
    "noc.tick_handover_item": ALARMS,
    "noc.on_call": NETWORK,
    "noc.on_call_calendar": NETWORK,
    "noc.new_on_call_calendar": ALARMS,
    "noc.edit_on_call_calendar": ALARMS,
    "noc.delete_on_call_calendar": ALARMS,
    "noc.add_on_call_stand_in": ALARMS,
    "noc.end_on_call_stand_in": ALARMS,
    "noc.new_escalation_policy": ALARMS,
    "noc.edit_escalation_policy": ALARMS,
    "noc.delete_escalation_policy": ALARMS,
    "noc.events": NETWORK,
    "noc.overview": NETWORK,
    "noc.links": NETWORK,
    "noc.keep_links": NETWORK,
    "noc.wall": NETWORK,
    "noc.walls": BOARDS,
    "noc.next_wall": BOARDS,
    "noc.syslog": NETWORK,
    "noc.syslog_csv": NETWORK,
    "noc.unknown_syslog": NETWORK,
    "noc.syslog_message": NETWORK,
    "noc.traps": NETWORK,
    "noc.unknown_traps": NETWORK,
    "noc.trap": NETWORK,
    "noc.forget_trap_engine": needs(Right.KEEP_INCIDENTS),
    "noc.environment": POWER,
    "noc.environment_csv": POWER,
    "noc.keep_environment": POWER,
    "noc.plant": POWER,
    "noc.power_cabinets_csv": POWER,
    "noc.power_days_csv": POWER,
    "noc.power_feeds_csv": POWER,
    "noc.power_risks_csv": POWER,
    "noc.keep_plant": POWER,
    "noc.pue": POWER,
    "noc.pue_csv": POWER,
    "noc.keep_pue": POWER,
}
