"""The JSON object that `gatelift size` prints: bytes are bytes, memory is that of one GPU, speeds are estimates."""

from typing import Any

from infra.azure.prices.price import HOURS_A_MONTH
from infra.operations.capacity.size import Sized, same_reason
from infra.sizing.fit import Fit
from infra.sizing.offers import Offer
from infra.sizing.quantization import OFFERED
from infra.sizing.speed import Speed


def size_document(sized: Sized) -> dict[str, Any]:
    """Everything that is known of the model, of each size, and of which one to take."""
    facts, question = sized.read.facts, sized.question
    return {
        "model": sized.model.label,
        "revision": facts.revision if facts else None,
        "region": question.region,
        "region_given": question.region_given,
        "currency": sized.currency,
        "prices_note": sized.prices_note,
        "instance_type": question.chosen or None,
        "context": sized.wanted.context,
        "concurrency": sized.wanted.concurrency,
        "gpu_memory_utilization": question.setting.utilization,
        "architecture": _architecture(sized),
        "weights": _weights(sized),
        "best": offer_document(sized.best) if sized.best else None,
        "why": "" if sized.best else same_reason(sized.offers),
        "quantized": {"quantization": OFFERED, **offer_document(sized.quantized)} if sized.quantized else None,
        "sizes": [offer_document(offer) for offer in sized.offers],
        "notes": [*sized.read.notes, *sized.model.architecture.notes, *_uncounted(question.setting.uncounted)],
    }


def _uncounted(what: tuple[str, ...]) -> list[str]:
    return (
        [f"the memory of {' and '.join(what)} is not counted: leave some, or choose the next larger size"]
        if what
        else []
    )


def offer_document(offer: Offer) -> dict[str, Any]:
    """One size."""
    fit, size = offer.fit, offer.fit.instance
    return {
        "instance_type": size.name,
        "gpus": size.gpus,
        "gpu": size.gpu.name,
        "verdict": fit.verdict.value,
        "why": fit.why,
        "cautions": list(fit.cautions),
        "hour": offer.hour,
        "month": None if offer.hour is None else round(offer.hour * HOURS_A_MONTH, 2),
        "gpus_used": fit.gpus_used,
        "tensor_parallel_size": fit.tensor_parallel,
        "max_model_len": fit.advised,
        "dtype": fit.dtype,
        "longest_context": fit.longest,
        "concurrent_requests": fit.concurrent,
        "kv_bytes_per_token": fit.per_token,
        "kv_bytes_per_request": fit.per_sequence,
        "per_gpu": _per_gpu(fit),
        "speed": _speed(offer.speed) if offer.speed else None,
    }


def _per_gpu(fit: Fit) -> dict[str, Any]:
    beside = fit.overhead
    return {
        "memory": fit.instance.gpu.memory,
        "taken": fit.budget,
        "weights": fit.weights,
        "activations": beside.activations if beside else 0,
        "cuda_graphs": beside.graphs if beside else 0,
        "other": beside.other + beside.padding if beside else 0,
        "kv_cache": fit.cache,
    }


def _speed(speed: Speed) -> dict[str, Any]:
    return {
        "tokens_per_second_of_one": round(speed.single, 1),
        "tokens_per_second_of_all": round(speed.together, 1),
        "requests": speed.requests,
        "seconds_to_first_token": round(speed.first_token, 3),
    }


def _architecture(sized: Sized) -> dict[str, Any]:
    found = sized.model.architecture
    stored, experts = found.quantization, found.experts
    return {
        "name": found.name or found.model_type if found.known else found.name,
        "known": found.known,
        "unknown": found.unknown,
        "layers": found.depth,
        "heads": found.heads,
        "kv_heads": found.kv_heads,
        "hidden": found.hidden,
        "vocabulary": found.vocabulary,
        "longest_context": found.longest,
        "dtype": found.dtype,
        "encoder_only": found.encoder_only,
        "vision": found.vision,
        "experts": {"count": experts.count, "active": experts.active} if experts else None,
        "quantization": {"method": stored.method, "bits": stored.bits} if stored else None,
    }


def _weights(sized: Sized) -> dict[str, Any] | None:
    weights = sized.model.weights
    if weights is None:
        return None
    return {
        "bytes": weights.bytes,
        "loaded": weights.loaded,
        "parameters": weights.parameters,
        "active_parameters": weights.active_parameters,
        "by_dtype": dict(weights.by_dtype),
        "exact": weights.exact,
        "files": sized.read.disk,
    }
