"""`gatelift image …`: builds the container's image ahead of the deployments that need it."""

from collections.abc import Callable
from pathlib import Path

import click

from infra.cli.input.stack import open_stack
from infra.cli.terminal.invocation import Group, Invocation, command, spec_argument
from infra.cli.views.progress import progress
from infra.errors import GateliftError
from infra.operations.image import BuiltImage, image_build, image_build_with_docker
from infra.spec.file import load_spec
from infra.spec.names import RuleBroken, image_repository
from infra.spec.names import image as image_name

EPILOG = """\b
Examples:
  gatelift image build gatelift.yaml                   in the workspace's container registry
  gatelift image build gatelift.yaml --base vllm/vllm-openai:v0.29.0-cu129
  gatelift image build gatelift.yaml --docker --push ghcr.io/you/gatelift-vllm
"""
app = Group()
image = Group("image", help="Build the container's image ahead of a deployment.", epilog=EPILOG)
app.add_command(image)


@command(image, name="build")
@spec_argument
@click.option("--base", metavar="IMAGE", help="Image of vLLM to build on, instead of the spec's or gatelift's own.")
@click.option(
    "--docker", is_flag=True, help="Build with Docker on this machine instead of in the workspace's registry."
)
@click.option(
    "--push", metavar="REPOSITORY", help="With --docker: push the image there, e.g. ghcr.io/you/gatelift-vllm."
)
@click.option("--rebuild", is_flag=True, help="Build also where an earlier build has made the image.")
def build(call: Invocation, spec: Path, base: str | None, docker: bool, push: str | None, rebuild: bool) -> None:
    """Build the container's image, and print it by its digest.

    `up` builds the image by itself where it is missing. Built beforehand and named in `environment.image`, it needs no
    build in any workspace. An image that an earlier build has made of the same content is not built again, unless
    with --rebuild: where somebody has deleted it from the registry.
    """
    check_option("--base", base, image_name)
    check_option("--push", push, image_repository)
    if push and not docker:
        raise click.UsageError("--push goes with --docker: a build in the workspace's registry pushes there by itself")
    if docker:
        stack = load_spec(spec, environ=call.environ, local=call.local)
        with progress(call.out) as reporter:
            show(call, image_build_with_docker(stack, base=base, push=push, reporter=reporter))
        return
    stack, target = open_stack(call, spec)
    with progress(call.out) as reporter:
        built = image_build(stack, target, base=base, reporter=reporter, rebuild=rebuild)
    show(call, built)


def check_option(name: str, value: str | None, rule: Callable[[str], str]) -> None:
    """Raise GateliftError for a value that breaks the rule, before minutes go into a build."""
    try:
        if value is not None:
            rule(value)
    except RuleBroken as error:
        raise GateliftError(f"{name} {value!r} {error}", hint=error.hint, code="invalid_option") from None


def show(call: Invocation, built: BuiltImage) -> None:
    """Print the image, and where to name it."""
    call.out.document(built.to_json())
    call.out.data(built.image)
    if not built.built:
        call.out.message("an earlier build had made it already; --rebuild builds it again")
    if "@" in built.image:
        call.out.hint(f"`environment: {{image: {built.image}}}` in a spec deploys it without a build")
    else:
        call.out.hint("--push REPOSITORY pushes it to a registry, from which it can be deployed")
