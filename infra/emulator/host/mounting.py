"""Puts a model's files below a container's folder as Azure mounts them, without copying their bytes."""

import os
import shutil
from pathlib import Path, PurePosixPath

from infra.emulator.errors import DeploymentFailed
from infra.emulator.world import World

READ_ONLY = 0o444


def mount_model(world: World, uri: str, model_dir: Path) -> None:
    """Put what is at `uri` below `model_dir`, in a folder with the URI's last name; a single file has no such folder.

    Files of the blob store become hard links that cannot be written, files of a linked folder symbolic links.
    Raises `DeploymentFailed` where there is nothing at the URI.
    """
    container, path = world.blobs.locate(uri)
    below = f"{path}/".lstrip("/")
    names = [name for name in world.blobs.names(container, path) if name == path or name.startswith(below)]
    if not names:
        raise DeploymentFailed("BadArgument", f"Unable to download: there is nothing at '{uri}'.")
    above = PurePosixPath(path).parent
    for name in names:
        relative = PurePosixPath(name).relative_to(above)
        if ".." in relative.parts:
            raise DeploymentFailed("BadArgument", f"Unable to download: '{name}' leaves its folder.")
        target = model_dir / relative
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        place_file(world.blobs.content(container, name), target, ours=world.paths.blobs)


def place_file(source: Path, target: Path, *, ours: Path) -> None:
    """Make `target` the file `source`: a hard link where it lies in `ours`, else a symbolic link; at worst a copy."""
    real = source.resolve(strict=True)
    try:
        if real.is_relative_to(ours.resolve()):
            os.link(real, target)
            target.chmod(READ_ONLY)  # and the blob's own, which is replaced as a whole and never written into
        else:
            target.symlink_to(real)
    except OSError:  # a file system without links
        shutil.copyfile(real, target)


def size_on_disk(*folders: Path) -> int:
    """The bytes of all files below these folders, those behind links once."""
    found = (path.stat() for folder in folders for path in folder.rglob("*") if path.is_file())
    return sum({(stat.st_dev, stat.st_ino): stat.st_size for stat in found}.values())
