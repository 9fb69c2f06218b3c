"""Builds and pushes images with the docker command of this machine."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from infra.errors import GateliftError, OperationFailed

LAST_LINES = 15
Tell = Callable[[str], None]


def docker_build(files: Mapping[str, str], name: str, tell: Tell) -> None:
    """Build an image from these files under this name; raises `OperationFailed` with the last lines of its output."""
    with tempfile.TemporaryDirectory(prefix="gatelift-image-") as folder:
        for file, text in files.items():
            Path(folder, file).write_text(text, encoding="utf-8")
        _run(["build", "--platform", "linux/amd64", "--tag", name, folder], tell)


def docker_push(name: str, repository: str, tell: Tell) -> str:
    """Push an image of this machine to `REGISTRY/NAME`, under the same tag; returns it as `REGISTRY/NAME@sha256:…`."""
    pushed = f"{repository}:{name.partition(':')[2]}"
    _run(["tag", name, pushed], tell)
    _run(["push", pushed], tell)
    lines: list[str] = []
    _run(["image", "inspect", "--format", "{{range .RepoDigests}}{{println .}}{{end}}", pushed], lines.append)
    digests = [digest for name, _, digest in (line.partition("@") for line in lines) if name == _shown(repository)]
    if not digests:
        raise GateliftError(
            f"docker does not say by which digest it has pushed {pushed}",
            hint=f"`docker buildx imagetools inspect {pushed}` shows it",
            code="no_digest",
        )
    return f"{repository}@{digests[0]}"


def _shown(repository: str) -> str:
    """The name by which docker shows a repository: those of Docker Hub without their host."""
    name = repository.removeprefix("index.").removeprefix("docker.io/")
    return name.removeprefix("library/") if name != repository else repository


def _run(arguments: Sequence[str], tell: Tell) -> None:
    docker = shutil.which("docker")
    if docker is None:
        raise GateliftError(
            "there is no docker command on this machine",
            hint="install Docker, or leave out --docker to build in the workspace's container registry",
            code="no_docker",
        )
    lines: list[str] = []
    with subprocess.Popen(
        [docker, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            if line.strip():
                lines.append(line.rstrip())
                tell(lines[-1])
    if process.returncode:
        raise OperationFailed(
            f"`docker {arguments[0]}` ended with code {process.returncode}: {lines[-1] if lines else 'no output'}",
            hint="the lines above say why; `docker login` logs in to the registry to push to",
            code="docker_failed",
            log=tuple(lines[-LAST_LINES:]),
        )
