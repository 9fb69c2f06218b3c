"""Causes of errors about container images and their builds."""

from infra.azure.diagnosis.cause import Causes, Diagnosis

IMAGES: Causes = {
    "ImageBuildFailure": (
        Diagnosis(
            "the workspace's registry refused the image build",
            "run `az ml workspace sync-keys`; with a private registry, set a compute for image builds "
            "(image_build_compute)",
            ("authoriz", "unauthorized", "access denied", "registry"),
        ),
        Diagnosis(
            "the environment's image could not be built",
            "read the build log that the message names, in the workspace's storage account",
        ),
    ),
}
