"""On how many examples a property is tried: some in `./dev test`, thousands in its drill."""

import os

# Set by the drill `properties`; at least so many.
AT_LEAST = "JIFANG_EXAMPLES"


def examples(short: int) -> int:
    return max(short, int(os.environ.get(AT_LEAST, "0")))
