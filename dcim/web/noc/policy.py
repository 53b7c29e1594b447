"""Who may call which NOC page."""

from dcim.accounts.roles import Right
from dcim.http.policy import Access, needs

NETWORK = needs(Right.SEE_NETWORK)
# The NOC prevents it, whoever answers for a customer must know of it.
RISKS = needs(Right.SEE_NETWORK, Right.SEE_STATEMENTS)
ALARMS = needs(Right.KEEP_ALARMS)
INCIDENTS = needs(Right.KEEP_INCIDENTS)
# It tells of customers' tickets.
SHIFTS = needs(Right.SEE_CUSTOMERS)

NOC_POLICY: dict[str, Access] = {
    "noc.home": NETWORK,
    "noc.keep_board": NETWORK,
    "noc.port": NETWORK,
    "noc.port_csv": NETWORK,
    "noc.port_optics_csv": NETWORK,
    "noc.credit_risks": RISKS,
    "noc.contract_risk": RISKS,
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
    "noc.wall": NETWORK,
    "noc.syslog": NETWORK,
    "noc.syslog_csv": NETWORK,
    "noc.unknown_syslog": NETWORK,
    "noc.syslog_message": NETWORK,
    "noc.traps": NETWORK,
    "noc.unknown_traps": NETWORK,
    "noc.trap": NETWORK,
    "noc.forget_trap_engine": needs(Right.KEEP_INCIDENTS),
    "noc.environment": needs(Right.SEE_POWER),
    "noc.plant": needs(Right.SEE_POWER),
    "noc.pue": needs(Right.SEE_POWER),
}
