"""The model and the adapters of a spec, each as it is found: on the Hub, on this machine, or in the workspace."""

import os
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from infra.azure.target import Target
from infra.errors import AccessDenied, NotFound
from infra.hub.access import Hub
from infra.hub.contents import Contents, look_at_adapter, look_at_model
from infra.hub.facts import ModelFacts
from infra.model_files import ADAPTER_CONFIG, MODEL_CONFIGS, adapter_files, model_files, tensor_files
from infra.paths import cache_dir
from infra.planning.sources.asset import given_asset
from infra.planning.sources.found import Asked
from infra.planning.sources.mirror import mirrored
from infra.planning.sources.without_hub import hub_facts
from infra.spec.model import StackSpec
from infra.spec.model_folder import files_of_adapter, files_of_model
from infra.spec.model_source import AdapterSpec, ModelSpec

UNSEEN = Contents("nobody has looked into the files")


class Part(Struct, frozen=True):
    """The model or an adapter; `note` says more of where it was found."""

    label: str
    facts: ModelFacts
    adapter: bool = False
    downloaded: bool = False
    """Whether containers download it from the Hub."""
    copied: bool = False
    """Whether `up` copies it from the Hub."""
    sizes: dict[str, int | None] = {}
    """The files and their bytes; none where nobody knows them."""
    note: str = ""

    def __str__(self) -> str:
        """What and where it is."""
        about = f"{self.facts.id} at {self.facts.revision[:12]}" if self.facts.revision else self.label
        about += ", gated" if self.facts.gated else ""
        about += ", which `up` copies into the workspace" if self.copied else ""
        return f"{about} ({self.note})" if self.note else about

    @property
    def worth_trying(self) -> list[str]:
        """A small file, and the first one of the weights, which the Hub has sent from elsewhere."""
        small = [name for name in ((ADAPTER_CONFIG,) if self.adapter else MODEL_CONFIGS) if name in self.sizes]
        chosen = (adapter_files if self.adapter else model_files)(self.sizes)
        return small[:1] + tensor_files(chosen)[:1]


def find_parts(spec: StackSpec, target: Target, token: str | None) -> list[Part]:
    """The model and its adapters, in the spec's order.

    The token is used for what is not seen without it: whether it is good for a gated model is another check.
    """
    asked = Asked(spec, target.cloud, target.hub, None, cache_dir(os.environ))

    def find(source: ModelSpec | AdapterSpec) -> Part:
        try:
            return _find(asked, source)
        except NotFound:
            if token is None:
                raise
            return _find(replace(asked, token=token), source)

    return [find(spec.model), *map(find, spec.model.adapters)]


def look_at(part: Part, hub: Hub, token: str | None) -> Contents:
    """The contents of a part."""
    if not part.sizes:
        return UNSEEN
    if part.adapter:
        return look_at_adapter(part.sizes)
    return look_at_model(part.sizes, _reader(part, hub, token) if part.facts.files else None)


def _find(asked: Asked, source: ModelSpec | AdapterSpec) -> Part:
    adapter = isinstance(source, AdapterSpec)
    label = source.name if isinstance(source, AdapterSpec) else source.label
    if source.path:
        return _in_folder(label, Path(source.path), adapter)
    if source.asset:
        field = "model.adapters: asset" if adapter else "model.asset"
        facts, given, _ = given_asset(asked, source.asset, label, field)
        return Part(label, facts, adapter, note=given.note or given.reference)
    id = source.id or ""
    if asked.spec.model.mirror:
        choose = adapter_files if adapter else model_files
        facts, weights = mirrored(asked, id, source.revision, choose)
        return Part(label, facts, adapter, copied=bool(weights.files), sizes=_sizes(facts), note=weights.note)
    facts = hub_facts(asked, id, source.revision)
    return Part(label, facts, adapter, downloaded=True, sizes=_sizes(facts))


def _in_folder(label: str, folder: Path, adapter: bool) -> Part:
    files = files_of_adapter(folder) if adapter else files_of_model(folder)
    sizes = {name: path.stat().st_size for name, path in files}
    weights = sum(sizes[name] for name in tensor_files(sizes))
    return Part(label, ModelFacts(label, "", weights=weights), adapter, sizes={**sizes}, note=str(folder))


def _sizes(facts: ModelFacts) -> dict[str, int | None]:
    return {file.name: file.size for file in facts.files}


def _reader(part: Part, hub: Hub, token: str | None) -> Callable[[str], bytes]:
    """Reads a small file from the Hub; it is empty where it may not be read, which the check of the token tells."""

    def read(name: str) -> bytes:
        try:
            return hub.read_file(part.facts, name, token if part.facts.needs_token else None)
        except AccessDenied:
            return b""

    return read
