"""Lists what a stack has left behind (resources, blobs, identities, processes), comparable between stacks."""

import json
import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.emulator.state.paths import StatePaths
from tests.infra.matrices.stage import GOOD, SUBSCRIPTION, Stage

UNIQUE = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{8}-[0-9a-f]{32}|st[0-9a-f]{18}|\b[0-9a-f]{64}\b"
)
LOCKS = "/gatelift-locks/"
REGISTRY = "/providers/microsoft.containerregistry/"  # its runs and their logs are history: each build adds to it
SECRET = GOOD.removeprefix("hf_")


def inventory(stage: Stage, spec: dict[str, Any]) -> Counter[str]:
    """Everything in the stack's resource group, without names that differ from stack to stack."""
    name = spec["name"]
    found = Counter(_plain(line, name) for line in _stored(stage.state, name))
    for instance in stage.instances(spec):
        found[_plain(f"process of {instance['deployment']} ready={instance['ready']}", name)] += 1
    return found


def stored_token(stage: Stage, spec: dict[str, Any]) -> str:
    """The token in the stack's connection, read from the vault itself."""
    workspace = spec["workspace"]
    key = (
        f"/subscriptions/{SUBSCRIPTION}/resourcegroups/{workspace['resource_group']}/providers/"
        f"microsoft.machinelearningservices/workspaces/{workspace['name']}/connections/huggingfacetokenconnection"
    )
    for (value,) in _rows(stage.state, "SELECT value FROM secrets WHERE key = ?", key.lower()):
        return str(json.loads(value).get("keys", {}).get("HF_TOKEN", ""))
    return ""


def leaks(stage: Stage) -> list[str]:
    """Files that contain the token, except the vault and the file in which the test passed it."""
    vault = StatePaths(stage.state).database
    allowed = {stage.folder / "seed.json", *vault.parent.glob(f"{vault.name}*")}
    files = [Path(folder, name) for folder, _, names in os.walk(stage.folder) for name in names]
    return sorted(str(path.relative_to(stage.folder)) for path in files if path not in allowed and _holds_it(path))


def _holds_it(path: Path) -> bool:
    try:
        return SECRET.encode() in path.read_bytes()
    except FileNotFoundError:  # the emulator deleted it in the meantime
        return False


def difference(found: Counter[str], wanted: Counter[str]) -> str:
    """What is superfluous and what is missing, in one line; empty where nothing differs."""
    more, less = sorted((found - wanted).elements()), sorted((wanted - found).elements())
    parts = [f"left over: {', '.join(more)}"] if more else []
    return "; ".join([*parts, *([f"missing: {', '.join(less)}"] if less else [])])


def _stored(state: Path, name: str) -> Iterator[str]:
    group = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/group-{name}/"
    documents = ""
    for key, text in _rows(state, "SELECT key, document FROM resources WHERE key LIKE ?", f"{group}%"):
        documents += text
        if REGISTRY in key:
            continue
        document = json.loads(text)
        properties = document.get("properties") or {}
        if "/roleassignments/" in key:
            key = f"{key.rpartition('/')[0]}/{properties['roleDefinitionId'].rpartition('/')[2][:4]}"
        shown = [str(properties.get("provisioningState") or ""), "archived" if properties.get("isArchived") else ""]
        if "/onlineendpoints/" in key:
            traffic = {deployment: share for deployment, share in (properties.get("traffic") or {}).items() if share}
            shown += [f"traffic={traffic}" if traffic else "", str((document.get("sku") or {}).get("capacity") or "")]
        yield " ".join(["resource", key.removeprefix(group), *(part for part in shown if part)])
    for key, text in _rows(state, "SELECT key, value FROM records WHERE kind = 'container'"):
        # Each upload has a place of its own: one that was interrupted leaves a place that nothing refers to.
        if json.loads(text)["account_id"].lower().startswith(group) and key in documents:
            yield f"container {key}"
            for (blob,) in _rows(state, "SELECT key FROM records WHERE kind = 'blob' AND key LIKE ?", f"{key}/%"):
                if (
                    LOCKS not in blob
                ):  # the lock of a killed command is taken or deleted by the next that changes something
                    yield f"blob {blob}"
    for (text,) in _rows(state, "SELECT value FROM records WHERE kind = 'principal'"):
        if f"{name}-endpoint" in text:
            yield f"identity {json.loads(text)['name']}"


def _rows(state: Path, query: str, *values: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"file:{StatePaths(state).database}?mode=ro", uri=True, timeout=20)
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()


def _plain(line: str, name: str) -> str:
    return UNIQUE.sub("*", re.sub(rf"(?<![a-z0-9]){name}(?![a-z0-9])", "S", line))
