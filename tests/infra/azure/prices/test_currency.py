"""Which currency prices are shown in."""

import pytest

from infra.azure.prices.currency import read_currency
from infra.errors import GateliftError


@pytest.mark.parametrize(
    ("environ", "given", "expected"),
    [
        pytest.param({}, None, "USD", id="dollars"),
        pytest.param({"GATELIFT_CURRENCY": "eur"}, None, "EUR", id="from-the-environment"),
        pytest.param({"GATELIFT_CURRENCY": "EUR"}, "chf", "CHF", id="the-option-wins"),
        pytest.param({"GATELIFT_CURRENCY": ""}, None, "USD", id="set-but-empty"),
    ],
)
def test_the_currency(environ: dict[str, str], given: str | None, expected: str) -> None:
    assert read_currency(environ, given) == expected


@pytest.mark.parametrize(
    ("environ", "given", "where"),
    [
        pytest.param({}, "EURO", "--currency is 'EURO'", id="option"),
        pytest.param({"GATELIFT_CURRENCY": "BTC"}, None, "GATELIFT_CURRENCY is 'BTC'", id="environment"),
        pytest.param({}, "'; x", "--currency", id="nonsense"),
    ],
)
def test_an_unknown_currency_is_one_clear_error(environ: dict[str, str], given: str | None, where: str) -> None:
    with pytest.raises(GateliftError, match="Azure has no prices") as raised:
        read_currency(environ, given)
    assert where in str(raised.value)
    assert "EUR" in raised.value.hint
