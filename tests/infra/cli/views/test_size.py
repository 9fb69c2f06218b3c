"""The table of sizes in the README is what `gatelift size` prints for that model."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.azure.prices.prices import Prices
from infra.cli.terminal.style import Painter
from infra.cli.views.size import about, size_text
from infra.clock import SystemClock
from infra.operations.capacity.reading import ReadModel
from infra.operations.capacity.size import Question, size_model
from infra.operations.capacity.size_document import size_document
from infra.sizing.architecture.config import read_architecture
from infra.sizing.setting import Setting
from tests.infra.sizing.public_models import config_of, model_of

README = Path(__file__).resolve().parents[4] / "README.md"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], str]:
    """What is printed for Qwen3-8B on a terminal with so many columns."""
    config, model = config_of("qwen3-8b"), model_of("qwen3-8b")
    read = ReadModel(config, read_architecture(config), model.weights, None, model.disk)
    question = Question(Setting(), "eastus", region_given=False)
    document = size_document(size_model("Qwen/Qwen3-8B", read, question, Prices(SystemClock(), url=NOWHERE)))

    def show(columns: int) -> str:
        monkeypatch.setenv("COLUMNS", str(columns))
        return size_text(document, Painter(False), every=False)

    return show


def test_the_readme_shows_what_is_printed(printed: Callable[[int], str]) -> None:
    shown = README.read_text().partition("$ gatelift size Qwen/Qwen3-8B\n")[2].partition("\n```")[0]
    before_prices = printed(200).partition("prices of eastus")[0]
    assert shown.startswith(before_prices), before_prices


def test_a_narrow_terminal_has_fewer_columns(printed: Callable[[int], str]) -> None:
    lines = printed(80).splitlines()
    assert max(map(len, lines)) <= 80
    assert "Standard_NC24ads_A100_v4   yes    1   40,960   49        73         $3.67" in lines, lines


def test_an_estimate_has_two_digits_that_count() -> None:
    assert [about(number) for number in (0.46, 7.3, 72.9, 1399, 28053)] == ["0.5", "7", "73", "1,400", "28,000"]
