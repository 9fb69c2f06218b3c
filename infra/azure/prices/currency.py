"""Which currency prices are shown in.

Source of the list: "Azure Retail Prices overview", supported currencies.
"""

from collections.abc import Mapping

from infra.errors import GateliftError

VARIABLE = "GATELIFT_CURRENCY"
USD = "USD"
CURRENCIES = (
    USD,
    "AUD",
    "BRL",
    "CAD",
    "CHF",
    "CNY",
    "DKK",
    "EUR",
    "GBP",
    "INR",
    "JPY",
    "KRW",
    "NOK",
    "NZD",
    "RUB",
    "SEK",
    "TWD",
)


def read_currency(environ: Mapping[str, str], given: str | None = None) -> str:
    """The currency that the option or the environment names, else USD; `GateliftError` for one that Azure lacks."""
    wanted, where = (given, "--currency") if given else (environ.get(VARIABLE) or USD, VARIABLE)
    if wanted.strip().upper() in CURRENCIES:
        return wanted.strip().upper()
    raise GateliftError(
        f"{where} is {wanted[:40]!r}, and Azure has no prices in such a currency",
        hint=f"one of {', '.join(CURRENCIES)}",
        code="unknown_currency",
    )
