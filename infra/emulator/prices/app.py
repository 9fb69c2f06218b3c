"""Azure's Retail Prices API: `GET /api/retail/prices`, without a login, in pages.

Source: "Azure Retail Prices overview": `$filter`, `currencyCode` and `meterRegion`, the fields of an answer, and
`NextPageLink`, until which a page has at most 1,000 rows. The document does not show the body of a 400; this one is
like those of other services.
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.types import Receive, Scope, Send

from infra.emulator.gateway.messages import Reply, headers_of, respond
from infra.emulator.prices.filter import BadFilter, read_filter
from infra.emulator.prices.rows import RATES, in_currency, usd_rows

PATH = "/api/retail/prices"
PAGE = 1000
NUMBER = re.compile(r"[0-9]{1,9}")
VERSIONS = ("", "2021-10-01", "2021-10-01-preview", "2023-01-01-preview")
PARAMETERS = ("$filter", "$skip", "$top", "api-version", "currencyCode", "meterRegion")
PRIMARY = "isPrimaryMeterRegion"
SAVINGS_SINCE = "2023-01-01-preview"


class PricesApp:
    """ASGI application of the Retail Prices API; `page_size` says how many rows a page has at most, if fewer."""

    def __init__(self, base_url: Callable[[], str], page_size: Callable[[], int] = lambda: PAGE) -> None:
        self._base_url = base_url
        self._page_size = page_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            reply = _refused(405, "MethodNotAllowed", f"The method {scope['method']} is not supported.")
        else:
            reply = self._answer(
                dict(parse_qsl(scope["query_string"].decode(errors="replace"), keep_blank_values=True))
            )
        await respond(send, reply, headers_of(scope), head=scope["method"] == "HEAD")

    def _answer(self, query: dict[str, str]) -> Reply:
        currency = query.get("currencyCode", "USD").strip("'")
        version = query.get("api-version", "")
        skip, region = query.get("$skip", "0"), query.get("meterRegion", "primary").strip("'")
        top = query.get("$top", str(PAGE))
        unknown = [name for name in query if name not in PARAMETERS]
        if unknown or currency not in RATES or version not in VERSIONS or region != "primary":
            return _bad(f"unknown {', '.join(unknown) or 'currency, api-version or meterRegion'}")
        if not (NUMBER.fullmatch(skip) and NUMBER.fullmatch(top)):
            return _bad("$skip and $top are numbers")
        try:
            wanted = read_filter(query["$filter"]) if "$filter" in query else lambda _row: True
        except BadFilter as error:
            return _bad(str(error))
        primary = "meterRegion" in query
        rows = [in_currency(row, currency) for row in usd_rows() if wanted(row) and (row[PRIMARY] or not primary)]
        if version != SAVINGS_SINCE:
            rows = [{name: value for name, value in row.items() if name != "savingsPlan"} for row in rows]
        return Reply(body=self._page(rows, currency, query, int(skip)))

    def _page(self, rows: list[dict[str, Any]], currency: str, query: dict[str, str], skip: int) -> dict[str, Any]:
        most = max(1, min(PAGE, self._page_size(), int(query.get("$top", PAGE)) or 1))
        items = rows[skip : skip + most]
        more = None
        if skip + most < len(rows):
            settings = {**query, "$skip": str(skip + most)}
            pairs = "&".join(f"{name}={quote(value)}" for name, value in settings.items())
            more = f"{self._base_url()}{PATH}?{pairs}"
        return {
            "BillingCurrency": currency,
            "CustomerEntityId": "Default",
            "CustomerEntityType": "Retail",
            "Items": items,
            "NextPageLink": more,
            "Count": len(items),
        }


def _bad(why: str) -> Reply:
    return _refused(400, "BadRequest", f"Invalid OData parameters supplied: {why}.")


def _refused(status: int, code: str, message: str) -> Reply:
    return Reply(status, {"Error": {"Code": code, "Message": message}})
