"""Amounts of money as people read them."""

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩"}
UNKNOWN = "an unknown price"


def an_hour(amount: float | None, currency: str) -> str:
    """An amount for each hour, `$3.67/h`; below one with a third decimal."""
    if amount is None:
        return UNKNOWN
    return f"{_money(amount, currency, 0 if amount == 0 else 3 if amount < 1 else 2)}/h"


def total(amount: float | None, currency: str) -> str:
    """A sum, without decimals where these say nothing: `$2,681`, `$9.40`."""
    if amount is None:
        return UNKNOWN
    return _money(amount, currency, 0 if amount >= 100 or amount == 0 else 2)


def _money(amount: float, currency: str, decimals: int) -> str:
    number = f"{amount:,.{decimals}f}"
    return f"{SYMBOLS[currency]}{number}" if currency in SYMBOLS else f"{currency} {number}"
