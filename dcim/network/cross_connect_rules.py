"""The life of a cross-connect order as a table: which action leads where, and what it needs."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

# While an order is in one of these, its ports are nobody else's.
HOLDING = ("requested", "approved", "patched", "tested", "billing")
STATES = (*HOLDING, "disconnected", "refused", "cancelled")
LETTERS = ("loa", "cfa")


@dataclass(frozen=True, slots=True)
class Action:
    """`needs`: what must be given with it; `takes`: what may be."""

    name: str
    origins: tuple[str, ...]
    state: str
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


ACTIONS = {
    action.name: action
    for action in (
        Action("approve", ("requested",), "approved", takes=("note",)),
        Action("refuse", ("requested",), "refused", needs=("note",)),
        Action("cancel", ("requested", "approved"), "cancelled", needs=("note",)),
        Action(
            "patch",
            ("approved",),
            "patched",
            takes=("via", "colour", "length_m", "note"),
        ),
        Action(
            "test", ("patched", "tested"), "tested", needs=("loss_db",), takes=("light_dbm", "note")
        ),
        Action(
            "bill",
            ("tested",),
            "billing",
            needs=("billed_from", "contract_item_id"),
            takes=("note",),
        ),
        Action("disconnect", ("patched", "tested", "billing"), "disconnected", needs=("note",)),
    )
}


def list_actions(state: str) -> tuple[Action, ...]:
    """What can be done with an order in this state, in the order of its life."""
    return tuple(action for action in ACTIONS.values() if state in action.origins)


@dataclass(frozen=True, slots=True)
class Letter:
    """A file handed in with an order; valid on every day before `expires_on`."""

    kind: str
    expires_on: dt.date | None


def needs_letter(*, z_is_own: bool) -> bool:
    """Whether somebody else's side is touched, who must have authorised it."""
    return not z_is_own


def judge_letters(letters: Iterable[Letter], today: dt.date) -> str:
    """ "valid", "expired" (the last of them has run out) or "missing"."""
    found = [letter for letter in letters if letter.kind in LETTERS]
    if not found:
        return "missing"
    if any(letter.expires_on is None or letter.expires_on > today for letter in found):
        return "valid"
    return "expired"
