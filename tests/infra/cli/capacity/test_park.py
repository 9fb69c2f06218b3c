"""`gatelift park` and `gatelift wake` as people and schedules see them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from infra.cli.capacity.park import Length, park_text
from infra.cli.main import main
from infra.operations.capacity.park import ParkPlan
from infra.operations.capacity.standing import Standing
from infra.resources.base import Live
from infra.spec.model import to_values
from tests.infra.cli.conftest import clean_environ, environment
from tests.infra.cli.machines import machine


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A machine with an emulator and a stack on it."""
    folder = tmp_path_factory.mktemp("parking")
    with machine(folder) as bench:
        with environment(bench.environ):
            spec = bench.spec("dozer")
            bench.up(spec)
        (folder / "gatelift.yaml").write_text(json.dumps(to_values(spec)))
        yield folder


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.chdir(folder)

    def run(*arguments: str) -> tuple[int, str, str]:
        with environment(clean_environ(folder)):
            code = main([*arguments, "--local", "--yes"])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_what_people_see(run: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = run("park", "--after", "2h", "--detailed-exitcode")
    assert (code, out.startswith("not parked: it has been running for ")) == (2, True)
    assert run("park", "--after", "2h")[0] == 0
    code, out, err = run("park")
    assert (code, out) == (0, "parked dozer, which would save $3.67/h on Azure\n")
    assert "- deployment blue: 1 x Standard_NC24ads_A100_v4, 100 % of the requests" in err
    assert "a wake takes a time that is unknown yet; until then the endpoint answers 404" in err
    assert run("park", "--after", "2h", "--detailed-exitcode")[0] == 0
    code, _, err = run("chat", "hello")
    assert (code, "the stack dozer is parked since " in err, "`gatelift wake` brings back" in err) == (1, True, True)
    assert "none of its deployments answers; `gatelift wake` brings back what ran" in run("connect")[2]
    assert "parked since" in run("status")[2]
    code, out, _ = run("wake")
    assert (code, out.startswith("awake  dozer, after ")) == (0, True)
    assert run("wake")[1] == "dozer is not parked: blue runs\n"
    assert "as the last one did" in run("park")[2]
    run("wake")


@pytest.mark.parametrize(
    ("traffic", "told"),
    [
        pytest.param({"blue": 70, "theirs": 30}, "until then the requests go to theirs", id="others-answer"),
        pytest.param({"blue": 100}, "until then the endpoint answers 404", id="nobody-answers"),
    ],
)
def test_who_answers_meanwhile(traffic: dict[str, int], told: str) -> None:
    live = Live({"instance_type": "Standard_NC24ads_A100_v4", "instance_count": 1}, "s")
    standing = Standing({"name": "e", "properties": {"traffic": traffic}}, {"blue": live}, {"theirs": live})
    assert told in park_text(ParkPlan(standing, None, None), "a minute", local=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("2h", 7200.0, id="hours"),
        pytest.param("45m", 2700.0, id="minutes"),
        pytest.param("soon", "must be a duration", id="no-duration"),
        pytest.param("1m", "must be from 5m to 30d", id="shorter-than-metrics-are-late"),
    ],
)
def test_after_is_a_duration(text: str, seconds: float | str) -> None:
    if isinstance(seconds, float):
        assert Length().convert(text, None, None) == seconds
        return
    with pytest.raises(click.BadParameter, match=seconds):
        Length().convert(text, None, None)
