"""Reads seed files, and tells whether a state folder was made from one."""

import hashlib
import json
from pathlib import Path
from typing import Any

from infra.errors import GateliftError

EXPLAINED = "'The seed file' in docs/emulator.md shows everything that a seed may contain"
NO_SEED = "none"


class SeedError(GateliftError):
    """The seed file cannot be used."""

    code = "invalid_seed"


def read_seed(path: Path) -> dict[str, Any]:
    """Read and check a seed file."""
    try:
        seed = json.loads(path.read_text())
    except OSError as error:
        raise SeedError(f"cannot read the seed file {path}: {error.strerror}", hint="check --seed") from None
    except ValueError as error:
        raise SeedError(f"{path} is not JSON: {error}", hint=EXPLAINED) from None
    except RecursionError:
        raise SeedError(f"{path} is not JSON: nested too deeply", hint=EXPLAINED) from None
    from infra.emulator.seed.model import first_mistake  # pydantic, which nothing else of the emulator needs

    if wrong := first_mistake(seed):
        raise SeedError(f"{path}: {wrong}", hint=EXPLAINED)
    return _with_folders(seed, path)


def _with_folders(seed: dict[str, Any], path: Path) -> dict[str, Any]:
    """The seed with the folders of its repositories as absolute paths: they are relative to the seed file."""
    for repo in seed.get("hub", {}).get("repos", []):
        if not repo.get("folder"):
            continue
        folder = (path.parent / Path(repo["folder"]).expanduser()).resolve()
        if not folder.is_dir():
            hint = f"folders are relative to the seed file, so this is {folder}"
            raise SeedError(f"{path}: {repo['id']}: there is no folder {repo['folder']}", hint=hint)
        repo["folder"] = str(folder)
    return seed


def digest_of(seed: dict[str, Any] | None) -> str:
    """The digest of a seed's content; its formatting does not matter."""
    if seed is None:
        return NO_SEED
    return hashlib.sha256(json.dumps(seed, sort_keys=True).encode()).hexdigest()


def kept_digest(record: dict[str, Any] | None) -> str:
    """The seed's digest in a record or a profile; empty where an older version wrote none."""
    return str((record or {}).get("seed_digest", ""))


def check_seed(seed: dict[str, Any], kept: str, state: Path) -> None:
    """`SeedError` where the state was made from another seed or from none."""
    if kept and kept != digest_of(seed):
        made = "without a seed" if kept == NO_SEED else "from another seed"
        raise SeedError(
            f"the state {state} was made {made}: a seed is for a new state",
            hint="leave --seed out to go on with it, choose another --state, or `gatelift emulator reset` it",
        )
