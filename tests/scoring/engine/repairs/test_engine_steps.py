"""Each step of the engine is told of; vLLM's client is stood in for."""

from types import SimpleNamespace

from scoring.engine.repairs.engine_steps import watch


def test_a_step_is_told_of_and_vllm_has_its_statistics() -> None:
    told: list[str] = []
    processor = SimpleNamespace(update_scheduler_stats=lambda stats: told.append(f"vllm {stats}"))
    watch(SimpleNamespace(output_processor=processor), lambda: told.append("ours"))
    processor.update_scheduler_stats(7)
    assert told == ["ours", "vllm 7"]
