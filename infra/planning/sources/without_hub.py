"""What can be known of a model while the Hub is not asked, or does not answer: from Azure and this machine's cache."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.errors import NotReady
from infra.hub.facts import ModelFacts, weight_bytes
from infra.hub.machine_cache import MAIN, commit_in_cache, files_in_cache
from infra.hub_behind import machine_cache
from infra.model_files import missing_shards
from infra.planning.sources.found import Asked

COMMIT = re.compile(r"[0-9a-f]{40}")
REFERENCE = re.compile(r"\$\{\{(azureml://connections/|keyvault:)")
PIN = "write the full commit into `revision`"
SAY_GATED = "run this where the Hub can be reached, or write `token: {}` into the spec, as for a gated model"


def hub_facts(asked: Asked, model: str, revision: str | None) -> ModelFacts:
    """The Hub's facts; where it cannot be asked, what this machine and the running deployment tell of it.

    Raises the Hub's own error, with what is missing, where that does not suffice.
    """
    try:
        return asked.hub.model(model, revision, asked.token)
    except NotReady as error:
        if asked.hub.local:  # the emulated one has caches of its own
            raise
        return _known(asked, model, revision, error)


def _known(asked: Asked, model: str, revision: str | None, error: NotReady) -> ModelFacts:
    running = _running(asked, model)
    cache = Path(machine_cache(os.environ))
    commit, why = _commit(cache, model, revision, running)
    if not commit and not running and not asked.hub.offline:
        raise error  # there is nothing to go on with
    if not commit:
        message = f"{error}; and nobody here knows which commit {revision or MAIN!r} of {model} is"
        raise NotReady(message, hint=f"{PIN}; {error.hint}", code=error.code)
    if not running and asked.spec.token is None:
        message = f"{error}; {model} is not deployed yet, and only the Hub knows whether it needs a token"
        raise NotReady(message, hint=f"{SAY_GATED}; {error.hint}", code=error.code)
    files = files_in_cache(cache, model, commit)
    whole = not missing_shards([file.name for file in files])
    asked.hub.say(f"{error}: {model} is taken at the commit {commit[:12]}, {why}; its catalog entry stays as it is")
    gated = asked.spec.token is not None or any(REFERENCE.match(str(each.get("HF_TOKEN"))) for each in running)
    return ModelFacts(model, commit, gated=gated, weights=weight_bytes(files) if whole else None, asked=False)


def _running(asked: Asked, model: str) -> list[Mapping[str, Any]]:
    """The environment variables of the endpoint's deployments that download this model."""
    cloud = asked.cloud
    documents = cloud.management.list(cloud.workspace.endpoint(asked.spec.endpoint.name.lower()) + "/deployments")
    found = [each.get("properties", {}).get("environmentVariables") or {} for each in documents]
    return [each for each in found if model in (each.get("SCORING_MODEL"), *_adapters(each))]


def _adapters(variables: Mapping[str, Any]) -> list[str]:
    return re.findall(r'"model": "([^"]+)"', str(variables.get("SCORING_ADAPTERS") or ""))


def _commit(cache: Path, model: str, revision: str | None, running: list[Mapping[str, Any]]) -> tuple[str, str]:
    """The commit to take, and why; empty where nobody knows it."""
    if revision and COMMIT.fullmatch(revision):
        return revision, "as the spec has it"
    live = {str(each.get("SCORING_REVISION")) for each in running if each.get("SCORING_MODEL") == model}
    if revision in (None, MAIN) and len(live) == 1:
        return live.pop(), "as it is deployed"
    found = commit_in_cache(cache, model, revision)
    return found, f"which {revision or MAIN!r} was when this machine's cache was filled"
