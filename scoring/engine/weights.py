"""Where a model's files come from: a mounted model asset, a path, or the Hugging Face Hub (with HF_TOKEN)."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import httpx
from huggingface_hub import HfApi
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from scoring.engine.hub_token import hub_token
from scoring.errors import WeightsMissing

logger = logging.getLogger("scoring")

# What a served model needs at the root of its repository; the other formats that lie beside are not fetched.
PLAIN_FILES = ("*.json", "*.txt", "*.model", "*.jinja", "*.py", "*.tiktoken", "tokenizer*", "*/config.json", "*/*.json")
TENSOR_FILES = ("*.safetensors", "*.bin", "*.pt")
OTHER_FORMATS = ["original/*", "onnx/*"]
# Names that vLLM resolves by itself: object stores, GGUF repositories with their quantisation.
PASSED_THROUGH = ("s3://", "gs://", "az://", "runai://")


@dataclass(frozen=True)
class Weights:
    """A model ready to load: `location` for vLLM, and the name it has on the Hub or on disk."""

    location: str
    name: str


def is_hub_id(model: str) -> bool:
    """Tell `org/name` on the Hub from a local path and from what vLLM resolves itself."""
    return not (Path(model).exists() or model.startswith((*PASSED_THROUGH, "/", "./", "../", "~")) or ":" in model)


def fetch_weights(
    model: str, *, revision: str | None, hub_url: str, with_tensors: bool = True, cache: Path | None = None
) -> Weights:
    """Return the model's files, downloaded when `model` is a Hub id; every refusal becomes one clear message."""
    if not is_hub_id(model):
        return Weights(location=str(_checked_folder(model)), name=model)
    page = f"{hub_url}/{model}"
    try:
        hub = HfApi(endpoint=hub_url, token=hub_token(os.environ))
        return Weights(location=_download(hub, model, revision, with_tensors, cache), name=model)
    except HFValidationError as error:
        raise WeightsMissing(
            f"{model!r} is neither a folder nor a Hugging Face model id", hint="write it as org/name, or give a path"
        ) from error
    except HfHubHTTPError as error:
        raise explain_refusal(error, model=model, revision=revision, page=page) from error
    except (OSError, httpx.HTTPError, LocalEntryNotFoundError) as error:
        raise WeightsMissing(
            f"cannot download {model}: {type(error).__name__}: {_one_line(error)}",
            hint=f"is {hub_url} reachable from here, and is there space on the disk?",
        ) from error


def _checked_folder(model: str) -> str | Path:
    if model.startswith(PASSED_THROUGH) or (":" in model and not Path(model).exists()):
        return model
    folder = Path(model).expanduser()
    if folder.is_file() or (folder / "config.json").is_file() or (folder / "params.json").is_file():
        return folder
    raise WeightsMissing(
        f"{model} holds no model: there is no config.json", hint="give the folder that config.json lies in"
    )


def _download(hub: HfApi, model: str, revision: str | None, with_tensors: bool, cache: Path | None) -> str:
    try:
        info = hub.model_info(model, revision=revision)
    except httpx.TransportError:
        logger.warning("the Hub is out of reach: taking %s from the cache if it is there", model)
        wanted = [*PLAIN_FILES, TENSOR_FILES[0]]
        return hub.snapshot_download(
            model,
            revision=revision,
            cache_dir=cache,
            allow_patterns=wanted,
            ignore_patterns=OTHER_FORMATS,
            local_files_only=True,
        )
    names = [file.rfilename for file in info.siblings or []]
    wanted = list(PLAIN_FILES)
    if with_tensors:
        wanted += [next((p for p in TENSOR_FILES if any(n.endswith(p[1:]) for n in names)), TENSOR_FILES[0])]
    return hub.snapshot_download(
        model,
        revision=info.sha or revision,
        cache_dir=cache,
        allow_patterns=wanted,
        ignore_patterns=OTHER_FORMATS,
    )


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
    if status == 403:
        return WeightsMissing(
            f"the token may not read {model} (403): {said}",
            hint="a fine-grained token needs 'read access to contents of all public gated repos you can access'",
        )
    return WeightsMissing(f"the Hub answered {status} for {model}: {said}", hint=f"see {page}; try again later")


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
    return " ".join(str(error).split())[:300]
