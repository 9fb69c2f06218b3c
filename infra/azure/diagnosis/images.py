"""Causes of errors about container images and their builds."""

from infra.azure.diagnosis.cause import Causes, Diagnosis

READY_IMAGE = "build the image beforehand with `gatelift image build`, and name it in environment.image"
NOT_IN_TIME = Diagnosis(
    "the environment's image was not there in the time that Azure gives a deployment: it was still being built, or it "
    "is too large",
    READY_IMAGE,
    ("environment image", "image too large", "creation timeframe"),
)

IMAGES: Causes = {
    "ImageBuildFailure": (
        Diagnosis(
            "Docker Hub refused the base image: too many were pulled from the build's shared address",
            "run the command again later; for good, copy the base image into a registry of yours (`az acr import`) and "
            "name that in environment.build.base, or name a ready image in environment.image",
            ("toomanyrequests", "pull rate limit"),
        ),
        Diagnosis(
            "the workspace's registry is private, and builds outside of its network cannot reach it",
            "set a compute cluster for image builds: `az ml workspace update --name WORKSPACE --image-build-compute "
            "CLUSTER`; or build with `gatelift image build --docker` inside the network, and name the image in "
            "environment.image",
            (
                "image_build_compute",
                "image build compute",
                "imagebuildcompute",
                "virtual network",
                "private endpoint",
                "acr/firewall",
                "not allowed access",
            ),
        ),
        Diagnosis(
            "the base image's Python belongs to its operating system and refuses `pip install`",
            "install into a folder (`pip install --target`) or a virtual environment, as environments/vllm does",
            ("externally-managed-environment", "externally managed"),
        ),
        NOT_IN_TIME,
        Diagnosis(
            "the build took longer than its limit",
            "run the command again, which begins anew: the base image may have come slowly; or name a ready image in "
            "environment.image",
            ("timed out", "timeout"),
        ),
        Diagnosis(
            "the base image does not exist, or the registry may not read it",
            "correct environment.build.base: an image with a tag or a digest that the public can pull",
            ("manifest unknown", "manifest for", "pull access denied", "not found: does not exist"),
        ),
        Diagnosis(
            "the workspace's registry refused the image build",
            "run `az ml workspace sync-keys`; with a private registry, set a compute for image builds "
            "(image_build_compute)",
            ("authoriz", "access denied"),
        ),
        Diagnosis(
            "the environment's image could not be built",
            "read the last lines of the build's log; where Azure built it, its message names the log in the "
            "workspace's storage account",
        ),
    ),
    "ResourceNotFound": (NOT_IN_TIME,),
    "TasksOperationsNotAllowed": (
        Diagnosis(
            "the subscription may not build images in its registries (ACR Tasks), as free subscriptions may not",
            "build with `gatelift image build --docker`, push the image, and name it in environment.image; or ask "
            "Azure's support for ACR Tasks",
        ),
    ),
}
