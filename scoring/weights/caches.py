"""Where downloads and compiled code are kept, so that a container that starts again finds them.

A container that is restarted in its place has a new file system of its own; what lies on a volume that the platform
has mounted stays. Azure ML brings the scoring script on such a volume. Nobody has looked there yet: the log says
which folder it is, and whether it is on a volume.
"""

import logging
import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from scoring.weights.disk import free_bytes, said_size
from scoring.weights.mounts import file_system

logger = logging.getLogger("scoring")

SETTING = "SCORING_CACHE_DIR"
FOLDER = "gatelift-cache"
BELOW = {
    "HF_HOME": "huggingface",
    "VLLM_CACHE_ROOT": "vllm",
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
    "FLASHINFER_WORKSPACE_BASE": "flashinfer",
}
REMOTE = ("fuse", "nfs", "cifs", "smb", "lustre", "9p")  # where these file systems begin with: too slow, or read only


def settle_caches(environ: MutableMapping[str, str]) -> None:
    """Set the folders of all caches below one, unless they are set already, and say in the log where they are."""
    root = cache_root(environ)
    if root is not None:
        for name, folder in BELOW.items():
            environ.setdefault(name, str(root / folder))
    home = Path(
        environ.get("HF_HOME") or Path(environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "huggingface"
    )
    kept = "a volume: kept when the container restarts" if own_volume(home) else "no volume of its own"
    free = f"{said_size(free_bytes(home))} free"
    logger.info("[startup] downloads go to HF_HOME %s (%s; %s); / has %s free", home, kept, free, _free_at_root())


def cache_root(environ: Mapping[str, str]) -> Path | None:
    """Return the folder of the setting, or one on the volume of Azure's container; None: caches stay where they are."""
    if given := environ.get(SETTING):
        return Path(given).expanduser()
    script = environ.get("AML_APP_ROOT")
    if not script or environ.get("HF_HOME"):
        return None
    volume = own_volume(Path(script))
    if volume is None or not os.access(volume, os.W_OK):
        return None
    # Restarts are not worth a model that has no room.
    return volume / FOLDER if free_bytes(volume) * 2 >= free_bytes(Path("/")) else None


def own_volume(folder: Path) -> Path | None:
    """Return the root of the volume that a folder is or will be on, None for `/` and for one that is far away."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    mounted = file_system(folder)
    if mounted.point == Path("/") or mounted.kind.startswith((*REMOTE, "overlay", "tmpfs")):
        return None
    return mounted.point


def _free_at_root() -> str:
    return said_size(free_bytes(Path("/")))
