"""Causes of errors that an endpoint's front end gives: the reasons in its header `ms-azureml-model-error-reason`."""

from infra.azure.diagnosis.cause import Causes, Diagnosis

NO_ROUTE = "no_route"  # our word: Azure gives this one no code

FRONT_END: Causes = {
    "model_error": (
        Diagnosis(
            "the container answered with another status than 200, which Azure shows as 424",
            "the header ms-azureml-model-error-statuscode has the container's own status: 400 to 422 are the request's "
            "fault, 429 and 503 pass (wait for Retry-After), for 500 see `gatelift logs SPEC`",
        ),
    ),
    "model_not_ready": (
        Diagnosis(
            "no instance of the deployment is ready",
            "`gatelift logs SPEC` shows what it is doing; a large model takes minutes to load",
        ),
    ),
    "too_many_pending_request": (
        Diagnosis(
            "more requests are under way than 2 x max_concurrent_requests_per_instance x instance_count",
            "try again later, or raise request_settings.max_concurrent_requests_per_instance or instance_count",
        ),
    ),
    NO_ROUTE: (
        Diagnosis(
            "no deployment of the endpoint gets traffic, or the request names one that does not exist",
            "`gatelift status SPEC` shows the traffic; `gatelift up SPEC` moves it to the spec's deployment once that "
            "has answered",
        ),
    ),
}
