"""Azure Machine Learning's scoring script: `init()` and `run()` for its inference server, a whole server as a program.

`azmlinfsrv --entry_script score.py` calls `init()` once and `run()` for each request; `python score.py ARGS…` is
`python -m scoring ARGS…`. Either way the same engine and the same HTTP surface answer.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def _package_beside_this_file() -> None:
    """Make the folder of this file importable as `scoring`, whatever the folder is called in the container.

    Azure loads this file by path under another name. Its folder must not stay on `sys.path` itself: a module here that
    is named like one elsewhere would stand in for it.
    """
    sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != HERE]
    spec = importlib.util.spec_from_file_location(
        "scoring", HERE / "__init__.py", submodule_search_locations=[str(HERE)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{HERE} holds no __init__.py", name="scoring")
    package = importlib.util.module_from_spec(spec)
    sys.modules["scoring"] = package
    spec.loader.exec_module(package)


if "scoring" not in sys.modules:
    _package_beside_this_file()

from scoring.process import server  # noqa: E402
from scoring.process.background_server import BackgroundServer, answer_directly, answer_flask  # noqa: E402

_background: BackgroundServer | None = None


def _raw_http(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Ask Azure's inference server for the request itself rather than its text, where that server is what loads us."""
    if "azureml_inference_server_http" not in sys.modules:
        return function
    aml_request = importlib.import_module("azureml_inference_server_http.api.aml_request")
    decorated: Callable[[Any], Any] = aml_request.rawhttp(function)
    return decorated


def init() -> None:
    """Load the model; returns once a first token has been generated."""
    global _background
    _background = BackgroundServer.started()


@_raw_http
def run(request: Any) -> Any:
    """Answer one request: a chat completions body, or a Responses body when it has `input` and no `messages`."""
    if _background is None:
        raise RuntimeError("init() has not been called")
    if isinstance(request, str | bytes):
        return answer_directly(_background, request)
    return answer_flask(_background, request)


if __name__ == "__main__":
    sys.exit(server.main())
