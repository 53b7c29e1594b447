"""Which known word someone may have meant by one that isn't known. Pure."""

from collections.abc import Mapping
from difflib import get_close_matches

# Two letters of five swapped are close; another word of the same length is not.
CLOSE = 0.65
# What is longer is no slip of the pen, and would take long to compare.
LONGEST = 64


def find_nearest(word: str, meanings: Mapping[str, str]) -> str | None:
    """What the known word closest to `word` means; None where none is close.

    `meanings`: by known word, lower-cased.
    """
    spoken = word.strip().lower()
    if not 1 < len(spoken) <= LONGEST:
        return None
    close = get_close_matches(spoken, meanings, n=1, cutoff=CLOSE)
    return meanings[close[0]] if close else None
