"""Pure: a rule as a value, and what may not be said in one."""

import math
from dataclasses import dataclass

from dcim.alarms.rules.quantities import OUTAGES, QUANTITIES
from dcim.errors import InvalidError

# Gravest first.
SEVERITIES = ("critical", "major", "warning")
WAYS = ("above", "below")
# One reading beyond its limit, a state, how quickly a reading changes, how long nothing came, where
# readings are heading, how fast what promises leave is used up.
KINDS = ("threshold", "state", "rate", "absence", "forecast", "burn")
LONGEST_S = 86_400
# A forecast looks at a window of so long, and so many windows ahead: further it is no more than a
# guess.
WINDOW_S = (21_600, 31 * 86_400)
FARTHEST = 4
LONGEST_HORIZON_S = FARTHEST * WINDOW_S[1]
# A budget is judged over a window of so long, and its twelfth.
BURN_WINDOW_S = (3600, 3 * 86_400)
MOST_CHANGES = 50
LONGEST_WAIT_MIN = 1440


@dataclass(frozen=True, slots=True)
class Limits:
    """When an alarm is raised and when it ends, for one subject.

    Raised when the value was at `raise_at` or beyond for `raise_for_ms` without a break, ended when
    it was at `clear_at` or on its better side for `clear_for_ms`; what lies between changes
    nothing. `flap_changes` changes within `flap_within_ms` make one alarm that flaps, and ends when
    nothing changed for as long; 0 changes: never.
    """

    above: bool
    raise_at: float
    clear_at: float
    raise_for_ms: int = 0
    clear_for_ms: int = 0
    flap_changes: int = 0
    flap_within_ms: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """`quantity` is one of QUANTITIES and says the unit of the limits; of a state 1 is down; of a
    rate they are per hour, over `window_s`; of an absence they are seconds without a reading; of a
    forecast they are where the trend of the last `window_s` goes within `horizon_s`; of a burn they
    are times the rate that uses up a month's budget in a month, over `window_s` and its twelfth.

    `subject_class`: only ports of this role or power nodes of this kind; "" for all. `site_id`:
    only there.
    """

    kind: str
    quantity: str
    way: str
    raise_at: float
    clear_at: float
    raise_for_s: int
    clear_for_s: int
    severity: str
    window_s: int = 0
    horizon_s: int = 0
    flap_changes: int = 0
    flap_within_s: int = 0
    subject_class: str = ""
    site_id: int | None = None

    @property
    def limits(self) -> Limits:
        return Limits(
            above=self.way == "above",
            raise_at=self.raise_at,
            clear_at=self.clear_at,
            raise_for_ms=self.raise_for_s * 1000,
            clear_for_ms=self.clear_for_s * 1000,
            flap_changes=self.flap_changes,
            flap_within_ms=self.flap_within_s * 1000,
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What an override has otherwise than its rule; None keeps the rule's."""

    enabled: bool = True
    raise_at: float | None = None
    clear_at: float | None = None
    raise_for_s: int | None = None
    clear_for_s: int | None = None
    severity: str | None = None


@dataclass(frozen=True, slots=True)
class Deeds:
    """What an alarm of a rule does by itself when it has lasted so many minutes; None: nothing.

    `incident_after_min`: it opens an incident; `tell_after_min`: customers who are hit are told, of
    an incident that is opened for it where there is none.
    """

    incident_after_min: int | None = None
    tell_after_min: int | None = None


NOTHING = Deeds()


def check_deeds(quantity: str, deeds: Deeds) -> None:
    """Raises InvalidError naming the field and the way out."""
    for name in Deeds.__dataclass_fields__:
        minutes = getattr(deeds, name)
        if minutes is None:
            continue
        if quantity not in OUTAGES:
            raise InvalidError(
                "Only what says that a port or a feed is down opens incidents and tells"
                " customers; leave it empty.",
                {name: ["empty"]},
            )
        if not 0 <= minutes <= LONGEST_WAIT_MIN:
            raise InvalidError(
                "Write minutes from 0 to a day, or leave it empty.", {name: ["0 to 1440"]}
            )


def check_rule(rule: Rule) -> None:
    """Raises InvalidError naming the field and the way out."""
    quantity = QUANTITIES.get(rule.quantity)
    if quantity is None:
        raise InvalidError("No such quantity.", {"quantity": ["unknown"]})
    if rule.kind not in quantity.kinds:
        raise InvalidError(
            "This quantity has no rules of that kind.", {"kind": [", ".join(quantity.kinds)]}
        )
    if rule.way not in WAYS or (rule.way == "below" and rule.kind in ("state", "absence", "burn")):
        raise InvalidError("It is raised above its limit.", {"way": ["above"]})
    if rule.severity not in SEVERITIES:
        raise InvalidError("No such severity.", {"severity": [", ".join(SEVERITIES)]})
    if rule.subject_class and rule.subject_class not in quantity.classes:
        raise InvalidError("No such class of subjects.", {"subject_class": ["unknown"]})
    _check_limits(rule)
    _check_times(rule)


def _check_limits(rule: Rule) -> None:
    if not (math.isfinite(rule.raise_at) and math.isfinite(rule.clear_at)):
        raise InvalidError("Limits are numbers.", {"raise_at": ["a number"]})
    if max(abs(rule.raise_at), abs(rule.clear_at)) > 1e9:
        raise InvalidError("A limit is at most a thousand million.", {"raise_at": ["too large"]})
    wrong = rule.clear_at > rule.raise_at if rule.way == "above" else rule.clear_at < rule.raise_at
    if wrong:
        raise InvalidError(
            "It must end on the better side of where it is raised, or at the same value.",
            {"clear_at": ["beyond the limit it is raised at"]},
        )
    if rule.kind == "absence" and rule.raise_at < 60:
        raise InvalidError(
            "Silence of less than a minute is no silence: polls come once a minute.",
            {"raise_at": ["at least 60"]},
        )

    if rule.kind == "burn" and not (rule.raise_at > 0 and rule.clear_at >= 0):
        raise InvalidError(
            "What doesn't burn is at 0: it is raised above that, and ends there or above.",
            {"raise_at": ["more than 0"]},
        )


def _check_times(rule: Rule) -> None:
    times = ("raise_for_s", "clear_for_s", "flap_within_s")
    for name in times if rule.kind in ("forecast", "burn") else (*times, "window_s"):
        if not 0 <= getattr(rule, name) <= LONGEST_S:
            raise InvalidError("Times are from 0 to a day.", {name: ["0 to 86400"]})
    _check_horizon(rule)
    if rule.kind == "rate" and rule.window_s < 300:
        raise InvalidError(
            "A change is measured over five minutes at least.", {"window_s": ["at least 300"]}
        )
    low, high = BURN_WINDOW_S
    if rule.kind == "burn" and not low <= rule.window_s <= high:
        raise InvalidError(
            "A budget is judged over an hour to three days.", {"window_s": [f"{low} to {high}"]}
        )
    if not 0 <= rule.flap_changes <= MOST_CHANGES or rule.flap_changes in (1, 2):
        raise InvalidError(
            "Flapping are three to fifty changes; 0 switches damping off.",
            {"flap_changes": ["0, or 3 to 50"]},
        )
    if rule.flap_changes and rule.flap_within_s < 60:
        raise InvalidError(
            "Say within which time so many changes are flapping.",
            {"flap_within_s": ["at least 60"]},
        )


def _check_horizon(rule: Rule) -> None:
    if rule.kind != "forecast":
        if rule.horizon_s:
            raise InvalidError("Only a forecast looks ahead; write 0.", {"horizon_s": ["0"]})
        return
    low, high = WINDOW_S
    if not low <= rule.window_s <= high:
        raise InvalidError(
            "A trend is of six hours to 31 days.", {"window_s": [f"{low} to {high}"]}
        )
    if not 3600 <= rule.horizon_s <= FARTHEST * rule.window_s:
        raise InvalidError(
            "A forecast is for an hour at least, and four times as long as its window at most.",
            {"horizon_s": [f"3600 to {FARTHEST * rule.window_s}"]},
        )
