"""On which examples a property is tried: on some in `./dev test`, the same in each run, so that a
run says what the change did; on thousands of other ones in its drill."""

import os

# Set by the drill `properties`; at least so many.
AT_LEAST = "JIFANG_EXAMPLES"


def examples(short: int) -> int:
    return max(short, int(os.environ.get(AT_LEAST, "0")))


def are_drawn_anew() -> bool:
    return AT_LEAST in os.environ
