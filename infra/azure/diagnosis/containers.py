"""Causes of errors of the container itself: it ends, or is not ready in time."""

from infra.azure.diagnosis.cause import Causes, Diagnosis

CONTAINERS: Causes = {
    "ResourceNotReady": (
        Diagnosis(
            "the container ended, or did not become ready before the readiness probe gave up",
            "`gatelift logs` shows the container's log; if the model loads slowly, raise "
            "readiness_probe.failure_threshold",
        ),
    ),
}
