"""What a customer's person may be told by mail, and who is told without having chosen; pure."""

from dataclasses import dataclass

from dcim.accounts.roles import Right

# A month's statement goes to these; the same mail once, whoever it is for.
STATEMENTS = ("statement.issued", "statement.corrected")


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """`right`: without it nobody is told. Who has chosen nothing: `viewers`, `administrators`."""

    name: str
    right: Right
    viewers: bool
    administrators: bool


KINDS: dict[str, NoticeKind] = {
    kind.name: kind
    for kind in (
        NoticeKind("statement.issued", Right.OWN_STATEMENTS, False, True),
        NoticeKind("statement.corrected", Right.OWN_STATEMENTS, False, True),
        NoticeKind("incident.interruption", Right.OWN_THINGS, True, True),
        NoticeKind("incident.redundancy", Right.OWN_THINGS, False, True),
        NoticeKind("incident.information", Right.OWN_THINGS, False, False),
        NoticeKind("maintenance.announced", Right.OWN_THINGS, True, True),
        NoticeKind("maintenance.cancelled", Right.OWN_THINGS, True, True),
        NoticeKind("maintenance.done", Right.OWN_THINGS, False, False),
        NoticeKind("ticket.own", Right.OWN_THINGS, True, True),
        NoticeKind("ticket.any", Right.OWN_THINGS, False, True),
        NoticeKind("claim.decided", Right.OWN_STATEMENTS, False, True),
        NoticeKind("budget.low", Right.OWN_THINGS, False, False),
    )
}
