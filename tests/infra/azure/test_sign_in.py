"""What azure-identity says about a login that failed, and what a person reads of it."""

import pytest

from infra.azure.sign_in import refused, who

TRACE = "Trace ID: 1 Correlation ID: 8eea681d-a1eb-487d-9be7-d61225177f00 Timestamp: 2025-10-13 14:54:34Z"
EXPIRED = f"AADSTS700024: Client assertion is not within its valid time range. {TRACE}"
CHAIN = """DefaultAzureCredential failed to retrieve a token from the included credentials.
Attempted credentials:
\tEnvironmentCredential: EnvironmentCredential authentication unavailable.
\tAzureCliCredential: {}
To mitigate this issue, please refer to the troubleshooting guidelines here"""


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        pytest.param(
            f"Microsoft Entra ID error '(invalid_client) {EXPIRED}'",
            "AADSTS700024",
            "AADSTS700024: Client assertion is not within its valid time range.",
            id="assertion",
        ),
        pytest.param(
            CHAIN.format(f"ERROR: {EXPIRED}\nInteractive authentication is needed. Please run:\naz login"),
            "AADSTS700024",
            "AADSTS700024: Client assertion is not within its valid time range.",
            id="through-az",
        ),
        pytest.param("Authentication failed: AADSTS99999: Odd.", "AADSTS99999", "AADSTS99999: Odd.", id="unknown"),
        pytest.param(CHAIN.format("Azure CLI not found on path"), "no_login", "not logged in to Azure", id="no-login"),
        pytest.param(
            CHAIN.format("ERROR: the token cache is locked"), "no_login", "the token cache is locked", id="az-says-why"
        ),
    ],
)
def test_the_code_and_the_text_of_entra_reach_the_person(text: str, code: str, message: str) -> None:
    error = refused("GitHub Actions", text)
    assert error.code == code
    assert message in str(error)
    assert "Trace ID" not in str(error)
    assert error.hint


def test_the_correlation_id_is_kept_for_a_support_request() -> None:
    assert refused("x", EXPIRED).request_id == "8eea681d-a1eb-487d-9be7-d61225177f00"


def test_an_unknown_code_has_its_page() -> None:
    assert "https://login.microsoftonline.com/error?code=99999" in refused("x", "AADSTS99999: Odd.").hint


def test_an_assertion_is_never_shown() -> None:
    assert "eyJ" not in str(refused("x", "AADSTS50027: bad token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"))


@pytest.mark.parametrize("token", ["", "opaque", "a.b.c", "a.e30.c", "a.W10.c"])
def test_a_token_that_says_nothing(token: str) -> None:
    assert who(token) == ""
