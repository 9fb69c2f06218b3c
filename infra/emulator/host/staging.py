"""Puts code and model on disk as Azure does, and builds the command and environment of instances."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.emulator.errors import DeploymentFailed
from infra.emulator.host.container import Container
from infra.emulator.host.log import ContainerLog
from infra.emulator.host.mounting import mount_model, size_on_disk
from infra.emulator.host.process import OWNER_VARIABLE, Command
from infra.emulator.identity.managed_identity import identity_header
from infra.emulator.world import World
from infra.paths import cache_dir

APP = Path("var", "azureml-app")
MODELS = "/var/azureml-app/azureml-models"
# The environment variables that a container inherits: about the machine, never the user's credentials.
INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LD_PRELOAD", "CUDA_HOME")
SET_BY_PLATFORM = (OWNER_VARIABLE, "SCORING_HOST", "AML_APP_ROOT", "AZUREML_ENTRY_SCRIPT", "AZUREML_MODEL_DIR")
INHERITED_PREFIXES = ("CUDA_VISIBLE", "NVIDIA_", "OMP_")


@dataclass(frozen=True)
class StagedContainer:
    """A container whose files are on disk; `root` stands for the root of its file system."""

    container: Container
    root: Path
    environment: Mapping[str, str]

    def command(self, port: int) -> Command:
        """The command of an instance on this port."""
        # The user's variables may replace inherited and default ones, but not those that the platform decides.
        fixed = {name: value for name, value in self.environment.items() if name in SET_BY_PLATFORM}
        environment = {**self.environment, **self.container.variables, **fixed, "PORT": str(port)}
        return Command(self.container.command, self.root, environment)


def stage(world: World, container: Container, folder: Path, shared: Path, log: ContainerLog) -> StagedContainer:
    """Fetch code and model into `folder`; `shared` is a folder that a deployment keeps between starts."""
    log.note(f"image: none is pulled; this Python interpreter stands for {container.image}")
    log.note(f"command: {shlex.join(container.command)}")
    code = container.code
    if code.folder in ("", ".", ".."):
        raise DeploymentFailed("BadArgument", f"The codeUri '{code.uri}' of {code.name}:{code.version} has no folder.")
    code_root = folder / APP / code.folder
    _fetch(lambda: world.blobs.download(code.uri, code_root), code_root, log, f"code {code.name}:{code.version}")
    script = code_root / container.scoring_script
    if not script.is_file():
        raise DeploymentFailed(
            "BadArgument", f"The scoring script '{container.scoring_script}' is not part of the code of the deployment."
        )
    environment = _base_environment(world, os.environ, shared) | _identity(world, container.identity)
    environment |= {"AML_APP_ROOT": str(script.parent), "AZUREML_ENTRY_SCRIPT": script.name}
    if model := container.model:
        mount = (container.model_mount_path or MODELS).strip("/")
        model_dir = folder / mount / model.name / model.version
        _fetch(lambda: mount_model(world, model.uri, model_dir), model_dir, log, f"model {model.name}:{model.version}")
        environment["AZUREML_MODEL_DIR"] = str(model_dir)
    else:
        log.note("model: the deployment mounts none")
    return StagedContainer(container, folder, environment)


def _fetch(get: Callable[[], None], into: Path, log: ContainerLog, what: str) -> None:
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True, mode=0o700)
    try:
        get()
    except (OSError, LookupError, ValueError) as error:
        log.note(f"{what}: download failed: {error}")
        raise DeploymentFailed("BadArgument", f"The {what} could not be downloaded: {error}") from error
    files = sum(path.is_file() for path in into.rglob("*"))
    log.note(f"{what}: {files} files, {size_on_disk(into)} bytes, staged at {into}")


def _base_environment(world: World, environ: Mapping[str, str], shared: Path) -> dict[str, str]:
    home = shared / "home"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    inherited = {
        name: value for name, value in environ.items() if name in INHERITED or name.startswith(INHERITED_PREFIXES)
    }
    # The first `python` and `python3` are the interpreter that runs the emulator.
    inherited["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)])
    return {
        **inherited,
        OWNER_VARIABLE: str(world.paths.root.resolve()),
        "HOME": str(home),
        # There is the program that vLLM's image brings and its CPU wheel lacks; HOME is another here.
        "GATELIFT_CACHE_DIR": str(cache_dir(environ)),
        # The scoring server keeps compiled code below, too: what a deployment's next container finds again.
        "SCORING_CACHE_DIR": str(shared),
        "HF_HOME": str(shared / "huggingface"),
        "HF_ENDPOINT": world.urls.hub,
        # As Azure's storage is to a container there, the emulated one is trusted here.
        **dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), str(world.paths.ca_bundle)),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONUNBUFFERED": "1",
        "SCORING_HOST": "127.0.0.1",
    }


def _identity(world: World, principal_id: str) -> dict[str, str]:
    """The variables with which SDKs, newer and older ones, get tokens of the endpoint's identity."""
    url, header = world.urls.identity_endpoint, identity_header(world.store, principal_id)
    return {"IDENTITY_ENDPOINT": url, "IDENTITY_HEADER": header, "MSI_ENDPOINT": url, "MSI_SECRET": header}
