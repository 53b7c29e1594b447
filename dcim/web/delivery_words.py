"""What the outbox knows, in words: states, channels, events, and what stood in the way."""

from flask_babel import lazy_gettext as _l

CHANNEL_WORDS = {
    "mail": _l("E-mail"),
    "webhook": _l("Webhook"),
    "dingtalk": _l("DingTalk robot"),
    "wecom": _l("WeCom robot"),
    "feishu": _l("Feishu robot"),
    "syslog": _l("Syslog"),
}
STATE_WORDS = {
    "queued": _l("Waiting to be sent"),
    "sending": _l("Being sent"),
    "sent": _l("Sent out"),
    "failed": _l("Given up"),
}
EVENT_WORDS = {
    "statement.issued": _l("Statement issued"),
    "statement.corrected": _l("Statement corrected"),
    "incident.interruption": _l("Incident: service interrupted"),
    "incident.redundancy": _l("Incident: redundancy lost"),
    "incident.information": _l("Incident: for information"),
    "maintenance.announced": _l("Maintenance announced or changed"),
    "maintenance.cancelled": _l("Maintenance cancelled"),
    "maintenance.done": _l("Maintenance done"),
    "ticket.own": _l("Tickets of one's own"),
    "ticket.any": _l("All other tickets"),
    "claim.decided": _l("Claim of credits decided"),
    "budget.low": _l("Error budget nearly used up"),
    "alarm.raised": _l("Alarm raised"),
    "alarm.cleared": _l("Alarm cleared"),
    "alarm.escalated": _l("Alarm escalated"),
    "test": _l("Test"),
}
FAULT_WORDS = {
    "not_set_up": _l("This way isn't set up."),
    "unreachable": _l("The server can't be reached, or it hung up."),
    "slow": _l("The server didn't answer in time."),
    "insecure": _l("The connection can't be encrypted, or its certificate isn't trusted."),
    "sign_in": _l("The mail server refuses our user or password."),
    "put_off": _l("The other side asks to be tried later."),
    "refused": _l("The other side refuses it for good."),
    "address": _l("No mail can go to this address."),
    "attachment": _l("The PDF isn't the one that was issued."),
    "target": _l("The target isn't allowed: list its host or network in the setting for it."),
    "switched_off": _l("The endpoint is switched off or deleted."),
    "too_many": _l("The robot was sent too many messages; it is tried again when it may."),
    "signature": _l(
        "The robot doesn't believe the signature: enter its secret again, and check this machine's"
        " clock."
    ),
    "keyword": _l("The robot misses a keyword: enter Jifang among its keywords."),
    "ip_list": _l("The robot takes no messages from our address: enter it in its list."),
    "guarded": _l(
        "The robot's safety settings refuse it: the signing secret, a keyword (enter Jifang) or its"
        " list of addresses."
    ),
    "robot_gone": _l(
        "There is no such robot, or it was stopped: make another in the group, enter its URL."
    ),
    "answer": _l("The answer can't be understood; it is tried again."),
    "unconfirmed": _l("UDP doesn't tell whether it arrived."),
    "withdrawn": _l("The person may not be told any more, or switched it off."),
    "restored": _l("It waited in a restored backup, and may have been sent since."),
    "crashed": _l("The sender stumbled over it, or was killed."),
}
