"""What a container runs: the CMD and ENTRYPOINT of its image.

No image is built or pulled, so this reads them where they are known: in the Dockerfile of a build context, or in what
was recorded for a ready image. The rules are those of https://docs.docker.com/reference/dockerfile/.
"""

import json
import posixpath
import re
from pathlib import Path
from typing import Any

from infra.emulator.errors import DeploymentFailed
from infra.emulator.world import World

SHELL = ("/bin/sh", "-c")
# The CMD of environments/vllm/Dockerfile.j2, for ready images of which nothing is recorded.
GATELIFT_COMMAND = (*SHELL, 'exec python3 "$AML_APP_ROOT/$AZUREML_ENTRY_SCRIPT"')
# What Azure's own images do: their inference server loads the scoring script.
INFERENCE_SERVER = Path(__file__).with_name("azmlinfsrv_launcher.py")
INFERENCE_SERVER_COMMAND = (
    *SHELL,
    f'cd "$AML_APP_ROOT" && exec python3 "{INFERENCE_SERVER}" --entry_script "$AZUREML_ENTRY_SCRIPT" --port "$PORT"',
)
IMAGE_RECORD = "image"  # by the reference of an image that was built in a container registry of the emulator
NOTHING: tuple[str, ...] = ()
HEREDOC = re.compile(r"<<-?[\"']?(\w+)[\"']?")


def image_name(environment_id: str, environment: dict[str, Any]) -> str:
    """The environment's image, or words for the one that would be built."""
    return environment.get("image") or f"the image built for {'/'.join(environment_id.split('/')[-3:])}"


def image_command(world: World, environment_id: str, environment: dict[str, Any]) -> tuple[str, ...]:
    """The words of the command that a container of this environment runs.

    Raises `DeploymentFailed` for a build context without a Dockerfile, of which no image could be built.
    """
    build = environment.get("build")
    image = environment.get("image") or ""
    if build:
        image, command = dockerfile_command(_dockerfile(world, environment_id, build))
        if command:
            return command
    kept = world.store.record(IMAGE_RECORD, image) or world.store.record(IMAGE_RECORD, f"{image}:latest") or {}
    if kept.get("command"):
        return tuple(kept["command"])
    return GATELIFT_COMMAND if environment.get("inferenceConfig") else INFERENCE_SERVER_COMMAND


def dockerfile_command(text: str) -> tuple[str, tuple[str, ...]]:
    """The base image of a Dockerfile's last stage and the command that it sets, which is empty where it sets none."""
    base, entrypoint, command = "", NOTHING, NOTHING
    for instruction, rest in _instructions(text):
        if instruction == "FROM":
            base, entrypoint, command = _base_image(rest), NOTHING, NOTHING
        elif instruction == "ENTRYPOINT":
            entrypoint = _words(rest)
        elif instruction == "CMD":
            command = _words(rest)
    # A shell form of ENTRYPOINT ignores CMD.
    return base, entrypoint if entrypoint[: len(SHELL)] == SHELL else entrypoint + command


def _dockerfile(world: World, environment_id: str, build: dict[str, Any]) -> str:
    dockerfile = build.get("dockerfilePath") or "Dockerfile"
    container, path = world.blobs.locate(build["contextUri"])
    wanted = posixpath.normpath(posixpath.join(path, dockerfile))
    if world.blobs.get(container, wanted) is None:
        raise DeploymentFailed(
            "ImageBuildFailure",
            f"The build of the environment '{environment_id}' failed: there is no '{dockerfile}' in its build "
            "context. Please see troubleshooting guide, available here: https://aka.ms/oe-tsg#error-imagebuildfailure",
        )
    return world.blobs.content(container, wanted).read_text(encoding="utf-8", errors="replace")


def _instructions(text: str) -> list[tuple[str, str]]:
    """Every instruction with the rest of its line, without comments and the bodies of here-documents."""
    found: list[tuple[str, str]] = []
    lines = iter(text.splitlines())
    line = ""
    for part in lines:
        if part.lstrip().startswith("#") or not part.strip():
            continue  # also between the lines of one instruction
        if part.rstrip().endswith("\\"):
            line += part.rstrip()[:-1]
            continue
        instruction, _, rest = (line + part).strip().partition(" ")
        line = ""
        found.append((instruction.upper(), rest.strip()))
        if instruction.upper() in ("RUN", "COPY", "ADD"):
            for end in HEREDOC.findall(rest):
                while next(lines, end).strip() != end:
                    pass
    return found


def _base_image(rest: str) -> str:
    words = [word for word in rest.split() if not word.startswith("--")]
    return words[0] if words else ""


def _words(rest: str) -> tuple[str, ...]:
    """The words of the exec form, a JSON array of strings; anything else is the shell form."""
    try:
        words = json.loads(rest)
    except ValueError:
        return (*SHELL, rest)
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        return tuple(words)
    return (*SHELL, rest)
