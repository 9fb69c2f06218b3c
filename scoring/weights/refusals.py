"""Why a model's files cannot be had, in one sentence for each answer of the Hub, with the way out."""

from collections.abc import Sequence

from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from scoring.errors import WeightsMissing
from scoring.weights.disk import cannot_write
from scoring.weights.hub_client import without_signatures
from scoring.weights.patience import retry_after

OF_THE_HUB = ("/api/", "/resolve/")  # its own paths: where it has large files sent from, there are others
SERVER_FAULT = 500


def explain_refusal(error: HfHubHTTPError, *, model: str, revision: str | None, page: str) -> WeightsMissing:
    """Tell the Hub's refusals apart: gated without token, without access, under review; not there; bad token."""
    status = error.response.status_code if error.response is not None else 0
    said = _one_line(error.server_message or error)
    if isinstance(error, GatedRepoError):
        return _gated(status, said, model, page)
    if isinstance(error, RevisionNotFoundError):
        return WeightsMissing(f"{model} has no revision {revision!r}", hint=f"see {page}/commits/main")
    if isinstance(error, RepositoryNotFoundError) and status != 401:
        return WeightsMissing(
            f"{model} does not exist on the Hub, or it is private and the token may not see it", hint=f"see {page}"
        )
    if status == 401:
        return WeightsMissing(
            f"the Hub refused to say anything about {model}: the token is missing, wrong or expired (401)",
            hint=f"check the id ({page}) and the token in HF_TOKEN",
        )
    passing = status == 429 or status >= SERVER_FAULT
    if error.response is not None and not passing and not any(own in error.response.url.path for own in OF_THE_HUB):
        host = error.response.url.host
        return WeightsMissing(
            f"the Hub has files of {model} sent from {host}, which answered {status}",
            hint=f"let {host} through the firewall and the proxy, or mount the model (`model.mirror`)",
        )
    if status == 403:
        return WeightsMissing(
            f"the token may not read {model} (403): {said}",
            hint="a fine-grained token needs 'read access to contents of all public gated repos you can access'",
        )
    if status == 429 or status >= SERVER_FAULT:
        return _not_now(error, status, said, model)
    return WeightsMissing(f"the Hub answered {status} for {model}: {said}", hint=f"see {page}; try again later")


def _not_now(error: HfHubHTTPError, status: int, said: str, model: str) -> WeightsMissing:
    """Return the error for a Hub that throttles or has a fault, after it was waited for."""
    if status == 429:
        wait = retry_after(error)
        after = f"; it asks to wait {wait:.0f} s" if wait else ""
        return WeightsMissing(
            f"the Hub has had too many requests from here and refused {model} to the end (429){after}",
            hint="SCORING_HUB_SECONDS says how long it is waited for; `model.mirror: true` asks the Hub once for all",
        )
    return WeightsMissing(
        f"the Hub has a fault of its own: it answered {status} for {model}: {said}",
        hint="see https://status.huggingface.co; SCORING_HUB_SECONDS says how long it is waited for",
    )


def cannot_download(error: Exception, model: str, hub_url: str) -> WeightsMissing:
    """Return the error for a Hub that is not reached, a disk that takes no files, and what else keeps them away."""
    if refused := cannot_write(error, model):
        return refused
    if "OfflineMode" in type(error).__name__:
        return WeightsMissing(
            f"{model} is not wholly in the cache, and HF_HUB_OFFLINE forbids to ask the Hub",
            hint="take HF_HUB_OFFLINE away once, or mount the model",
        )
    if isinstance(error, ValueError):
        return WeightsMissing(
            f"what answers at {hub_url} is not a Hub: it sent no JSON",
            hint="is a login page or a proxy in between? check HF_ENDPOINT",
        )
    return WeightsMissing(
        f"cannot download {model}: {type(error).__name__}: {_one_line(error)}",
        hint=f"is {hub_url} reachable from here? A mounted model (`model.path`, `model.mirror`) needs no Hub",
    )


def no_weights(model: str, names: Sequence[str]) -> WeightsMissing:
    """Return the error for a repository that holds nothing to serve."""
    if any(name.endswith(".gguf") for name in names):
        return WeightsMissing(
            f"{model} holds GGUF files alone, which the scoring server does not load",
            hint="take the model that it was made from: its page on the Hub names it",
        )
    if "adapter_config.json" in names:
        return WeightsMissing(f"{model} is an adapter, not a model", hint="name its base model, and it in `adapters`")
    return WeightsMissing(
        f"{model} holds no weights that vLLM reads", hint="a model has *.safetensors, or *.bin, beside its config.json"
    )


def _gated(status: int, said: str, model: str, page: str) -> WeightsMissing:
    if status == 401:
        return WeightsMissing(
            f"{model} is gated and no valid token was given (401)",
            hint=f"ask for access at {page}, then set HF_TOKEN to a read or fine-grained token",
        )
    if "awaiting" in said.lower() or "pending" in said.lower():
        return WeightsMissing(
            f"the authors of {model} have not yet granted the access that was asked for (403)", hint=f"see {page}"
        )
    if "fine-grained" in said.lower():
        return WeightsMissing(
            f"the fine-grained token may not read gated repositories such as {model} (403)",
            hint="turn on 'read access to contents of all public gated repos you can access' for it",
        )
    if "rejected" in said.lower():
        return WeightsMissing(f"the authors of {model} rejected the request for access (403)", hint=f"see {page}")
    return WeightsMissing(f"the token has no access to the gated model {model} (403)", hint=f"ask for access at {page}")


def _one_line(error: object) -> str:
    return without_signatures(" ".join(str(error).split()))[:300]
