"""Azure ML's rules for environments, models and code, and their default values."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from infra.emulator.arm.call import invalid
from infra.emulator.arm.tags import string_map
from infra.emulator.state.store import Document

ASSET_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}")
ROUTES = ("livenessRoute", "readinessRoute", "scoringRoute", "startupRoute")


@dataclass(frozen=True)
class AssetKind:
    """One kind of versioned asset: `fixed` fields never change in a version, `check` raises for invalid properties."""

    noun: str
    fixed: tuple[str, ...]
    defaults: Document
    check: Callable[[Document], None]


def check_environment(sent: Document) -> None:
    """400 unless the environment has an image, a build context or a conda file, and valid routes."""
    build = sent.get("build")
    if not sent.get("image") and build is None and not sent.get("condaFile"):
        raise _wrong("An environment needs an image, a build context or a conda file.", "properties.image")
    if sent.get("image") and build:
        raise _wrong("An environment has either an image or a build context, not both.", "properties.build")
    if build is not None and (not isinstance(build, dict) or not build.get("contextUri")):
        raise _wrong("The contextUri field of a build context is required.", "properties.build.contextUri")
    if sent.get("condaFile") and not sent.get("image"):
        raise _wrong("A conda file needs an image to build on.", "properties.image")
    if sent.get("osType", "Linux") not in ("Linux", "Windows"):
        raise _wrong(f"The osType '{sent['osType']}' is not supported.", "properties.osType")
    config = sent.get("inferenceConfig")
    if config is None:
        return
    if not isinstance(config, dict) or any(name not in ROUTES for name in config):
        raise _wrong(f"An inferenceConfig has {', '.join(ROUTES)}.", "properties.inferenceConfig")
    for name, route in config.items():
        if route is None:
            continue
        fits = isinstance(route, dict) and type(route.get("port")) is int and isinstance(route.get("path"), str)
        if not fits or not 0 < route["port"] < 65_536 or not route["path"].startswith("/"):
            raise _wrong(
                f"{name} needs a port from 1 to 65535 and a path that begins with '/'.",
                f"properties.inferenceConfig.{name}",
            )


def check_model(sent: Document) -> None:
    """400 unless the model says where its files are."""
    if not isinstance(sent.get("modelUri"), str) or not sent["modelUri"]:
        raise _wrong("The modelUri field is required.", "properties.modelUri")
    flavors = sent.get("flavors")
    if flavors is not None and not isinstance(flavors, dict):
        raise _wrong("The flavors field must be an object.", "properties.flavors")


def check_code(sent: Document) -> None:
    """400 unless the code says where its files are."""
    if not isinstance(sent.get("codeUri"), str) or not sent["codeUri"]:
        raise _wrong("The codeUri field is required.", "properties.codeUri")


KINDS = {
    "environments": AssetKind(
        "environment",
        ("image", "build", "condaFile", "inferenceConfig", "osType"),
        {"osType": "Linux", "environmentType": "UserCreated", "autoRebuild": "Disabled"},
        check_environment,
    ),
    "models": AssetKind("model", ("modelUri", "modelType"), {"modelType": "custom_model", "flavors": {}}, check_model),
    "codes": AssetKind("code", ("codeUri",), {}, check_code),
}


def check_asset_name(noun: str, what: str, value: str) -> None:
    """400 for a name or version of an asset that does not match the pattern."""
    if not ASSET_NAME.fullmatch(value):
        raise _wrong(
            f"The {noun} {what} '{value}' is invalid. It may contain letters, digits, '-', '_' and '.', must begin "
            "with a letter or a digit and has at most 255 characters.",
            what,
        )


def checked_properties(kind: AssetKind, body: Document) -> Document:
    """The properties of a request, after all checks of this kind of asset."""
    sent = body.get("properties")
    if not isinstance(sent, dict):
        raise _wrong("The properties field is required.", "properties")
    sent = sent | {name: string_map(name, sent[name]) for name in ("tags", "properties") if sent.get(name) is not None}
    for name in ("isArchived", "isAnonymous"):
        if sent.get(name) is not None and not isinstance(sent[name], bool):
            raise _wrong(f"The field {name} must be true or false.", f"properties.{name}")
    kind.check(sent)
    return sent


def with_defaults(kind: AssetKind, sent: Document) -> Document:
    """The properties as GET answers them: those sent, and the service's default values."""
    base: Document = {"description": None, "tags": {}, "properties": {}, "isArchived": False, "isAnonymous": False}
    return base | kind.defaults | {name: value for name, value in sent.items() if value is not None}


def _wrong(message: str, target: str) -> Exception:
    return invalid(message, code="ValidationError", target=target)
