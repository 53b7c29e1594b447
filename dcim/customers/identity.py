"""Identity numbers of customers: what form they have and whether their check character fits; pure.

GB 32100-2015 (法人和其他组织统一社会信用代码编码规则): 18 characters of digits and capital letters
without I, O, S, V, Z; the last is 31 less the weighted sum of the others modulo 31, where the
weight of the i-th is 3^(i-1) modulo 31.
GB 11643-1999 (公民身份号码): 17 digits and a check character after ISO 7064 MOD 11-2.
"""

import datetime as dt
import re

CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_ID_WEIGHTS = tuple(pow(2, 17 - place, 11) for place in range(17))
_ID_CHECKS = "10X98765432"


def normalize_number(text: str) -> str:
    """Without blanks and hyphens, in capitals: as numbers are compared and kept."""
    return re.sub(r"[\s\-－]", "", text).upper()


def credit_check(first: str) -> str:
    """The check character of the 17 before it. Raises ValueError for other than 17 of the set."""
    if len(first) != 17 or any(character not in CREDIT_ALPHABET for character in first):
        raise ValueError("a credit code begins with 17 digits and capitals without I, O, S, V, Z")
    total = sum(
        CREDIT_ALPHABET.index(character) * weight
        for character, weight in zip(first, _CREDIT_WEIGHTS, strict=True)
    )
    return CREDIT_ALPHABET[-total % 31]


def is_credit_code(text: str) -> bool:
    """Whether this is a 统一社会信用代码 whose check character fits."""
    if len(text) != 18 or any(character not in CREDIT_ALPHABET for character in text):
        return False
    return credit_check(text[:17]) == text[17]


def id_card_check(first: str) -> str:
    """The check character of the 17 digits before it. Raises ValueError for anything else."""
    if not re.fullmatch(r"[0-9]{17}", first):
        raise ValueError("an identity number begins with 17 digits")
    total = sum(int(digit) * weight for digit, weight in zip(first, _ID_WEIGHTS, strict=True))
    return _ID_CHECKS[total % 11]


def is_id_card(text: str) -> bool:
    """Whether this is a citizen's number: a day of birth that exists, a check that fits."""
    if not re.fullmatch(r"[0-9]{17}[0-9X]", text):
        return False
    try:
        dt.date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    return id_card_check(text[:17]) == text[17]
