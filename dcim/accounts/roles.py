"""The roles and what each may do. A right is a verb; the policy of a route names one."""

from dataclasses import dataclass
from enum import StrEnum


class Right(StrEnum):
    """What a route can ask for. OWN_* are a customer's rights on their own things."""

    SEE_SPACE = "see_space"
    CHANGE_SPACE = "change_space"
    OVERRIDE_SPACE = "override_space"
    CHANGE_DEVICES = "change_devices"
    SEE_POWER = "see_power"
    CHANGE_POWER = "change_power"
    READ_METERS = "read_meters"
    CONFIRM_READINGS = "confirm_readings"
    SEE_NETWORK = "see_network"
    CHANGE_NETWORK = "change_network"
    SEE_CUSTOMERS = "see_customers"
    CHANGE_CUSTOMERS = "change_customers"
    CHANGE_CONTRACTS = "change_contracts"
    WORK_TICKETS = "work_tickets"
    SEE_STATEMENTS = "see_statements"
    ISSUE_STATEMENTS = "issue_statements"
    # Record and link incidents, contest them, propose to count one otherwise than measured.
    KEEP_INCIDENTS = "keep_incidents"
    # Acknowledge, assign, write to and put off alarms; write their rules and who is told.
    KEEP_ALARMS = "keep_alarms"
    # Accept or refuse what someone else proposed.
    DECIDE_OVERRULES = "decide_overrules"
    SEE_AUDIT = "see_audit"
    MANAGE_PEOPLE = "manage_people"
    MANAGE_CREDENTIALS = "manage_credentials"
    PLAN_MAINTENANCE = "plan_maintenance"
    APPROVE_MAINTENANCE = "approve_maintenance"
    OWN_THINGS = "own_things"
    OWN_STATEMENTS = "own_statements"
    OWN_PEOPLE = "own_people"
    OWN_APPROVALS = "own_approvals"


@dataclass(frozen=True, slots=True)
class RoleSpec:
    name: str
    description: str
    rights: frozenset[Right]
    for_customers: bool = False


_SEE = frozenset({Right.SEE_SPACE, Right.SEE_POWER, Right.SEE_NETWORK, Right.SEE_CUSTOMERS})
_BUILD = frozenset(
    {Right.CHANGE_SPACE, Right.CHANGE_DEVICES, Right.CHANGE_POWER, Right.CHANGE_NETWORK}
)

# Two people are needed for each window all the same: nobody approves what they planned.
_WORKS = frozenset({Right.PLAN_MAINTENANCE, Right.APPROVE_MAINTENANCE})

ROLES: dict[str, RoleSpec] = {
    spec.name: spec
    for spec in (
        RoleSpec(
            "staff",
            "IDC staff: assigns space, installs devices, connects them",
            _SEE
            | _BUILD
            | _WORKS
            | {
                Right.SEE_STATEMENTS,
                Right.WORK_TICKETS,
                Right.KEEP_ALARMS,
                Right.KEEP_INCIDENTS,
                Right.READ_METERS,
                Right.CONFIRM_READINGS,
            },
        ),
        RoleSpec(
            "noc",
            "Network operations: watches, answers tickets, keeps incidents, plans maintenance",
            _SEE
            | _WORKS
            | {Right.WORK_TICKETS, Right.KEEP_ALARMS, Right.KEEP_INCIDENTS, Right.READ_METERS},
        ),
        RoleSpec(
            "finance",
            "Finance: issues and reads statements",
            frozenset(
                {
                    Right.SEE_CUSTOMERS,
                    Right.CHANGE_CUSTOMERS,
                    Right.CHANGE_CONTRACTS,
                    Right.SEE_STATEMENTS,
                    Right.ISSUE_STATEMENTS,
                    Right.DECIDE_OVERRULES,
                }
            ),
        ),
        RoleSpec(
            "auditor",
            "Auditor: reads everything, changes nothing",
            _SEE | {Right.SEE_STATEMENTS, Right.SEE_AUDIT},
        ),
        RoleSpec(
            "administrator",
            "Administrator: builds everything, people, credentials, overrides",
            _SEE
            | _BUILD
            | _WORKS
            | {
                Right.OVERRIDE_SPACE,
                Right.READ_METERS,
                Right.CONFIRM_READINGS,
                Right.CHANGE_CUSTOMERS,
                Right.CHANGE_CONTRACTS,
                Right.WORK_TICKETS,
                Right.SEE_STATEMENTS,
                Right.KEEP_ALARMS,
                Right.KEEP_INCIDENTS,
                Right.DECIDE_OVERRULES,
                Right.SEE_AUDIT,
                Right.MANAGE_PEOPLE,
                Right.MANAGE_CREDENTIALS,
            },
        ),
        RoleSpec(
            "customer_viewer",
            "Customer: reads own things",
            frozenset({Right.OWN_THINGS, Right.OWN_STATEMENTS}),
            for_customers=True,
        ),
        RoleSpec(
            "customer_administrator",
            "Customer: reads own things, manages own people, approves maintenance",
            frozenset(
                {Right.OWN_THINGS, Right.OWN_STATEMENTS, Right.OWN_PEOPLE, Right.OWN_APPROVALS}
            ),
            for_customers=True,
        ),
    )
}


def collect_rights(role_names: list[str]) -> frozenset[Right]:
    """All rights of these roles; an unknown role name gives none."""
    rights: frozenset[Right] = frozenset()
    for name in role_names:
        if name in ROLES:
            rights |= ROLES[name].rights
    return rights
