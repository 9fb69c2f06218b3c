"""What the live table says of a phase's length: the last run's time, and nothing that nobody measured."""

from pathlib import Path

import pytest

from infra.cli.terminal.output import Output, OutputFormat
from infra.cli.views.estimates import Estimates, rounded
from infra.cli.views.progress import LiveProgress


@pytest.fixture
def cache(tmp_path: Path) -> dict[str, str]:
    return {"GATELIFT_CACHE_DIR": str(tmp_path / "cache")}


def test_the_last_run_of_this_stack_counts_most(cache: dict[str, str]) -> None:
    Estimates(cache, stack="mine", local=True).keep([("endpoint", "e", 4.0, ""), ("deployment", "blue", 40.0, "")])
    Estimates(cache, stack="mine", local=True).keep([("endpoint", "e", 6.2, "")])
    Estimates(cache, stack="other", local=True).keep([("endpoint", "o", 9.0, ""), ("code", "c", 2.0, "")])
    mine = Estimates(cache, stack="mine", local=True)
    assert [mine.expected(kind) for kind in ("endpoint", "deployment", "code")] == ["≈ 6 s", "≈ 40 s", "≈ 2 s"]


def test_a_stack_without_a_run_takes_the_latest_of_another(cache: dict[str, str]) -> None:
    for stack, seconds in (("first", 3.0), ("second", 5.0), ("first", 7.0)):
        Estimates(cache, stack=stack, local=True).keep([("endpoint", "e", seconds, "")])
    assert Estimates(cache, stack="new", local=True).expected("endpoint") == "≈ 7 s"


def test_the_emulators_times_say_nothing_of_azure(cache: dict[str, str]) -> None:
    Estimates(cache, stack="mine", local=True).keep([("endpoint", "e", 1.0, ""), ("deployment", "blue", 9.0, "")])
    azure = Estimates(cache, stack="mine", local=False)
    assert (azure.expected("endpoint"), azure.expected("deployment")) == ("", "≈ 10-15 min")


def test_the_record_is_for_its_owner_only(cache: dict[str, str], tmp_path: Path) -> None:
    Estimates(cache, stack="mine", local=True).keep([("endpoint", "e", 1.0, "")])
    (record,) = tmp_path.rglob("phase-times.json")
    assert record.stat().st_mode & 0o777 == 0o600


def test_a_broken_file_is_no_error(cache: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "cache" / "emulator").mkdir(parents=True)
    (tmp_path / "cache" / "emulator" / "phase-times.json").write_text('{"local": [1]}')
    estimates = Estimates(cache, stack="mine", local=True)
    assert estimates.expected("endpoint") == ""
    estimates.keep([("endpoint", "e", 2.0, "")])
    assert Estimates(cache, stack="mine", local=True).expected("endpoint") == "≈ 2 s"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        pytest.param(0.2, "< 1 s", id="at-once"),
        pytest.param(42.4, "≈ 42 s", id="seconds"),
        pytest.param(89.0, "≈ 89 s", id="just-seconds"),
        pytest.param(370.0, "≈ 6 min", id="minutes"),
    ],
)
def test_rounded(seconds: float, said: str) -> None:
    assert rounded(seconds) == said


def test_the_table_shows_it_while_the_phase_runs(capsys: pytest.CaptureFixture[str]) -> None:
    live = LiveProgress(Output(OutputFormat.TEXT), clock=lambda: 0.0, expected=lambda kind: f"≈ {len(kind)} min")
    live.phase_started("deployment", "blue")
    live.phase_started("endpoint", "demo")
    live.phase_finished("endpoint", "demo", 1.0, "created")
    live.close()
    header, deployment, endpoint = capsys.readouterr().err.splitlines()[:3]
    assert header.split() == ["PHASE", "NAME", "ELAPSED", "ESTIMATE"]
    assert "≈ 10 min" in deployment
    assert "≈" not in endpoint
