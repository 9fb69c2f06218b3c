"""Completion for the shell: Click makes the scripts; this prints the line that loads one, and says where to put it."""

from collections.abc import Callable

import click

# The line that makes the shell ask Click for its script, and the file that the line belongs into.
LINES = {
    "bash": ('eval "$(_GATELIFT_COMPLETE=bash_source gatelift)"', "~/.bashrc"),
    "zsh": ('eval "$(_GATELIFT_COMPLETE=zsh_source gatelift)"', "~/.zshrc, after compinit"),
    "fish": ("_GATELIFT_COMPLETE=fish_source gatelift | source", "~/.config/fish/completions/gatelift.fish"),
}


def show_line(context: click.Context, _: click.Parameter, shell: str | None) -> None:
    """Print the line to stdout and its place to stderr, and exit."""
    if shell and not context.resilient_parsing:
        line, file = LINES[shell]
        click.echo(line)
        click.echo(f"add this line to {file}; a new terminal then completes gatelift", err=True)
        context.exit()


completion_option: Callable[[Callable[..., None]], Callable[..., None]] = click.option(
    "--show-completion",
    type=click.Choice(list(LINES)),
    expose_value=False,
    callback=show_line,
    help="Print the line that enables completion in this shell, and exit.",
)
