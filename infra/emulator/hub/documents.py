"""The Hub's JSON documents on users, repositories and files."""

import json
from collections.abc import Collection
from contextlib import suppress
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from infra.emulator.hub.gate import HubToken
from infra.emulator.hub.history import Commit, RepoFile
from infra.emulator.hub.repos import Repo

CREATED = "2026-01-01T00:00:00.000Z"
MASKED = "*" * 64
POINTER_SIZE = 134
OF_A_COMMIT = ("siblings", "sha", "lastModified", "config", "cardData", "safetensors", "usedStorage")


def whoami(token: HubToken) -> dict[str, Any]:
    """The answer of whoami: the token's user and permissions."""
    access: dict[str, Any] = {"displayName": f"{token.user}-token", "role": token.role, "createdAt": CREATED}
    if token.role == "fineGrained":
        user = {"_id": _object_id(token.user), "type": "user", "name": token.user}
        scope = {"entity": user, "permissions": ["repo.content.read"]}
        access["fineGrained"] = {"canReadGatedRepos": token.gated_repos, "global": [], "scoped": [scope]}
    return {
        "type": "user",
        "id": _object_id(token.user),
        "name": token.user,
        "fullname": token.user,
        "email": f"{token.user}@example.com",
        "emailVerified": True,
        "canPay": False,
        "periodEnd": None,
        "isPro": False,
        "avatarUrl": f"/avatars/{token.user}.svg",
        "orgs": [],
        "auth": {"type": "access_token", "accessToken": access},
    }


def model_info(repo: Repo, *, readable: bool, blobs: bool = False, expand: Collection[str] = ()) -> dict[str, Any]:
    """A repository as `/api/models/{id}` describes it; `expand` picks fields."""
    card, config = _card(repo), _config(repo)
    known = {key: value for key in ("pipeline_tag", "library_name") if isinstance(value := card.get(key), str)}
    tags = [*known.values(), *(f"license:{card['license']}" for _ in [0] if "license" in card), "region:us"]
    document = {
        "_id": _object_id(repo.id),
        "id": repo.id,
        "modelId": repo.id,
        "author": repo.owner,
        "sha": repo.sha,
        "lastModified": repo.commit.date,
        "createdAt": CREATED,
        "private": repo.private,
        "gated": repo.gated,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": tags,
        **known,
        "cardData": card,
        "config": {key: config[key] for key in ("architectures", "model_type") if key in config},
        "siblings": [_sibling(file, blobs=blobs, readable=readable) for file in repo.files.values()],
        "spaces": [],
        "usedStorage": sum(file.size for file in repo.files.values()),
    }
    ours = OF_A_COMMIT if repo.told.get("sha") != repo.sha else ("siblings",)
    document |= {key: value for key, value in repo.told.items() if key not in ours}
    return {key: value for key, value in document.items() if key in ("_id", "id", *expand)} if expand else document


def tree(repo: Repo, folder: str, *, recursive: bool, readable: bool, expand: bool = False) -> list[dict[str, Any]]:
    """The entries below a folder, "" for all; empty where there is no such folder."""
    prefix = f"{folder}/" if folder else ""
    entries: dict[str, dict[str, Any]] = {}
    for path, file in repo.files.items():
        if not path.startswith(prefix):
            continue
        parents = path[len(prefix) :].split("/")[:-1]
        for depth in range(1, len(parents) + 1):
            name = prefix + "/".join(parents[:depth])
            if recursive or depth == 1:
                entries[name] = {"type": "directory", "oid": _object_id(name) + "0" * 16, "size": 0, "path": name}
        if recursive or not parents:
            entries[path] = file_entry(file, readable=readable)
    if expand:
        commit = {"id": repo.sha, "title": repo.commit.title, "date": repo.commit.date}
        entries = {name: {**entry, "lastCommit": commit} for name, entry in entries.items()}
    return list(entries.values())


def refs(repo: Repo) -> dict[str, Any]:
    """The branches and tags."""
    kinds = {"branches": ("heads", repo.history.branches), "tags": ("tags", repo.history.tags)}
    shown = {
        kind: [{"name": name, "ref": f"refs/{below}/{name}", "targetCommit": each.sha} for name, each in known.items()]
        for kind, (below, known) in kinds.items()
    }
    return {**shown, "converts": [], "pullRequests": []}


def commit_entry(repo: Repo, commit: Commit) -> dict[str, Any]:
    """A commit as the list of commits shows it."""
    authors = [{"user": repo.owner}]
    return {"id": commit.sha, "title": commit.title, "message": "", "authors": authors, "date": commit.date}


def file_entry(file: RepoFile, *, readable: bool) -> dict[str, Any]:
    """A file as listings describe it; the hash of its content is masked unless it is `readable`."""
    entry: dict[str, Any] = {"type": "file", "oid": file.oid, "size": file.size, "path": file.path}
    if file.sha256:
        oid = file.sha256 if readable else MASKED
        entry["lfs"] = {"oid": oid, "size": file.size, "pointerSize": POINTER_SIZE}
    return entry


def _sibling(file: RepoFile, *, blobs: bool, readable: bool) -> dict[str, Any]:
    if not blobs:
        return {"rfilename": file.path}
    sibling: dict[str, Any] = {"rfilename": file.path, "size": file.size, "blobId": file.oid}
    if file.sha256:
        sha256 = file.sha256 if readable else MASKED
        sibling["lfs"] = {"sha256": sha256, "size": file.size, "pointerSize": POINTER_SIZE}
    return sibling


def _card(repo: Repo) -> dict[str, Any]:
    text = _text(repo, "README.md")
    _, _, rest = text.partition("---\n")
    header, end, _ = rest.partition("\n---")
    if not text.startswith("---\n") or not end:
        return {}
    with suppress(YAMLError):
        card = YAML(typ="safe").load(header)
        return card if isinstance(card, dict) else {}
    return {}


def _config(repo: Repo) -> dict[str, Any]:
    with suppress(ValueError):
        config = json.loads(_text(repo, "config.json"))
        return config if isinstance(config, dict) else {}
    return {}


def _text(repo: Repo, path: str) -> str:
    """The text of a file; empty where it is not in the repository, or not on this machine."""
    with suppress(KeyError, OSError):
        return repo.files[path].source.read_text()
    return ""


def _object_id(name: str) -> str:
    """24 hexadecimal digits, always the same for one name."""
    return name.encode().hex()[:24].rjust(24, "0")
