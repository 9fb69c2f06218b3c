"""The vLLM of the Python that runs gatelift: a local container has it, where Azure's has the image's."""

import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec

from infra.errors import GateliftError
from infra.paths import bundled

FRONT_PROGRAM = "VLLM_RUST_FRONTEND_PATH"  # no container inherits it from this machine


def check_vllm() -> str:
    """Say that it is installed; GateliftError where it is not."""
    if find_spec("vllm") is None:
        raise GateliftError(
            "vLLM is not installed in gatelift's Python, so no model can be served on this machine",
            hint="install it with `scripts/setup`, or by hand: pip install 'gatelift[serve-cpu]'",
        )
    return "is installed"


def local_fronts(container: Mapping[str, str], environ: Mapping[str, str]) -> str:
    """Say which of vLLM's front ends a container with these variables has, by scoring's own code."""
    if container.get("SCORING_FRONT") == "python":
        return "vLLM's Python one alone, as SCORING_FRONT says"
    scoring = bundled("scoring")
    program = [sys.executable, str(scoring / "engine" / "fronts" / "binary.py")]
    handed_on = {name: value for name, value in environ.items() if name != FRONT_PROGRAM}
    variables = {**handed_on, **container, "PYTHONPATH": str(scoring.parent)}
    found = subprocess.run(program, env=variables, capture_output=True, text=True, check=False)
    return f"vLLM's Python one alone: {found.stderr.strip()}" if found.returncode else "vLLM's Rust and Python ones"
