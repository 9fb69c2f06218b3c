"""What azure-identity says about a login that failed, and what a person reads of it."""

import pytest

from infra.azure.azure_clouds import PUBLIC
from infra.azure.login import AzureCredential
from infra.azure.sign_in import how_to_log_in, refused, who
from infra.errors import AccessDenied, NotReady

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


GITHUB = {"GITHUB_ACTIONS": "true", "AZURE_CLIENT_ID": "c", "AZURE_TENANT_ID": "t"}


@pytest.mark.parametrize(
    ("environ", "hint"),
    [
        pytest.param(GITHUB, "permissions: id-token: write", id="github-without-permission"),
        pytest.param(
            {**GITHUB, "AZURE_TENANT_ID": ""}, "set AZURE_TENANT_ID in the job's `env`", id="github-no-tenant"
        ),
        pytest.param({"TF_BUILD": "True"}, "SYSTEM_ACCESSTOKEN: $(System.AccessToken)", id="azure-pipelines"),
        pytest.param({}, "az login", id="a-person"),
    ],
)
def test_a_job_without_a_login_is_told_what_it_lacks(environ: dict[str, str], hint: str) -> None:
    assert hint in refused("the default chain", "no credential", how_to_log_in(environ)).hint


def test_a_login_that_reached_nobody_is_no_missing_login() -> None:
    error = refused(
        "the default chain", "EnvironmentCredential: Authentication failed: ('Unable to connect to proxy', …"
    )
    assert isinstance(error, NotReady)
    assert "EnvironmentCredential got no answer" in str(error)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AZURE_AUTHORITY_HOST", "http://insecure"),
        ("AZURE_CLIENT_CERTIFICATE_PATH", "/no/such/file"),
        ("AZURE_TENANT_ID", "b c"),
        ("AZURE_TOKEN_CREDENTIALS", "bogus"),
    ],
)
def test_a_variable_that_no_login_accepts_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    guid = "00000000-0000-0000-0000-000000000001"
    client = {"AZURE_CLIENT_ID": guid, "AZURE_TENANT_ID": guid}
    secret = {} if name == "AZURE_CLIENT_CERTIFICATE_PATH" else {"AZURE_CLIENT_SECRET": "x"}
    environ = {**client, **secret, name: value}
    for key, text in environ.items():
        monkeypatch.setenv(key, text)
    with pytest.raises(AccessDenied, match="set up wrongly") as error:
        AzureCredential(PUBLIC, environ)
    assert name in error.value.hint
