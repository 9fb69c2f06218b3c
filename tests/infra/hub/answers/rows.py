"""What the Hub may answer: one row each, as docs/hub-answers.md lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GOOD, STRANGER, WAITING, REJECTED = "hf_goodtoken001", "hf_strangertok3", "hf_waitingtok04", "hf_rejectedtok5"
FINE_GRAINED, UNKNOWN, MALFORMED = "hf_finegrained6", "hf_nosuchtoken7", '"hf_quotedtoken8"'
TOKENS = {
    GOOD: {"user": "reader", "role": "read", "gated_repos": True},
    STRANGER: {"user": "stranger", "role": "read", "gated_repos": True},
    WAITING: {"user": "waiting", "role": "read", "gated_repos": True},
    REJECTED: {"user": "rejected", "role": "read", "gated_repos": True},
    FINE_GRAINED: {"user": "reader", "role": "fineGrained", "gated_repos": False},
}
CONFIG = {"config.json": '{"model_type": "llama"}', "README.md": "A model."}
TENSORS = "\2\0\0\0\0\0\0\0{}"  # safetensors with none in it: how long its header is, and that
WHOLE = {**CONFIG, "model.safetensors": TENSORS}
GATED = {"gated": "manual", "access": {"reader": "accepted", "waiting": "pending", "rejected": "rejected"}}
INDEX = '{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}'
ADAPTER = {"adapter_config.json": '{"base_model_name_or_path": "org/open"}', "adapter_model.safetensors": "lora"}
REPOS: dict[str, dict[str, Any]] = {
    "org/open": {"files": WHOLE},
    "org/gated": {"files": WHOLE, **GATED},
    "reader/private": {"files": WHOLE, "private": True},
    "org/lacking": {
        "files": {**CONFIG, "model-00001-of-00002.safetensors": TENSORS, "model.safetensors.index.json": INDEX}
    },
    "org/empty": {"files": {**CONFIG, "tokenizer.json": "{}"}},
    "org/gguf": {"files": {"README.md": "x", "model-Q4_K_M.gguf": "weights"}},
    "org/lora": {"files": ADAPTER},
}
NAME_UNKNOWN, NOBODY = "https://hub.invalid", "http://127.0.0.1:9"
LOGIN_PAGE = "login page"
Rule = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """An answer of the Hub: to questions about which model, with which token, under which fault rules."""

    name: str
    model: str = "org/gated"
    token: str | None = GOOD
    revision: str | None = None
    faults: tuple[Rule, ...] = ()
    endpoint: str = ""
    """Where the Hub is thought to be; empty for the emulated one."""
    environ: Mapping[str, str] | None = None
    called: str = ""
    """The model's name on the Hub, where that is another one now: containers are told this."""


def always(**rule: Any) -> tuple[Rule, ...]:
    """A fault rule for every request to the Hub."""
    return ({"target": "hub", **rule},)


def moved(path: str, to: str) -> Rule:
    """The answer for a model that has another name now."""
    return {"target": "hub", "path": path, "status": 307, "headers": {"Location": to}}


RENAMED = (
    moved("^/api/models/org/old/auth-check", "/api/models/org/gated/auth-check"),
    moved(r"^/api/models/org/old(/revision/\w+)?\?", "/api/models/org/gated?blobs=true"),
)
ROWS = (
    Row("a public model, no token", "org/open", None),
    Row("a public model, and a token that nobody knows", "org/open", UNKNOWN),
    Row("a public model, and something that is no token", "org/open", MALFORMED),
    Row("a gated model, access granted"),
    Row("a gated model, no token", token=None),
    Row("a gated model, access never asked for", token=STRANGER),
    Row("a gated model, the request waits", token=WAITING),
    Row("a gated model, the request was rejected", token=REJECTED),
    Row("a gated model, a fine-grained token without gated repositories", token=FINE_GRAINED),
    Row("a gated model, a token that nobody knows or that has expired", token=UNKNOWN),
    Row("a gated model, and something that is no token", token=MALFORMED),
    Row("a private model of one's own", "reader/private"),
    Row("a private model of others", "reader/private", STRANGER),
    Row("no such model", "org/none"),
    Row("no such revision", revision="v9"),
    Row("a model that was renamed", "org/old", faults=RENAMED, called="org/gated"),
    Row("a shard is missing", "org/lacking", None),
    Row("a tokenizer and no weights", "org/empty", None),
    Row("GGUF files alone", "org/gguf", None),
    Row("an adapter in place of a model", "org/lora", None),
    Row("throttled once (429, Retry-After)", faults=always(status=429, headers={"Retry-After": "1"}, times=1)),
    Row("throttled for ever (429, RateLimit)", faults=always(status=429, headers={"RateLimit": '"api";r=0;t=240'})),
    Row("an error once (500)", faults=always(status=500, times=1)),
    Row("down for ever (503)", faults=always(status=503)),
    Row("the connection breaks", faults=always(reset=True)),
    Row("the files' storage refuses", faults=always(status=403, path="^/cdn/")),
    Row("a login page in between", endpoint=LOGIN_PAGE),
    Row("nobody listens", endpoint=NOBODY),
    Row("a name that nobody knows", endpoint=NAME_UNKNOWN),
    Row("a proxy that nobody runs", endpoint=NAME_UNKNOWN, environ={"HTTPS_PROXY": "http://me:geheim@127.0.0.1:9"}),
    Row("the Hub may not be asked (HF_HUB_OFFLINE)", environ={"HF_HUB_OFFLINE": "1"}),
)
