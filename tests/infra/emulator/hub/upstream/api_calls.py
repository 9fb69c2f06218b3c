"""What huggingface_hub's API finds in the Hub of `HF_ENDPOINT`, as a JSON object: `python api_calls.py FOLDER`.

A program, since it runs with versions of huggingface_hub that are not installed here.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import HfApi, snapshot_download

FOLDER = Path(sys.argv[1])
FILE = "model.safetensors"
ANN = HfApi(token="hf_ann")
NOBODY = HfApi(token=False)


def snapshot(repo: str, **how: Any) -> list[str]:
    """The names of its files in a cache of this caller's own."""
    cache = FOLDER / str(how["token"])
    return sorted(path.name for path in Path(snapshot_download(repo, cache_dir=cache, **how)).iterdir())


def refusal(call: Callable[[], Any]) -> str:
    """The name of the error with which a call ends."""
    try:
        return f"no error, but {call()}"
    except Exception as error:
        return type(error).__name__


def main() -> None:
    """Print everything."""
    found = {
        "major version": huggingface_hub.__version__.partition(".")[0],
        "whoami": ANN.whoami()["name"],
        "public": snapshot("acme/open", token=False),
        "gated": snapshot("acme/gated", token="hf_ann"),
        "gate": ANN.model_info("acme/gated").gated,
        "size": {file.rfilename: file.size for file in ANN.model_info("acme/gated", files_metadata=True).siblings}[
            FILE
        ],
        "tree": sorted(file.path for file in ANN.list_repo_tree("acme/gated")),
        "offline": snapshot("acme/gated", token="hf_ann", local_files_only=True),
        "gated without a token": refusal(lambda: snapshot("acme/gated", token=False)),
        "gated, not yet allowed": refusal(lambda: snapshot("acme/gated", token="hf_pat")),
        "private": refusal(lambda: NOBODY.model_info("acme/secret")),
        "no such revision": refusal(lambda: ANN.model_info("acme/gated", revision="nope")),
        "whoami, wrong token": refusal(lambda: HfApi(token="hf_wrong").whoami()),
        "offline, never read": refusal(lambda: snapshot("acme/changed", token=False, local_files_only=True)),
        "unreachable, never read": refusal(
            lambda: snapshot("acme/changed", token=False, endpoint="http://127.0.0.1:9")
        ),
    }
    print(json.dumps(found))  # noqa: T201


main()
