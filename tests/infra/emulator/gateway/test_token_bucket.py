"""The token bucket, with a clock of the test's own."""

from infra.emulator.gateway.token_bucket import TokenBucket


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_gives_what_it_has_and_then_what_it_regains() -> None:
    clock = Clock()
    bucket = TokenBucket(10, 5, clock)
    assert [bucket.take(4), bucket.take(6), bucket.take(5)] == [0, 0, 1]
    clock.now = 2
    assert bucket.held == 5
    clock.now = 100
    assert bucket.held == 10
