"""A secret that was seen is in nothing that is written, whatever form it travels in; what is none stays readable."""

import base64
import io
import json
from urllib.parse import quote, quote_plus

import pytest

from infra.redaction import RedactedStream, Secrets, looks_secret, redact_quoted

SECRET = 'p/4+ä"q\\z s3cr3t=&x'


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(SECRET, id="as-it-is"),
        pytest.param(quote(SECRET, safe=""), id="in-a-url"),
        pytest.param(quote(SECRET, safe="").lower(), id="in-a-url-in-lower-case"),
        pytest.param(quote_plus(SECRET), id="in-a-form"),
        pytest.param(json.dumps({"a": SECRET}), id="in-json"),
        pytest.param(json.dumps({"a": SECRET}, ensure_ascii=False), id="in-json-with-umlauts"),
        pytest.param(json.dumps(json.dumps({"a": SECRET})), id="in-json-in-json"),
        pytest.param(repr(SECRET), id="in-a-traceback"),
        pytest.param(base64.b64encode(SECRET.encode()).decode(), id="in-base64"),
        pytest.param(base64.b64encode(f"user:{SECRET}".encode()).decode(), id="in-basic-authentication"),
        pytest.param(base64.urlsafe_b64encode(f"me:{SECRET}!".encode()).decode(), id="in-url-safe-base64"),
    ],
)
def test_every_form_of_a_secret_is_hidden(written: str) -> None:
    secrets = Secrets()
    assert secrets.redact(written) == written
    secrets.learn(SECRET)
    found = secrets.redact(f"before {written} after")
    assert found.startswith("before ")
    assert found.endswith(" after")
    assert "(hidden)" in found
    assert "3cr3t" not in found


@pytest.mark.parametrize(
    "stored", ["hf_abcdef12345\n", "\ufeffhf_abcdef12345", '"hf_abcdef12345"', "Bearer hf_abcdef12345\r\n"]
)
def test_a_token_with_dirt_around_it_is_hidden_without_it_too(stored: str) -> None:
    secrets = Secrets()
    secrets.learn(stored)
    for text in ("hf_abcdef12345", stored, repr(stored), repr(stored.encode())):
        assert "abcdef" not in secrets.redact(f"Illegal header value {text}")


@pytest.mark.parametrize("more", [0xDCFF, 0xD83D], ids=["byte-of-a-variable", "half-a-character"])
def test_a_secret_that_is_no_unicode_is_hidden(more: int) -> None:
    stored = f"hf_abcdef12345{chr(more)}"
    secrets = Secrets()
    secrets.learn(stored)
    assert "abcdef" not in secrets.redact(f"said {stored} and {stored!r}")


def test_each_line_of_a_key_is_hidden() -> None:
    secrets = Secrets()
    secrets.learn("line-one-of-it-0001\nline-two-of-it-0002")
    assert secrets.redact("line-two-of-it-0002 line-one-of-it-0001") == "(hidden) (hidden)"


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("hf_" + "x1" * 15, "x1x1"),
        ("https://a.blob.core.windows.net/c/b?sv=1&sig=AbCd%2Fefgh123%3D&se=2", "AbCd"),
        ("DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2VjcmV0LXNlY3JldA==;X=1", "c2VjcmV0"),
        ("Authorization: Bearer abcdefghij.klmnopq-rst", "abcdefghij"),
        ("http://user:opensesame@proxy:8080", "opensesame"),
        ("-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----", "MIIabc"),
    ],
)
def test_the_form_of_a_secret_is_enough(text: str, gone: str) -> None:
    assert gone not in Secrets().redact(text)


@pytest.mark.parametrize(
    "text",
    ["hf_hub_download failed", "https://host:8443/v1/models?api-version=2024-04-01", "the key HF_TOKEN", "sk-learn"],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact_quoted(text) == text


def test_a_document_of_azure_tells_its_secrets() -> None:
    secrets = Secrets()
    secrets.allow({"name": "stack", "model": "org/the-model"})
    secrets.learn_document(
        {
            "value": [
                {
                    "tags": {"api_key": "of-a-tag-0001", "team": "red-team-1"},
                    "properties": {
                        "environmentVariables": {
                            "DB_PASSWORD": "of-a-variable",
                            "PLAIN": "set-by-somebody",
                            "MODEL": "org/the-model",
                            "SCORING_MODEL": "org/another-one",
                            "TOKEN": "${{azureml://connections/a/credentials/b}}",
                        },
                        "credentials": {"keys": {"one": "of-a-connection"}},
                        "description": "use ghp_abcdefghijklmnopqrstuv1 here",
                    },
                }
            ],
            "primaryKey": "of-an-endpoint",
        }
    )
    for hidden in ("of-a-tag-0001", "of-a-variable", "set-by-somebody", "of-a-connection", "of-an-endpoint"):
        assert secrets.redact(f"it is {hidden}.") == "it is (hidden)."
    for shown in ("red-team-1", "org/the-model", "org/another-one", "preset-by-somebody-else"):
        assert secrets.redact(f"it is {shown}.") == f"it is {shown}."
    assert secrets.redact_all({"a": ["of-a-variable"], "n": 1}) == {"a": ["(hidden)"], "n": 1}


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("HF_TOKEN", "abc-def-ghi", True),
        ("MY_API_KEY", "abc-def-ghi", True),
        ("STORAGE", "AccountName=a;AccountKey=c2VjcmV0LXNlY3JldA==", True),
        ("DATABASE_URL", "postgres://me:hunter22@db/x", True),
        ("HF_TOKEN", "${{azureml://connections/a/credentials/b}}", False),
        ("TOKENIZERS_PARALLELISM", "false", False),
        ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1", False),
        ("MAX_TOKENS", "131072", False),
        ("HF_TOKEN_PATH", "/home/me/token", False),
        ("LOG_LEVEL", "debug", False),
        ("gatelift_fingerprint_HF_TOKEN", "abc:def", False),
    ],
)
def test_what_looks_like_a_secret(name: str, value: str, secret: bool) -> None:
    assert looks_secret(name, value) is secret


@pytest.mark.parametrize(
    "said",
    [
        'invalid value {"HF_SECRET": "opensesame1"}',
        "environmentVariables.DB_PASSWORD=opensesame1 is refused",
        r"{\"api_key\":\"opensesame1\"}",
        "the tag apiKey: 'opensesame1'",
    ],
)
def test_what_a_service_quotes_beside_the_name_of_a_secret_is_hidden(said: str) -> None:
    assert "opensesame1" not in redact_quoted(said)


def test_the_working_folder_is_no_password() -> None:
    secrets = Secrets()
    secrets.learn_environment({"PWD": "/home/me/specs", "OLDPWD": "/home/me", "DB_PWD": "opensesame1"})
    said = "/home/me/specs/gatelift.yaml:3: opensesame1 is not a number"
    assert secrets.redact(said) == "/home/me/specs/gatelift.yaml:3: (hidden) is not a number"


def test_a_stream_hides_forms_and_gives_the_real_one_where_it_is_asked_for() -> None:
    real = io.StringIO()
    stream = RedactedStream(real)
    token = "hf_" + "y2" * 15
    assert stream.write(f"{token}\n") == len(token) + 1
    stream.writelines([token, "\n"])
    assert real.getvalue() == "hf_…\nhf_…\n"
    assert stream.unredacted is real
