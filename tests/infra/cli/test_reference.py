"""The map, the help and the README say the same thing."""

from pathlib import Path

import click
import pytest

from infra.cli.app import MODULES, SECTIONS, app
from infra.cli.reference import BEGIN, END, all_commands, command_table

SUMMARIES = {name: summary for section in SECTIONS.values() for name, (_, summary) in section.items()}


def found(command: str) -> click.Command:
    """The command that these words call."""
    present: click.Command = app
    for word in command.split():
        assert isinstance(present, click.Group)
        present = present.get_command(click.Context(present), word)
    return present


@pytest.mark.parametrize("name", MODULES)
def test_the_short_line_is_the_commands_own(name: str) -> None:
    assert found(name).get_short_help_str(limit=200) == SUMMARIES[name]


@pytest.mark.parametrize(("path", "command"), all_commands("gatelift", app))
def test_every_command_takes_the_shared_options(path: str, command: click.Command) -> None:
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--local", "--output", "--yes"} <= options
    assert f"| `{path}` |" in command_table()


def test_the_readme_has_the_current_table(repository: Path) -> None:
    readme = (repository / "README.md").read_text()
    table = readme.split(BEGIN)[1].split(END)[0].strip()
    assert table == command_table(), "python -m infra.cli.reference writes it"
