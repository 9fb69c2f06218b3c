"""The schema of seed files."""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from infra.emulator.arm.quota.vm_sizes import FAMILIES
from infra.emulator.hub.history import MAIN, ref_fault
from infra.emulator.seed.regions import REGIONS


def _region(name: str) -> str:
    if name.lower().replace(" ", "") not in REGIONS:
        raise ValueError(f"Azure has no region {name!r}, but for example eastus or westeurope")
    return name


def _family(name: str) -> str:
    if name.replace(" ", "").lower() not in {family.replace(" ", "").lower() for family in FAMILIES}:
        raise ValueError(f"no VM family {name!r}; there are {', '.join(FAMILIES)}")
    return name


def _file_path(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"{path!r} is not a path inside a repository")
    return path


def _ref(name: str) -> str:
    if name == MAIN or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*", name):
        raise ValueError(f"{name!r} is no name of a branch beside main, nor of a tag")
    return name


Text = Annotated[str, StringConstraints(min_length=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_(-][A-Za-z0-9_.()-]{0,89}$")]
Region = Annotated[str, AfterValidator(_region)]
Ref = Annotated[str, AfterValidator(_ref)]
Files = dict[Annotated[Text, AfterValidator(_file_path)], str]
Access = Literal["accepted", "pending", "rejected", "reset"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Place(_Part):
    subscription_id: Name
    resource_group: Name
    name: Name
    location: Region


class _Federated(_Part):
    issuer: Text
    subject: Text
    audiences: Annotated[list[Text], Field(min_length=1, max_length=1)] = ["api://AzureADTokenExchange"]


class _Principal(_Part):
    client_id: Text
    client_secret: Text = ""
    federated_credentials: Annotated[list[_Federated], Field(max_length=20)] = []
    name: Text = ""
    object_id: str = ""


class _Token(_Part):
    value: Text
    user: Text
    role: Literal["read", "write", "fineGrained"] = "read"
    gated_repos: bool = True


class _Repo(_Part):
    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*/[A-Za-z0-9_-][A-Za-z0-9_.-]*$")]
    gated: Literal[False, "auto", "manual"] = False
    private: bool = False
    access: dict[str, Access] = {}
    files: Files = {}
    folder: Text = ""
    history: Annotated[list[Annotated[Files, Field(min_length=1)]], Field(max_length=100)] = []
    branches: dict[Ref, Files] = {}
    tags: dict[Ref, Text] = {}

    @field_validator("tags")
    @classmethod
    def _known(cls, tags: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        branches: dict[str, Any] = info.data.get("branches", {})
        for ref in tags.values():
            own = bool(branches.get(ref.partition("~")[0]))  # such a branch has a commit more than main
            if fault := ref_fault(ref, list(branches), len(info.data.get("history", [])) + 1 + own):
                raise ValueError(fault)
        return tags


class _Hub(_Part):
    tokens: list[_Token] = []
    repos: list[_Repo] = []
    upstream: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#@]+(/[^\s?#@]*)?$")] | None = None


class _Seed(_Part):
    workspaces: list[_Place] = []
    quota: dict[Region, dict[Annotated[str, AfterValidator(_family)], NonNegativeInt]] = {}
    hub: _Hub = Field(default_factory=_Hub)
    registries: list[_Place] = []
    principals: list[_Principal] = []


def first_mistake(seed: Any) -> str:
    """The first mistake as `where: what`, empty where there is none; without values, since some are secrets."""
    try:
        _Seed.model_validate(seed)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{_where(first['loc'])}: {_what(first)}"
    return ""


def _where(loc: tuple[int | str, ...]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc if part != "[key]")
    return "".join(parts).removeprefix(".") or "the seed"


def _what(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "unknown key"
    if error["type"] == "missing":
        return "is missing"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return f"{error['msg']}".replace("Input should", "should", 1).replace("String should", "should", 1)
