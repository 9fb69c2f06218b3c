"""The check that the model fits on the GPUs of the spec's instance type, with the spec's arguments of vLLM."""

from msgspec.structs import replace

from infra.errors import GateliftError
from infra.operations.capacity.reading import ReadModel
from infra.operations.capacity.size import USUAL_CONTEXT, model_of, read_source
from infra.operations.doctor.model import ModelChecks
from infra.operations.doctor.verdicts import CheckWarning
from infra.sizing.fit import Fit, Model, Verdict, Wanted, fit, gib
from infra.sizing.instance_types import INSTANCE_TYPES, instance_type
from infra.sizing.offers import best_of, offers_of
from infra.sizing.setting import Setting, read_setting

COMPARE = "`gatelift size SPEC` compares all of them"


def check_fit(checks: ModelChecks) -> str:
    """The model fits; a failure where it surely does not, a warning where nobody can say."""
    spec, name = checks.spec, checks.spec.deployment.instance_type
    if spec.model.brings_container or not (spec.model.path or spec.model.hub_id):
        return f"{spec.model.label} is not sized: only models of the Hub and of a folder are"
    if (size := instance_type(name)) is None:
        raise CheckWarning(f"{name} is not among the GPU sizes that gatelift knows", "`gatelift size SPEC` lists them")
    read = _read(checks)
    model, setting = (
        model_of(spec.model.label, read),
        read_setting(spec.deployment.engine, spec.deployment.environment_variables),
    )
    wanted = Wanted(setting.max_model_len or (not setting.fitted and read.architecture.longest) or 1)
    found = fit(model, setting, wanted, size)
    if setting.fitted and found.advised:  # vLLM then takes what there is
        found = fit(model, setting, Wanted(min(found.advised, USUAL_CONTEXT)), size)
    if found.verdict is Verdict.FITS:
        return _in_words(found)
    way_out = _way_out(model, setting, wanted, found)
    if found.verdict is Verdict.NO:
        raise GateliftError(f"it does not fit on {name}: {found.why}", hint=way_out, code="does_not_fit")
    raise CheckWarning(f"it may not fit on {name}: {found.why}", way_out)


def _read(checks: ModelChecks) -> ReadModel:
    source, facts = checks.spec.model, checks.parts[0].facts
    if source.hub_id and facts.files:  # by the name and the commit that the Hub has told already
        source = source.but(id=facts.id, revision=facts.revision)
    try:
        return read_source(source, checks.hub, checks.given_token)
    except GateliftError as error:  # the checks of files and token fail where it is a mistake
        raise CheckWarning(f"the model is not sized: {error}", error.hint) from None


def _in_words(found: Fit) -> str:
    name, parallel = found.instance.name, found.tensor_parallel
    where = f"on each of {parallel} GPUs of {name}" if parallel > 1 else f"on {name}"
    if not found.per_sequence:
        return f"{gib(found.weights)} of weights {where}, of which vLLM takes {gib(found.budget)}"
    many = "1 request" if found.concurrent == 1 else f"{found.concurrent} requests"
    return (
        f"{gib(found.weights)} of weights and about {gib(found.cache)} of cache {where}: {many} of {found.context:,} "
        "tokens at once"
    )


def _way_out(model: Model, setting: Setting, wanted: Wanted, found: Fit) -> str:
    """A shorter context where that is enough, and the smallest size that holds what is wanted."""
    ways = []
    without = fit(model, replace(setting, max_model_len=None), Wanted(1), found.instance)
    if without.verdict is Verdict.FITS and 0 < without.advised < wanted.context:
        ways.append(f"set engine.max_model_len to {without.advised}")
    elsewhere = replace(setting, tensor_parallel=None)
    best = best_of(offers_of(model, elsewhere, wanted, INSTANCE_TYPES.values(), {}))
    if best and best.fit.verdict is Verdict.FITS and best.fit.instance != found.instance:
        parallel = best.fit.tensor_parallel
        many = f" with tensor_parallel_size {parallel}" if parallel > 1 else ""
        ways.append(f"{best.fit.instance.name}{many} is the smallest that holds it")
    return "; ".join([*ways, COMPARE])
