"""`gatelift hub …`: looks after the cache of the emulated Hub."""

from datetime import UTC, datetime

import click

from infra.cli.input.token import token_fd_option, token_if_needed
from infra.cli.terminal.invocation import Group, Invocation, command
from infra.cli.terminal.output import table
from infra.cli.views.progress import progress
from infra.cli.views.rates import size_text
from infra.operations.hub.kept import SHORT_COMMIT, KeptModel, chosen, kept_model, kept_models, remove
from infra.operations.hub.pull import Pull
from infra.paths import cache_dir

EPILOG = """\b
With --local, models come from the emulated Hub. What it does not have itself it reads from the Hub (HF_ENDPOINT, or
https://huggingface.co) and keeps in gatelift's cache folder, from which it is served when there is no network.
\b
Examples:
  gatelift hub pull Qwen/Qwen3-0.6B
  HF_TOKEN=… gatelift hub pull mistralai/Mistral-7B-Instruct-v0.3
  gatelift hub list
  gatelift hub rm Qwen/Qwen3-0.6B --revision main
"""
app = Group()
hub = Group("hub", help="Look after the models that the emulated Hub keeps.", epilog=EPILOG)
app.add_command(hub)

model_argument = click.argument("model")
NOTHING_KEPT = "nothing had to be kept: the emulated Hub, or huggingface_hub's cache on this machine, has this model"
SHOWN_FILES = 3  # names of missing files


@command(hub, name="pull")
@model_argument
@click.option("--revision", metavar="REV", help="Commit, branch or tag; the default branch if omitted.")
@click.option("--all-files", is_flag=True, help="Bring every file, not only those that a server loads.")
@token_fd_option
def pull(call: Invocation, model: str, revision: str | None, all_files: bool, token_fd: int | None) -> None:
    """Bring a model from the Hub into the cache, for use without a network.

    Starts the emulator if it does not run. Of the weights one format is brought. What an earlier run has begun is
    continued. For a gated or private model the token is read from --token-fd or HF_TOKEN.
    """
    token = token_if_needed(token_fd, call.environ)
    with progress(call.out) as reporter:
        done = Pull(model, revision, token=token, all_files=all_files).run(call.environ, reporter)
    found = {"id": done.id, "commit": done.commit, "files": done.files, "bytes": done.bytes, "folder": done.folder}
    call.out.document(found)
    call.out.data(f"{done.id}  {done.commit[:SHORT_COMMIT]}  {len(done.files)} files, {size_text(done.bytes)}")
    call.out.message(f"in {done.folder}" if done.folder else NOTHING_KEPT)


@command(hub, name="list")
def list_models(call: Invocation) -> None:
    """Show the models in the cache: commits, sizes, what is missing, and when they were used last."""
    models = kept_models(cache_dir(call.environ) / "hub")
    call.out.document({"models": [model.to_json() for model in models]})
    if not models:
        call.out.message("the hub cache is empty")
        call.out.hint("`gatelift hub pull MODEL` brings a model")
        return
    rows = [row for model in models for row in rows_of(model)]
    call.out.data(table(("model", "commit", "refs", "files", "size", "last used", "missing"), rows, call.out.paint))


@command(hub, name="rm")
@model_argument
@click.option("--revision", metavar="REV", help="Remove this commit, branch or tag alone.")
def remove_model(call: Invocation, model: str, revision: str | None) -> None:
    """Remove a model from the cache, after asking.

    The files that another commit needs stay. The cache of huggingface_hub on this machine is not touched.
    """
    cache = cache_dir(call.environ) / "hub"
    found = kept_model(cache, model)
    commit = chosen(found, revision) if revision else None
    what = f"{model} at {commit.commit[:SHORT_COMMIT]}" if commit else f"{model} ({size_text(found.bytes)})"
    call.confirm(f"remove {what} from the hub cache?", otherwise="nothing was removed")
    freed = remove(cache, found, commit)
    call.out.document({"id": model, "commit": commit.commit if commit else None, "bytes": freed})
    call.out.message(f"removed {what}: {size_text(freed)} are free again")


def rows_of(model: KeptModel) -> list[tuple[str, ...]]:
    """The lines about one model: one for each commit."""
    used = datetime.fromtimestamp(model.last_used, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
    if not model.commits:
        return [(model.id, "", "", "0", size_text(model.bytes), used, "everything")]
    return [
        (
            model.id,
            one.commit[:SHORT_COMMIT],
            ", ".join(one.refs),
            str(len(one.files)),
            size_text(one.bytes),
            used,
            missing_text(one.missing),
        )
        for one in model.commits
    ]


def missing_text(names: tuple[str, ...]) -> str:
    """The missing files, the first few by name."""
    more = f" and {len(names) - SHOWN_FILES} more" if len(names) > SHOWN_FILES else ""
    return ", ".join(names[:SHOWN_FILES]) + more
