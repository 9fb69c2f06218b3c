"""The fields of `deployment` in the YAML spec: its machines, its limits and probes, and how vLLM runs on them."""

from collections.abc import Collection
from typing import Annotated

from msgspec import Meta, field

from infra.spec.autoscale import AutoscaleSpec
from infra.spec.check import Written
from infra.spec.names import EndpointName, RuleBroken, VmSize
from infra.spec.rules import EngineArguments, Variables
from infra.spec.tags import ResourceTags

Count = Annotated[int, Meta(ge=1)]


class RequestSettingsSpec(Written, frozen=True, kw_only=True):
    """Limits of the endpoint's front end for requests."""

    request_timeout_ms: Annotated[int, Meta(ge=1, le=180_000)] = 180_000
    max_concurrent_requests_per_instance: Annotated[
        Count | None, Meta(description="`engine.max_num_seqs` by default, or 64 if that is not set")
    ] = None


class ProbeSpec(Written, frozen=True, kw_only=True):
    """How Azure probes the container; times are in seconds."""

    initial_delay: Count | None = None
    period: Count | None = None
    timeout: Count | None = None
    success_threshold: Count | None = None
    failure_threshold: Count | None = None


class DeploymentSpec(Written, frozen=True, kw_only=True):
    """The deployment: its machines and how vLLM runs on them."""

    name: EndpointName = "blue"
    instance_type: Annotated[VmSize, Meta(description="Azure instance type (VM size), e.g. `Standard_NC24ads_A100_v4`")]
    instance_count: Annotated[
        Annotated[int, Meta(ge=1, le=50)] | None,
        Meta(description="By default 1 at creation; then what people or an autoscale setting make of it is left alone"),
    ] = None
    responses_per_instance: Annotated[
        bool,
        Meta(description="Accept several instances that each keep `/v1/responses` for themselves, in memory or SQLite"),
    ] = False
    keep_previous: Annotated[
        bool,
        Meta(
            description="Keep a deployment that another instance_type or name replaces at 0 %, for `gatelift rollback`"
        ),
    ] = True
    autoscale: Annotated[
        AutoscaleSpec | None, Meta(description="Let Azure Monitor decide about the number of instances")
    ] = None
    engine: Annotated[
        EngineArguments, Meta(description="Arguments of `vllm serve` under their own names, e.g. `max_model_len: 4096`")
    ] = field(default_factory=dict)
    environment_variables: Annotated[Variables, Meta(description="Plain values only, no secrets")] = field(
        default_factory=dict
    )
    request_settings: RequestSettingsSpec = RequestSettingsSpec()
    liveness_probe: ProbeSpec = ProbeSpec()
    readiness_probe: ProbeSpec = ProbeSpec()
    tags: ResourceTags = field(default_factory=dict)

    def check(self, written: Collection[str]) -> None:
        """The number of instances has one owner, and only sizes with a GPU are scaled by how busy it is."""
        if self.autoscale is None:
            return
        if self.instance_count is not None:
            raise RuleBroken(
                f"instance_count {self.instance_count} and autoscale contradict each other",
                "delete `instance_count`: a new deployment begins with autoscale.min, then Azure Monitor decides",
            )
        if self.autoscale.metric == "gpu" and not has_gpu(self.instance_type):
            raise RuleBroken(
                f"autoscale.metric is gpu, but {self.instance_type} has none", "scale by `requests` or `latency`"
            )


def has_gpu(instance_type: str) -> bool:
    """Whether a VM size has GPUs: those of the families N have."""
    return instance_type.lower().startswith("standard_n")
