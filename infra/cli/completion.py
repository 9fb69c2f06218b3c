"""Completion for the shell: Click knows the commands, this puts its script where bash, zsh and fish look for one."""

import os
from collections.abc import Callable
from pathlib import Path

import click

# Below the home folder: the script, the shell's start-up file, and the line it needs there.
PLACES = {
    "bash": (".bash_completions/gatelift.sh", ".bashrc", "source ~/.bash_completions/gatelift.sh"),
    "zsh": (".zfunc/_gatelift", ".zshrc", "fpath+=~/.zfunc; autoload -Uz compinit; compinit"),
    "fish": (".config/fish/completions/gatelift.fish", None, ""),
}


def completion_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give the command `--install-completion` and `--show-completion`, for the login shell or the one that is named."""
    for name, callback, what in (
        ("--show-completion", show, "Print the completion for the shell (bash, zsh, fish) and exit."),
        ("--install-completion", install, "Install completion for the shell (bash, zsh, fish) and exit."),
    ):
        option = click.option(
            name, metavar="[SHELL]", is_flag=False, flag_value="", expose_value=False, callback=callback, help=what
        )
        function = option(function)
    return function


def show(context: click.Context, _: click.Parameter, shell: str | None) -> None:
    """Print the script that makes the shell complete `gatelift`, and end."""
    if shell is not None and not context.resilient_parsing:
        click.echo(script(context, known(shell)))
        context.exit()


def install(context: click.Context, _: click.Parameter, shell: str | None) -> None:
    """Write the script and, once, the line that loads it; and end."""
    if shell is None or context.resilient_parsing:
        return
    shell = known(shell)
    file, startup, line = PLACES[shell]
    home = Path.home()
    (home / file).parent.mkdir(parents=True, exist_ok=True)
    (home / file).write_text(script(context, shell), encoding="utf-8")
    if startup:
        add_line(home / startup, line)
    click.echo(f"{shell} completion installed in {home / file}; a new terminal has it")
    context.exit()


def known(shell: str) -> str:
    """The shell that is meant, if its completion is known."""
    shell = shell or Path(os.environ.get("SHELL", "")).name
    if shell not in PLACES:
        raise click.BadParameter(f"{shell!r} is not one of {', '.join(map(repr, PLACES))}")
    return shell


def script(context: click.Context, shell: str) -> str:
    """Click's completion script for the shell."""
    from click.shell_completion import BashComplete, FishComplete, ZshComplete  # no other command needs them

    kind = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}[shell]
    return kind(context.command, {}, "gatelift", "_GATELIFT_COMPLETE").source()


def add_line(file: Path, line: str) -> None:
    """Append the line to the file if it is not there."""
    before = file.read_text(encoding="utf-8") if file.is_file() else ""
    if line not in before.splitlines():
        with file.open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n" if before.endswith("\n") or not before else f"\n{line}\n")
