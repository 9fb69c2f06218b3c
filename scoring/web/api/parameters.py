"""What Azure AI Model Inference takes beside the body: the api-version, and what to do with extra parameters."""

from typing import Annotated, Any

from fastapi import Header, Query, Request

from scoring.contracts.model_inference.request_model import RequestModel
from scoring.problems import Problem

# The first is what the reference's own example sends.
API_VERSIONS = ("2024-04-01-preview", "2024-05-01-preview", "2025-04-01")
EXTRA_MODES = {
    "error": "error",
    "drop": "drop",
    "ignore": "drop",
    "pass-through": "pass-through",
    "allow": "pass-through",
}
MOST_NAMES = 16  # of extra parameters, in an error
ExtraMode = Annotated[
    str, Header(alias="extra-parameters", json_schema_extra={"enum": ["error", "drop", "pass-through"]})
]


async def check_version(  # not plain `def`: FastAPI would call that in a thread
    request: Request,
    _: Annotated[str | None, Query(alias="api-version", json_schema_extra={"enum": list(API_VERSIONS)})] = None,
) -> None:
    """Raise `Problem` (400) without one `api-version` that is served; upper and lower case are the same."""
    given = [value for name, value in request.query_params.multi_items() if name.lower() == "api-version"]
    if len(given) == 1 and given[0].lower() in API_VERSIONS:
        return
    supported = f"Supported: {', '.join(API_VERSIONS)}."
    if not given:
        hint = "An OpenAI client's base URL ends in /v1 and needs none."
        message, code = f"The query parameter api-version is missing. {supported} {hint}", "MissingApiVersion"
    elif len(given) > 1:
        message, code = f"The query parameter api-version is given {len(given)} times.", "UnsupportedApiVersion"
    else:
        message, code = f"The api-version {given[0][:60]!r} is not supported. {supported}", "UnsupportedApiVersion"
    raise Problem(400, message, code=code, param="api-version")


def without_extras(document: dict[str, Any], body: RequestModel, given: str) -> dict[str, Any]:
    """Return a document as `extra-parameters` wants it; raises `Problem` (400) where extra ones are not allowed."""
    mode = EXTRA_MODES.get(given.strip().lower())
    if mode is None:
        raise Problem(
            400,
            f"The header extra-parameters is {given!r:.60}; it may be error, drop or pass-through.",
            code="InvalidExtraParametersMode",
            param="extra-parameters",
        )
    extra = list(body.model_extra or ())
    if extra and mode == "error":
        named = [name[:60] for name in extra[:MOST_NAMES]]
        raise Problem(
            400,
            # Azure's own words, which litellm reads to send the request again without them.
            f"Extra parameters {named} are not allowed when extra-parameters is not set or set to be 'error'. "
            "Set extra-parameters to 'pass-through' to pass to the model, or to 'drop'.",
            code="ExtraParametersNotAllowed",
            param=named[0],
            details={"extra": named},
        )
    return document if mode == "pass-through" else {k: v for k, v in document.items() if k not in extra}
