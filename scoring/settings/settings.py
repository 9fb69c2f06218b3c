"""What one scoring process is told: `vllm serve` arguments, or the container's environment. Read once, at the edge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from scoring.errors import BadSettings
from scoring.settings.adapters import AdapterSettings, adapters_from_json
from scoring.settings.arguments import arguments_from_json, named_model, named_option, option_values
from scoring.settings.config_file import with_config_file
from scoring.settings.engines import EngineSettings, engines_from_json
from scoring.settings.limits import Limits, read_limits, read_number
from scoring.settings.mounted import mounted_model, mounted_name
from scoring.settings.response_store import ResponseStoreSettings, read_response_store
from scoring.settings.sealing import read_sealing_keys

DEFAULT_PORT = 5001
FRONTS = ("auto", "rust", "python")
NO_MODEL = "no model is named"
NAME_A_MODEL = "`python -m scoring MODEL`, or set SCORING_MODEL, or mount a model asset (AZUREML_MODEL_DIR)"


@dataclass(frozen=True)
class ScoringSettings:
    """One scoring process: where it listens, what it serves, and vLLM's own arguments."""

    host: str
    port: int
    arguments: tuple[str, ...] = ()
    model: str | None = None
    revision: str | None = None
    served_model_name: str | None = None
    model_dir: Path | None = None
    grace_seconds: float = 25.0
    hub_url: str = "https://huggingface.co"
    hub_seconds: float = 900.0
    engines: tuple[EngineSettings, ...] = ()
    adapters: tuple[AdapterSettings, ...] = ()
    responses: ResponseStoreSettings = field(default_factory=ResponseStoreSettings)
    limits: Limits = field(default_factory=Limits)
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    sealing_keys: tuple[str, ...] = field(default=(), repr=False)
    mcp_hosts: frozenset[str] = frozenset()  # MCP servers that responses may call: host, or host:port
    fork_engine: bool = True
    front: str = "auto"

    def each_engine(self) -> "list[ScoringSettings]":
        """Return the settings of each engine: of those in the list, or of the only one."""
        return [
            replace(
                self,
                model=one.model,
                revision=one.revision,
                arguments=one.arguments,
                model_dir=None,
                fork_engine=self.fork_engine and number == 0,  # by then the first one's threads run here
            )
            for number, one in enumerate(self.engines)
        ] or [self]


def read_settings(arguments: Sequence[str], environ: Mapping[str, str]) -> ScoringSettings:
    """Join the command line with the environment; what is said on the command line wins."""
    words = with_config_file(arguments or arguments_from_json(environ.get("SCORING_ENGINE_ARGS") or "{}"))
    engines = () if arguments else engines_from_json(environ.get("SCORING_ENGINES"))
    model = named_model(words)
    model_dir = None if model else mounted_model(environ.get("AZUREML_MODEL_DIR"))
    named = (
        (environ.get("SCORING_MODEL") or mounted_name(environ["AZUREML_MODEL_DIR"], model_dir)) if model_dir else None
    )
    if not (arguments or engines or model or model_dir or environ.get("SCORING_MODEL")):
        raise BadSettings(NO_MODEL, hint=NAME_A_MODEL)
    return ScoringSettings(
        host=named_option(words, "--host") or environ.get("SCORING_HOST") or default_host(environ),
        port=_port(named_option(words, "--port") or environ.get("PORT") or str(DEFAULT_PORT)),
        arguments=words,
        model=model or environ.get("SCORING_MODEL") or None,
        revision=named_option(words, "--revision") or environ.get("SCORING_REVISION") or None,
        served_model_name=environ.get("SCORING_SERVED_MODEL_NAME") or (None if engines else named),
        model_dir=model_dir,
        grace_seconds=read_number(environ, "SCORING_GRACE_SECONDS", 25.0),
        hub_url=(environ.get("HF_ENDPOINT", "").strip() or "https://huggingface.co").rstrip("/"),
        hub_seconds=read_number(environ, "SCORING_HUB_SECONDS", 900.0),
        engines=engines,
        adapters=_adapters(environ, engines),
        responses=read_response_store(environ),
        limits=read_limits(environ),
        api_keys=_api_keys(words, environ),
        sealing_keys=read_sealing_keys(environ),
        mcp_hosts=frozenset((environ.get("SCORING_MCP_HOSTS") or "").replace(",", " ").lower().split()),
        fork_engine=environ.get("VLLM_WORKER_MULTIPROC_METHOD", "fork") == "fork",
        front=_front(environ.get("SCORING_FRONT") or "auto"),
    )


def default_host(environ: Mapping[str, str]) -> str:
    """Listen on every address inside an Azure ML container (AML_APP_ROOT is set there), on loopback elsewhere."""
    return "0.0.0.0" if environ.get("AML_APP_ROOT") else "127.0.0.1"  # noqa: S104


def _api_keys(words: Sequence[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    given = [*option_values(words, "--api-key"), environ.get("SCORING_API_KEY"), environ.get("VLLM_API_KEY")]
    return tuple(key for key in given if key)


def _adapters(environ: Mapping[str, str], engines: tuple[EngineSettings, ...]) -> tuple[AdapterSettings, ...]:
    adapters = adapters_from_json(environ.get("SCORING_ADAPTERS"))
    if adapters and engines:
        raise BadSettings(
            "SCORING_ADAPTERS does not say which model of SCORING_ENGINES it is for",
            hint='give that engine its adapters, e.g. "enable_lora": true, "lora_modules": [{"name": …, "path": …}]',
        )
    return adapters


def _front(text: str) -> str:
    if text in FRONTS:
        return text
    raise BadSettings(f"SCORING_FRONT is {text!r}", hint=f"write {', '.join(FRONTS[:-1])} or {FRONTS[-1]}")


def _port(text: str) -> int:
    if text.isdecimal() and int(text) < 65536:
        return int(text)
    raise BadSettings(f"port {text!r} is not a number from 0 to 65535", hint="set PORT or --port")
