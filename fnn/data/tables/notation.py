"""Numbers as people write them, and as float() does not read them."""

from __future__ import annotations

import re
from collections.abc import Iterable

MANY = 20
"""more distinct numbers than this are no codes of categories"""
SIGN = "[-+\u2212\u2012\u2013\ufe63\uff0d]"
"""minus, its look-alikes, and plus"""
SPACE = "[ \u00a0\u2007\u2009\u202f]"
CURRENCY = (
    "(?:[$\u00a2-\u00a5\u0e3f\u20a0-\u20c0\uff04\uffe0\uffe1\uffe5]"
    "|US\\$|USD|EUR|GBP|CHF|JPY|CNY|INR)"
)
GROUPED = (
    r"(?:\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d*)?"  # 1,234.5 and 12,34,567
    r"|\d{1,3}(?:\.\d{3})+(?:,\d+)?"  # 1.234,5
    rf"|\d{{1,3}}(?:(?:['\u2019_\u066c]|{SPACE})\d{{3}})+(?:[.,]\d*)?)"  # 1 234.5 and 1'234
)
PLAIN = r"(?:\d*[,\u066b]\d+|\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
BARE = rf"(?:{GROUPED}|{PLAIN})"
NUMBER = re.compile(
    rf"{SIGN}?{SPACE}*{CURRENCY}?{SPACE}*{SIGN}?{BARE}{SPACE}*(?:[%\u2030]|{CURRENCY})?"
    rf"|\({SPACE}*{CURRENCY}?{SPACE}*{BARE}{SPACE}*[%\u2030]?{SPACE}*\)"  # an accountant's minus
    r"|[-+]?(?:\d+(?:\.\d*)?|\.\d+)[dD][-+]?\d+"  # Fortran's exponent
    r"|[-+]?0[xX][0-9a-fA-F]+"
)
UNIT = r"(?:[A-Za-z\u00b5\u03bc\u00b0][^\d\s,;]{0,9}|-)"
"""letters, or the minus that some write behind"""
QUANTITY = re.compile(
    rf"(?:[<>\u2264\u2265~\u2248\u00b1]|<=|>=)?{SPACE}*({SIGN}?{BARE})(?:{SPACE}*{UNIT})?"
)


def is_notation(text: str) -> bool:
    """Whether a field is a number in a notation that float() does not read.

    Decimal commas, digits in groups (1,234.5, 1.234,5, 1 234, 1'234, 1_234), signs of percent and
    currency, other minus signs, hexadecimal, Fortran's 1.5D+3.
    """
    return not _is_read(text) and NUMBER.fullmatch(text) is not None


def is_quantity(text: str) -> bool:
    """Whether a field is a number and a unit, or a bound: 12 kg, 3.5km/h, <0.1. So are the
    categories 4wd, 11th and <=30, so that only many of them tell.
    """
    return not _is_read(text) and QUANTITY.fullmatch(text) is not None


def are_many_valued(fields: Iterable[str]) -> bool:
    """Whether numbers, with or without units, are too many or too fine to be codes: more than 20
    distinct ones, or fractions.
    """
    numbers = {match[1] if (match := QUANTITY.fullmatch(text)) else text for text in fields}
    return len(numbers) > MANY or any(_is_fraction(text.replace(",", ".")) for text in numbers)


def _is_read(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _is_fraction(text: str) -> bool:
    return _is_read(text) and not float(text).is_integer()
