"""Rules about statements as kinds of records."""

from dcim.accounts.roles import Right
from dcim.customers.kinds import CURRENCIES, MONEY
from dcim.records.fields import ChoiceType, Field, FlagType, mark
from dcim.records.kinds import Kind
from dcim.statements.approval_models import ApprovalRule

APPROVAL_RULE = Kind(
    name="approval_rule",
    plural="approval-rules",
    label=mark("Approval rule"),
    label_plural=mark("Approval rules"),
    model=ApprovalRule,
    fields=(
        Field("currency", mark("Currency"), ChoiceType(CURRENCIES), required=True, bulk=False,
              hint=mark("Of the statements it is about; a contract may say otherwise for"
                        " itself.")),
        Field("when_open", mark("When a result is left open"), FlagType(), default=True,
              hint=mark("Or has no price: a second person approves the month before it is"
                        " issued.")),
        Field("credits_above", mark("When credits are more than"), MONEY,
              hint=mark("All credits of the statement; empty: whatever they come to.")),
    ),
    key=("currency",),
    see=Right.SEE_STATEMENTS,
    change=Right.CHANGE_CONTRACTS,
    section="customers",
)  # fmt: skip

KINDS = (APPROVAL_RULE,)
