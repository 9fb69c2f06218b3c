"""The seed file: what is in it, whether it makes sense, and whether a state was made from it."""

import hashlib
import json
from pathlib import Path
from typing import Any

from infra.emulator.regions import REGIONS
from infra.errors import GateliftError

SECTIONS = {"workspaces": list, "quota": dict, "hub": dict, "registries": list, "principals": list}
PLACE = ("subscription_id", "resource_group", "name", "location")
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
        raise SeedError(f"{path} is no JSON: {error}", hint="see 'The emulator on its own' in the README") from None
    if not isinstance(seed, dict):
        raise SeedError(f"{path}: the seed must be an object", hint=f"with any of {', '.join(SECTIONS)}")
    for section, value in seed.items():
        if section not in SECTIONS:
            raise SeedError(f"{path}: unknown section {section!r}", hint=f"there are {', '.join(SECTIONS)}")
        if not isinstance(value, SECTIONS[section]):
            raise SeedError(f"{path}: section {section!r} must be a {SECTIONS[section].__name__}, not {value!r}")
    for section in ("workspaces", "registries"):
        for index, place in enumerate(seed.get(section, [])):
            _check_place(path, f"{section}[{index}]", place)
    for index, entry in enumerate(seed.get("principals", [])):
        if not isinstance(entry, dict) or not isinstance(entry.get("client_id"), str):
            raise SeedError(f"{path}: principals[{index}].client_id is missing")
    for region, families in seed.get("quota", {}).items():
        _check_region(path, f"quota.{region}", region)
        if not isinstance(families, dict) or not all(type(cores) is int for cores in families.values()):
            raise SeedError(f"{path}: quota.{region} must map families to numbers of cores")
    return seed


def _check_place(path: Path, where: str, place: Any) -> None:
    if not isinstance(place, dict):
        raise SeedError(f"{path}: {where} must be an object with {', '.join(PLACE)}")
    for name in PLACE:
        if not isinstance(place.get(name), str) or not place[name]:
            raise SeedError(f"{path}: {where}.{name} is missing", hint=f"it needs {', '.join(PLACE)}")
    _check_region(path, f"{where}.location", place["location"])


def _check_region(path: Path, where: str, region: str) -> None:
    if region.lower().replace(" ", "") not in REGIONS:
        raise SeedError(f"{path}: {where}: Azure has no region {region!r}", hint="for example eastus or westeurope")


def digest_of(seed: dict[str, Any] | None) -> str:
    """What tells one seed from another: its content, not how it is written down."""
    if seed is None:
        return NO_SEED
    return hashlib.sha256(json.dumps(seed, sort_keys=True).encode()).hexdigest()


def kept_digest(record: dict[str, Any] | None) -> str:
    """The digest in the record of what was planted, or in a profile; empty where an older version wrote neither."""
    return str((record or {}).get("seed_digest", ""))


def check_seed(seed: dict[str, Any], kept: str, state: Path) -> None:
    """A state that was made from another seed is not mixed with this one."""
    if kept and kept != digest_of(seed):
        made = "without a seed" if kept == NO_SEED else "from another seed"
        raise SeedError(
            f"the state {state} was made {made}: a seed is for a new state",
            hint="leave --seed out to go on with it, choose another --state, or `gatelift emulator reset` it",
        )
