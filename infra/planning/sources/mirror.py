"""A copy of the Hub's files at a commit in the workspace, shared by all stacks, which works without the Hub."""

import json
import re
from collections.abc import Callable, Collection
from typing import Any

from infra.azure.cloud import SourceFile
from infra.errors import GateliftError, Refused
from infra.hub.facts import ModelFacts
from infra.model_files import OF_THEIR_OWN, missing_shards, tensor_files
from infra.planning.sources.found import Asked, read_recorded, recorded
from infra.resources.deployment import live_deployment
from infra.resources.weights.version import BYTES, CONTENT, FACTS, Weights, asset_of

COMMIT = re.compile(r"[0-9a-f]{40}")
NOT_ASKED = "the Hub is not asked"
Choose = Callable[[Collection[str], str], list[str]]


def mirrored(asked: Asked, model: str, revision: str | None, choose: Choose) -> tuple[ModelFacts, Weights]:
    """The facts about a repository, and its copy; `choose` says which files are copied.

    Where the Hub does not answer, or knows the repository no longer, a copy that is in the workspace is as good.
    """
    if revision and COMMIT.fullmatch(revision):
        id = asked.cloud.workspace.asset("models", asset_of(model, _variant(asked)), revision[:12])
        document = asked.cloud.management.get(id)
        if document and _commit(document) == revision:
            return _from_copy(asked, model, document, NOT_ASKED)
    try:
        facts = asked.hub.model(model, revision, asked.token)
    except GateliftError as error:
        pinned = bool(revision and COMMIT.fullmatch(revision))  # another commit is not what was asked for
        copy = None if pinned or error.code == "revision_not_found" else _kept_copy(asked, model)
        if copy is None:
            raise
        return _from_copy(asked, model, copy, f"stays at the commit {_commit(copy)[:12]}: {error}")
    return facts, _weights(asked, model, facts, choose)


def _weights(asked: Asked, model: str, facts: ModelFacts, choose: Choose) -> Weights:
    chosen = set(choose([file.name for file in facts.files], _variant(asked) or "auto"))
    files = [file for file in facts.files if file.name in chosen]
    _check_complete(model, chosen)
    if unknown := [file.name for file in files if file.size is None]:
        message = f"{model} cannot be copied: the Hub does not say how large {unknown[0]} is"
        raise Refused(message, hint="leave out `mirror`", code="size_unknown")
    sources = tuple(
        SourceFile(
            file.name,
            file.size or 0,
            file.sha256,
            file.git_oid,
            url=asked.hub.resolve_url(model, facts.revision, file.name),
        )
        for file in files
    )
    return Weights(
        model,
        facts.revision,
        sources,
        asked.spec.name,
        sum(file.size for file in sources),
        token=(asked.token or "") if facts.needs_token else "",
        facts=recorded(facts),
        needs_token=facts.needs_token,
        variant=_variant(asked),
    )


def _variant(asked: Asked) -> str:
    """The stack's `load_format` where it needs other files than the copy that most stacks share."""
    wanted = asked.spec.load_format()
    return wanted if wanted in OF_THEIR_OWN else ""


def _check_complete(model: str, chosen: Collection[str]) -> None:
    tensors = tensor_files(chosen)
    missing = missing_shards(tensors)
    if missing or not tensors:
        what = f"lacks {missing[0]}" if missing else "has no weights that vLLM reads (safetensors, bin or pt)"
        raise Refused(
            f"{model} cannot be copied: it {what}", hint="choose another revision or model", code="no_weights"
        )


def _from_copy(asked: Asked, model: str, document: dict[str, Any], note: str) -> tuple[ModelFacts, Weights]:
    kept = document["properties"].get("properties") or {}
    commit, facts = _commit(document), str(kept.get(FACTS, ""))
    size = int(kept[BYTES]) if str(kept.get(BYTES, "")).isdecimal() else 0
    weights = Weights(model, commit, (), asked.spec.name, size, facts=facts, variant=_variant(asked), note=note)
    return read_recorded(facts, model, commit), weights


def _kept_copy(asked: Asked, model: str) -> dict[str, Any] | None:
    """The copy that the stack's deployments use, else the newest one; None where there is none."""
    cloud, asset = asked.cloud, asset_of(model, _variant(asked))
    versions = [
        each for each in cloud.management.list(f"{cloud.workspace.id}/models/{asset}/versions") if _commit(each)
    ]
    endpoint = asked.spec.endpoint.name.lower()
    documents = cloud.management.list(cloud.workspace.endpoint(endpoint) + "/deployments") if versions else []
    live = [live_deployment(document, endpoint) for document in documents]
    own = json.dumps([each.state for each in live if each.owner == asked.spec.name], default=str)
    used = [each for each in versions if f"{asset}:{each['name']}" in own or f"/{asset}/{each['name']}/" in own]
    newest = sorted(used or versions, key=lambda each: str((each.get("systemData") or {}).get("createdAt", "")))
    return newest[-1] if newest else None


def _commit(document: dict[str, Any]) -> str:
    """The commit of which a version is a copy; empty for any other version, and for an archived one."""
    properties = document.get("properties", {})
    content = str((properties.get("properties") or {}).get(CONTENT, ""))
    return content if COMMIT.fullmatch(content) and not properties.get("isArchived") else ""
