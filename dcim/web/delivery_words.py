"""What the outbox knows, in words: states, channels, events, and what stood in the way."""

from flask_babel import lazy_gettext as _l

CHANNEL_WORDS = {"mail": _l("E-mail"), "webhook": _l("Webhook")}
STATE_WORDS = {
    "queued": _l("Waiting to be sent"),
    "sending": _l("Being sent"),
    "sent": _l("Sent out"),
    "failed": _l("Given up"),
}
EVENT_WORDS = {
    "statement.issued": _l("Statement issued"),
    "alarm.raised": _l("Alarm"),
    "alarm.cleared": _l("Alarm over"),
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
    "target": _l("The target is outside DCIM_WEBHOOK_ALLOWED."),
    "switched_off": _l("The endpoint is switched off."),
    "restored": _l("It waited in a restored backup, and may have been sent since."),
    "crashed": _l("The sender stumbled over it, or was killed."),
}
