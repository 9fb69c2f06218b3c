"""Causes of errors about quota, capacity and throttling."""

from infra.azure.diagnosis.cause import Causes, Diagnosis

CAPACITY: Causes = {
    "OutOfQuota": (
        Diagnosis(
            "the container used more memory than the machine has",
            "lower engine.max_model_len or engine.gpu_memory_utilization, or choose a larger instance_type",
            ("memory",),
        ),
        Diagnosis(
            "the image and the model do not fit on the machine's disk",
            "choose a larger instance_type, or a smaller model",
            ("disk", "no space left"),
        ),
        Diagnosis(
            "the region has no machines of this size free at the moment",
            "run the command again later, or choose another region or instance_type",
            ("capacity",),
        ),
        Diagnosis(
            "the subscription has reached its limit of role assignments",
            "delete role assignments that are no longer needed, or ask for a higher limit",
            ("role assignment",),
        ),
        Diagnosis(
            "the subscription has reached its limit of endpoints or deployments",
            "delete those that are no longer needed (`az ml online-endpoint list`), or ask for a higher limit in Azure "
            "ML studio",
            ("number of endpoints", "number of deployments", "number of online"),
        ),
        Diagnosis(
            "the subscription has too few cores of this VM family in this region; Azure requires a fifth more cores "
            "than the deployment uses, as a reserve",
            "choose a smaller instance_type or another region, or ask for more quota in Azure ML studio",
        ),
    ),
    "OutOfCapacity": (
        Diagnosis(
            "the region has no machines of this size free at the moment",
            "run the command again later, or choose another region or instance_type",
        ),
    ),
    "TooManyRequests": (Diagnosis("Azure is throttling this subscription", "run the command again in a minute"),),
}
