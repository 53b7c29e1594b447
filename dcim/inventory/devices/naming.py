"""Short names made from long ones. Pure."""

import hashlib
import re
import unicodedata

LONGEST = 64


def make_slug(manufacturer: str, model: str) -> str:
    """ "Dell", "PowerEdge R750" is dell-poweredge-r750: lower case, words joined by hyphens.

    Chinese letters stay. What would be longer than 64 characters ends in a hash of the whole, so
    that two long names with one beginning stay apart.
    """
    whole = unicodedata.normalize("NFKC", f"{manufacturer}-{model}").casefold()
    words = re.sub(r"[\W_]+", "-", whole).strip("-") or "type"
    if len(words) <= LONGEST:
        return words
    digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{words[: LONGEST - 9].rstrip('-')}-{digest}"
