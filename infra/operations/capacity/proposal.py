"""What `gatelift init` writes for a model: instance type, tensor parallelism and context, and why these."""

from collections.abc import Callable

from msgspec import Struct

from infra.errors import GateliftError
from infra.operations.capacity.market import Market
from infra.operations.capacity.size import Question, Sized, read_source, same_reason, size_model
from infra.parallel import Task
from infra.sizing.fit import Verdict, gib
from infra.spec.model_source import ModelSpec
from infra.timeouts import Timeouts

LONGEST_S = 20.0
"""Seconds that `init` waits for the Hub and the prices together: it writes its file in any case."""
BRIEF = Timeouts(request=5.0, hub_pauses=0.0)


class Proposal(Struct, frozen=True):
    """The arguments to write, and the reasons as lines."""

    instance_type: str
    tensor_parallel: int
    max_model_len: int
    why: tuple[str, ...]


def propose(
    source: ModelSpec, question: Question, token: str | None, open_market: Callable[[], Market]
) -> Proposal | str:
    """The proposal for a model, or why there is none; it never raises, and never waits long."""
    task = Task(lambda: _sized(source, question, token, open_market()))
    task.thread.join(LONGEST_S)
    if task.thread.is_alive():
        return f"the Hub took longer than {LONGEST_S:.0f} s"
    try:
        sized: Sized = task.result()
    except GateliftError as error:
        return str(error)
    if sized.best is None:
        unknown, nowhere = sized.model.architecture.unknown, "it fits on no size that managed online endpoints offer"
        return unknown or ": ".join(filter(None, (nowhere, same_reason(sized.offers))))
    return Proposal(
        sized.best.fit.instance.name,
        sized.best.fit.tensor_parallel,
        sized.best.fit.advised,
        tuple(_reasons(sized)),
    )


def _sized(source: ModelSpec, question: Question, token: str | None, market: Market) -> Sized:
    return size_model(source.label, read_source(source, market.hub, token), question, market.prices)


def _reasons(sized: Sized) -> list[str]:
    best = sized.best
    if best is None:
        return []
    fit = best.fit
    price = "" if best.hour is None else f", {best.hour:.2f} {sized.currency} an hour in {sized.question.region}"
    which = "The cheapest size that the model fits on" if fit.verdict is Verdict.FITS else "Perhaps large enough"
    gpus = f" of each {fit.instance.gpu.name}" if fit.instance.gpus > 1 else f" of {fit.instance.gpu.in_words}"
    many = "1 request" if fit.concurrent == 1 else f"{fit.concurrent} requests"
    lines = [
        f"{which}{price}, by the list price.",
        f"{gib(fit.weights)} of weights in the {gib(fit.budget)}{gpus} that vLLM takes, about {gib(fit.cache)} of cache"
        + (f": {many} of {fit.context:,} tokens." if fit.per_sequence else "."),
    ]
    if fit.verdict is not Verdict.FITS:
        lines.append(f"{fit.why}.")
    return lines
