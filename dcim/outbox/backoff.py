"""When a message that couldn't be delivered is tried again; pure."""

# Seconds before the second, third, ... attempt: some two and a half days in all, so that a weekend
# without a mail server loses nothing. Then it is given up, until a person has it tried again.
WAITS_S = (30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200, 57_600, 72_000)
MOST_ATTEMPTS = len(WAITS_S) + 1


def wait_after(attempts: int) -> int | None:
    """Seconds from the `attempts`-th failure to the next try; None when it was the last."""
    return WAITS_S[attempts - 1] if attempts < MOST_ATTEMPTS else None
