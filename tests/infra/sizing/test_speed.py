"""The estimated speeds follow their formulas, and are near what was published."""

import pytest
from msgspec.structs import replace

from infra.sizing.architecture.records import Experts
from infra.sizing.fit import Wanted, fit
from infra.sizing.instance_types import instance_type
from infra.sizing.setting import Setting
from infra.sizing.speed import Speed, speed_of
from tests.infra.sizing.test_fit import A100, H100, T4, TWO_A100, Model, model


def speed(name: str, of: Model, setting: Setting | None = None, requests: int | None = None) -> Speed:
    size, chosen = instance_type(name), setting or Setting()
    assert size is not None
    found = speed_of(of, chosen, fit(of, chosen, Wanted(1024), size), requests)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [
        pytest.param(A100, 60, 95, id="a100"),  # bfloat16 models of 8 billion parameters: 70 to 90 tokens/s
        pytest.param(H100, 100, 150, id="h100"),
        pytest.param(T4, 15, 25, id="t4"),
    ],
)
def test_one_request_is_as_fast_as_memory_is_read(name: str, lowest: float, highest: float) -> None:
    of = model() if name != T4 else model(10)
    assert lowest < speed(name, of).single < highest


def test_a_model_of_half_the_size_is_nearly_twice_as_fast() -> None:
    assert 1.7 < speed(A100, model(8)).single / speed(A100, model(16)).single < 2


def test_many_requests_share_the_reading_of_the_weights() -> None:
    found = speed(A100, model(), requests=16)
    assert found.requests == 16
    assert 10 < found.together / found.single < 16


def test_no_more_requests_count_than_fit() -> None:
    assert speed(A100, model(1), Setting(max_num_seqs=4), requests=100).requests == 4


def test_two_gpus_are_faster_but_not_twice() -> None:
    assert 1.2 < speed(TWO_A100, model()).single / speed(A100, model()).single < 2


def test_only_the_experts_that_work_are_read() -> None:
    dense = model(60)
    assert dense.weights is not None
    mixed = replace(dense.weights, experts=57 * 10**9, others=3 * 10**9, active_parameters=3 * 10**9)
    sparse = replace(dense, weights=mixed, architecture=replace(dense.architecture, experts=Experts(128, 8)))
    one, many = speed(A100, sparse, requests=1), speed(A100, sparse, requests=64)
    assert one.single > 3 * speed(A100, dense).single
    assert many.together / 64 < one.single / 2  # 64 requests meet nearly all of the experts


def test_the_first_token_takes_the_prompts_arithmetic() -> None:
    found = speed(A100, model())
    assert found.first_token == pytest.approx(2 * 8e9 * 1000 / (312e12 * 0.5) + 0.02, rel=0.01)


def test_what_does_not_fit_has_no_speed() -> None:
    size = instance_type(A100)
    assert size is not None
    of = model(141)
    assert speed_of(of, Setting(), fit(of, Setting(), Wanted(1024), size)) is None
