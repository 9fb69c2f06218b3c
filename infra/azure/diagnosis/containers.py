"""Causes of errors of the container itself: it ends, or is not ready in time."""

from infra.azure.diagnosis.cause import Causes, Diagnosis

FIRST_LINE = "the first line of the container's log (`gatelift logs`) names driver, CUDA and library path"
CONTAINERS: Causes = {
    "ResourceNotReady": (
        Diagnosis(
            "the host's NVIDIA driver is newer than the CUDA compatibility libraries that the container loads first "
            "(CUDA error 803)",
            f"{FIRST_LINE}: take `LD_LIBRARY_PATH` out of deployment.environment_variables, and use an image that was "
            "built with this version of gatelift (`gatelift image build`)",
            ("error 803", "unsupported display driver / cuda driver"),
        ),
        Diagnosis(
            "the container loads the CUDA compatibility libraries on a GPU that they do not support, such as a virtual "
            "one with a GRID driver (CUDA error 804)",
            f"{FIRST_LINE}: give an image whose CUDA fits the driver in environment.build.base, such as a -cu129 tag "
            "of vLLM's image, or choose an instance_type with whole datacenter GPUs",
            ("error 804", "forward compatibility was attempted"),
        ),
        Diagnosis(
            "the host's NVIDIA driver is too old for the CUDA of the image",
            f"{FIRST_LINE}: give an image with an older CUDA in environment.build.base, such as a -cu129 tag of vLLM's "
            "image, or one with compatibility libraries in /usr/local/cuda/compat",
            ("driver on your system is too old", "driver version is insufficient", "driver is too old"),
        ),
        Diagnosis(
            "the host's container runtime refuses the image, since it asks for a newer NVIDIA driver "
            "(NVIDIA_REQUIRE_CUDA)",
            "build the image with `gatelift image build`, which sets NVIDIA_DISABLE_REQUIRE=1, or set that in the "
            "image that environment.image names",
            ("unsatisfied condition",),
        ),
        Diagnosis(
            "several GPUs exchange data through /dev/shm, and it is too small; no setting of a deployment enlarges it",
            "set `NCCL_SHM_DISABLE: '1'` in deployment.environment_variables, which is slower, or choose an "
            "instance_type whose one GPU holds the model",
            ("shared memory segment", "ncclshmopen"),
        ),
        Diagnosis(
            "the machine's disk is full: image and weights together are larger than it",
            "choose a larger instance_type, or a smaller or quantized model; `gatelift doctor` shows both sizes",
            ("no space left on device",),
        ),
        Diagnosis(
            "the container ended, or did not become ready before the readiness probe gave up",
            "`gatelift logs` shows the container's log; if the model loads slowly, raise "
            "readiness_probe.failure_threshold",
        ),
    ),
}
