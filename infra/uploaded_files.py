"""Which files of a folder are uploaded: one rule for code, build contexts and models.

`.amlignore`, or else `.gitignore`, at the top of the folder says what stays here, as azure-ai-ml has it. What holds
secrets or is of no use elsewhere never goes up, and a symbolic link must not lead out of the folder: what it points to
would be published unseen (https://github.com/Azure/azure-sdk-for-python/issues/36603).
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from infra.errors import Refused

IGNORE_FILES = (".amlignore", ".gitignore")
NEVER = {".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".ssh", ".azure"}
PRIVATE_NAMES = {"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".netrc", ".pypirc"}
PRIVATE_ENDINGS = {".env", ".ppk", ".pfx", ".p12", ".jks", ".pyc"}
NO_NAME = re.compile(
    r"[\x00-\x1f\x7f\\\ud800-\udfff\ufffe\uffff]"
)  # what XML or UTF-8 cannot hold, and what becomes `/`
PRIVATE_KEY, HEAD = b"PRIVATE KEY-----", 16_384


def files_to_upload(folder: Path, store: Path | None = None) -> list[tuple[str, Path]]:
    """The files that go up, as pairs of the path below the folder and the path on disk, sorted.

    `store` is a folder into which symbolic links may lead, too. Raises `Refused` for a link that leads elsewhere, or to
    nothing.
    """
    found = sorted(_walk((folder, store or folder), folder, _ignored_by(folder)))
    for name, path in found:
        if NO_NAME.search(name):
            message = f"{str(path)!a} has a character in its name that no blob may have"
            raise Refused(message, hint=f"rename it, or name it in {folder / IGNORE_FILES[0]}", code="file_name")
    return found


def _walk(roots: tuple[Path, Path], folder: Path, ignored: Callable[[str], bool]) -> Iterator[tuple[str, Path]]:
    root = roots[0]
    for path in folder.iterdir():
        relative = path.relative_to(root).as_posix()
        is_folder = path.is_dir()
        if _never(path.name) or ignored(f"{relative}/" if is_folder else relative):
            continue
        if path.is_symlink():
            _check_link(roots, path)
        if is_folder:
            yield from _walk(roots, path, ignored)
        elif path.is_file() and not _is_private_key(path):
            yield relative, path


def _never(name: str) -> bool:
    ending = Path(name).suffix.lower()
    return name in NEVER or name in PRIVATE_NAMES or name.startswith(".env") or ending in PRIVATE_ENDINGS


def _is_private_key(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(HEAD)
    return head.lstrip().startswith(b"-----BEGIN") and PRIVATE_KEY in head


def _check_link(roots: tuple[Path, Path], link: Path) -> None:
    root = roots[0]
    where = link.relative_to(root).as_posix()
    hint = f"put a copy in its place, or name `{where}` in {root / IGNORE_FILES[0]}"
    try:
        target = link.resolve()
    except (OSError, RuntimeError):  # Python up to 3.12 has the latter
        raise Refused(
            f"{link} is a symbolic link that leads back to itself", hint=hint, code="link_in_circle"
        ) from None
    if not any(target.is_relative_to(allowed.resolve()) for allowed in roots):
        raise Refused(f"{link} is a symbolic link to {target}, outside of {root}", hint=hint, code="link_outside")
    if not target.exists():
        raise Refused(f"{link} is a symbolic link to {target}, which does not exist", hint=hint, code="broken_link")
    if link.parent.resolve().is_relative_to(target):
        raise Refused(f"{link} is a symbolic link to a folder that it is in", hint=hint, code="link_in_circle")


def _ignored_by(folder: Path) -> Callable[[str], bool]:
    """Whether the folder's ignore file names a path; a folder's path ends in a slash."""
    source = next((folder / name for name in IGNORE_FILES if (folder / name).is_file()), None)
    if source is None:
        return lambda relative: False
    from pathspec import GitIgnoreSpec  # only where there is something to read: `plan` hashes the code each time

    try:
        lines = source.read_text(encoding="utf-8-sig").splitlines()
    except ValueError:
        raise Refused(f"{source} is not in UTF-8", hint="save it in UTF-8", code="file_error") from None
    return GitIgnoreSpec.from_lines(lines).match_file
