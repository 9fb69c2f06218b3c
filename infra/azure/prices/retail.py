"""Asks Azure's Retail Prices API, which is public and needs no login.

Source: "Azure Retail Prices overview". From api-version 2023-01-01-preview on, the values in a filter are
case-sensitive. The filter's `priceType` is the field `type` of an answer.
"""

import re
from collections.abc import Collection
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

from infra.addresses import is_loopback
from infra.azure.prices.meters import PAY_AS_YOU_GO, SERVICE
from infra.http_client import Unreachable, Web
from infra.parallel import together

RETAIL_PRICES = "https://prices.azure.com/api/retail/prices"
API_VERSION = "2023-01-01-preview"
PATIENCE = 4.0
"""Seconds for an answer, of which a page takes about one: nobody should wait long for what a plan can do without."""
ERROR_NUMBER = re.compile(r"^\[Errno -?\d+\] ")
MOST_PAGES = 20
MOST_SIZES = 15
"""In one request, whose URL stays below 2,000 characters."""


class NoPrices(Exception):
    """The API gave no usable answer; the message says what happened, for a sentence."""


def fetch_items(url: str, region: str, sizes: Collection[str], currency: str) -> list[dict[str, Any]]:
    """The rows of these sizes, spelled as Azure spells them; raises `NoPrices`."""
    web = Web(connect=PATIENCE, read=PATIENCE)
    names = sorted(sizes)
    parts = [names[start : start + MOST_SIZES] for start in range(0, len(names), MOST_SIZES)]
    found = together([partial(_pages, web, url, _query(region, part, currency)) for part in parts])
    return [item for items in found for item in items]


def _query(region: str, sizes: Collection[str], currency: str) -> str:
    of_size = " or ".join(f"armSkuName eq {_quoted(size)}" for size in sizes)
    wanted = (
        f"serviceName eq {_quoted(SERVICE)} and priceType eq {_quoted(PAY_AS_YOU_GO)} "
        f"and armRegionName eq {_quoted(region)} and ({of_size})"
    )
    return f"api-version={API_VERSION}&currencyCode={quote(_quoted(currency))}&$filter={quote(wanted)}"


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _pages(web: Web, url: str, query: str) -> list[Any]:
    next_url, items = f"{url}?{query}", []
    for _ in range(MOST_PAGES):
        page = _page(web, next_url)
        items += page["Items"]
        following = page.get("NextPageLink")
        if not following:
            return items
        next_url = _same_place(url, following)
    raise NoPrices("gave an answer without an end")


def _page(web: Web, url: str) -> dict[str, Any]:
    try:
        answer = web.send("GET", url, headers={"Accept": "application/json"}, at_most=8 * 1024 * 1024)
    except Unreachable as error:
        why = ERROR_NUMBER.sub("", str(error).removeprefix(f"{urlsplit(url).hostname}: "))
        raise NoPrices(f"cannot be reached ({why})") from None
    if answer.status != 200:
        raise NoPrices(f"answered {answer.status}")
    try:
        page = answer.json()
    except (ValueError, RecursionError):
        page = None
    if not isinstance(page, dict) or not isinstance(page.get("Items"), list):
        raise NoPrices("gave an answer that is no price list")
    return page


def _same_place(url: str, following: Any) -> str:
    """The link to the next page, which has to lead to the same host (with its port, `:443`, or without)."""
    ours, link = urlsplit(url), following if isinstance(following, str) else ""
    try:
        theirs = urlsplit(link)
        secure = theirs.scheme == "https" or is_loopback(theirs.hostname or "")
        if secure and theirs.hostname == ours.hostname and theirs.port != 0:
            return theirs.geturl()
    except ValueError:  # no address at all
        pass
    raise NoPrices("gave a link to the next page that leads elsewhere")
