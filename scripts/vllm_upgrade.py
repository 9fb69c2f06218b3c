"""Says what another version of vLLM changes for this repository: `scripts/vllm-upgrade VERSION`.

Fetches the CUDA wheels of both versions (330 MB each, kept in build/vllm), compares every name of vLLM that this
repository touches, installs the version beside `.venv` as far as that is possible without a GPU, and runs the tests of
the seams in it; then prints what must be decided. Nothing in the checkout is changed but build/.
"""

import argparse
import difflib
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from upgrading.touched import Touched, scan
from upgrading.trees import Definition, VllmTree
from upgrading.trial import Trial
from vllm_rs import HASHES, NoWheel, download, known_hashes, sha256

from scoring.engine.versions import RELEASES, SUPPORTED, installed_version

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "vllm"
CONTRACT = ["tests/scoring/engine", "tests/scoring/fronts", "tests/scoring/served", "tests/scoring/contracts",
            "tests/scoring/web/api", "tests/infra/spec/test_engine_arguments.py"]  # fmt: skip
GONE, MOVED, CALLED, INSIDE = "gone", "moved", "signature", "inside"  # the worst first
MOST_FILES = 12  # that assign an attribute: of one with more, nothing can be said


def main() -> None:
    """Compare, try, and print."""
    parser = argparse.ArgumentParser(prog="scripts/vllm-upgrade", description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("version", metavar="VERSION", help="the version to try, such as 0.34.0")
    parser.add_argument("--from", dest="before", metavar="VERSION", default=installed_version(),
                        help="the version to compare with; the installed one by default")  # fmt: skip
    parser.add_argument("--names-only", action="store_true", help="compare, install and test nothing")
    parser.add_argument("tests", nargs="*", metavar="TEST", default=CONTRACT, help=f"instead of {' '.join(CONTRACT)}")
    options = parser.parse_args()
    try:
        wheels = [fetched(version, BUILD / "wheels") for version in (options.before, options.version)]
    except NoWheel as error:
        sys.exit(str(error))
    old = VllmTree(wheels[0], BUILD / options.before / "tree")
    new = VllmTree(wheels[1], BUILD / options.version / "tree")
    touched = scan(ROOT)
    print(f"vLLM {options.before} → {options.version}\n")  # noqa: T201
    found = [*name_changes(touched, old, new), *attribute_changes(touched, old, new)]
    for kind in (GONE, MOVED, CALLED):
        row(kind, *(sorted(text for one, text in found if one == kind) or ["none"]))
    row(INSIDE, ", ".join(sorted(text for one, text in found if one == INSIDE)) or "none")
    row("vllm-rs", differences(rust_options(old), rust_options(new)))
    row("requires", differences(old.requirements, new.requirements))
    if options.names_only:
        return
    trial = Trial(ROOT, BUILD / options.version, options.version)
    trial.prepare(wheels[1], new, old)
    row("arguments", argument_changes(trial))
    print(f"tests, for some minutes: {trial.log}", file=sys.stderr)  # noqa: T201
    result, bad = trial.test(options.tests)
    row("tests", f"on {trial.how}: {result}", *bad)
    row("to decide", *decisions(options.version, new))
    sys.exit(1 if bad else 0)


def fetched(version: str, folder: Path) -> Path:
    """The CUDA wheel of a version, downloaded unless it is in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return next(folder.glob(f"vllm-{version}-*.whl"), None) or download("vllm", version, folder)


def name_changes(touched: Touched, old: VllmTree, new: VllmTree) -> Iterator[tuple[str, str]]:
    """What became of each name that the old vLLM has."""
    for name in touched.whole_names():
        before, after = placed(name, touched, old), placed(name, touched, new)
        was, now = old.find(before), new.find(after)
        said = name.removeprefix("@").removeprefix("vllm.")
        if was is None:
            continue
        if now is None:
            last = before.split(".")[-1]
            elsewhere = ", ".join(sorted(new.defining({last})[last])[:3])
            yield GONE, f"{said}: {before} is gone; there is {elsewhere or 'none'}{places(touched.names[name])}"
            continue
        if before != after:
            there, here = (one.removesuffix(f".{said}") for one in (before, after))
            yield MOVED, f"{said}: {there} → {here}, as versions.py has it"
        if lost := sorted(word for word in touched.keywords[name] if takes(was, word) and not takes(now, word)):
            yield GONE, f"{said}: no longer takes {', '.join(lost)}{places(touched.names[name])}"
        elif was.parameters != now.parameters:
            gone = [f"-{one}" for one in was.parameters if one not in now.parameters]
            come = [f"+{one}" for one in now.parameters if one not in was.parameters]
            yield CALLED, f"{said}: {' '.join(gone + come) or 'another order'}{places(touched.names[name])}"
        elif was.text != now.text:
            lines = list(difflib.ndiff(was.text.splitlines(), now.text.splitlines()))
            counts = (sum(line.startswith(sign) for line in lines) for sign in ("+ ", "- "))
            yield INSIDE, f"{said} {' '.join(f'{sign}{count}' for sign, count in zip('+-', counts, strict=True))}"


def placed(name: str, touched: Touched, tree: VllmTree) -> str:
    """The dotted name; of a name that versions.py has modules for, the one that this vLLM has it in."""
    if not name.startswith("@"):
        return name
    modules = sorted(touched.table[name[1:].partition(".")[0]])
    whole = [f"{module}.{name[1:]}" for module in modules]
    first = (module for module, one in zip(modules, whole, strict=True)
             if tree.find(f"{module}.{name[1:].partition('.')[0]}"))  # fmt: skip
    return f"{next(first, modules[0])}.{name[1:]}"


def takes(definition: Definition, word: str) -> bool:
    """Whether a function takes a keyword."""
    given = [one.partition("=")[0] for one in definition.parameters]
    return word in given or any(one.startswith("**") for one in given)


def attribute_changes(touched: Touched, old: VllmTree, new: VllmTree) -> Iterator[tuple[str, str]]:
    """Attributes that the old vLLM defines in a few files, and the new one nowhere or in others; then variables."""
    before, after = (tree.defining(set(touched.attributes)) for tree in (old, new))
    for name, files in before.items():
        if 1 <= len(files) <= MOST_FILES and not files & after[name]:
            kind, detail = (
                (MOVED, f"{min(files)} → {min(after[name])}")
                if after[name]
                else (GONE, f"no file assigns it; {min(files)} did")
            )
            yield kind, f".{name}: {detail}{places(touched.attributes[name])}"
    for variable in touched.variables:
        if old.mentions(variable) and not new.mentions(variable):
            yield GONE, f"{variable}: no longer read"


def rust_options(tree: VllmTree) -> dict[str, str]:
    """The options of `vllm-rs frontend`; none where there is no such program."""
    if not tree.program.is_file():
        return {}
    tree.program.chmod(0o755)
    text = subprocess.run([tree.program, "frontend", "--help"], capture_output=True, text=True).stdout
    return dict.fromkeys(re.findall(r"--[a-z][a-z-]+", text), "")


def argument_changes(trial: Trial) -> str:
    """Which arguments of `vllm serve` came, went or became others, against infra/spec/vllm_arguments.txt."""
    done = trial.run("scripts/vllm_arguments.py")
    if done.returncode:
        return f"scripts/vllm_arguments.py failed: {done.stderr.strip().splitlines()[-1][:200]}"
    texts = ((ROOT / "infra/spec/vllm_arguments.txt").read_text(), done.stdout)
    before, after = (
        {line.partition(" ")[0]: f" {line.partition(' ')[2]}" for line in text.splitlines()} for text in texts
    )
    return differences(before, after)


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """What came, went, or has another value."""
    return (
        ", ".join(
            f"{name}{after.get(name, ' (gone)')}"
            + (
                f" (was {before[name].strip() or 'any'})"
                if name in after and name in before
                else " (new)" * (name in after)
            )
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        )
        or "the same"
    )


def decisions(version: str, new: VllmTree) -> Iterator[str]:
    """What a person has to settle before this version is the one that is used, or what has been."""
    minor = ".".join(version.split(".")[:2])
    yield f"scoring/engine/versions.py {'has' if minor in SUPPORTED else 'needs'} a release {minor}"
    yield "scoring/engine/fronts/table.py: which rows hold for it, by tests/scoring/served/fronts"
    repairs = ", ".join(sorted(RELEASES[-1].repairs))
    yield f"scoring/engine/repairs ({repairs}): does it still need each? Take it out of the release, run the tests"
    digest = sha256(new.program) if new.program.is_file() else "none: the Rust front has gone"
    known = known_hashes().get(version) == digest
    yield f"scripts/{HASHES.name} {'has' if known else 'needs'} its vllm-rs{'' if known else f': {digest}  {version}'}"
    pinned = re.findall(r"(?m)^vllm_version: (\S+)", (ROOT / "environments/vllm/pins.yaml").read_text())
    yield (
        f"environments/vllm/pins.yaml has {pinned[0]}: version, tag, CUDA of the image and its digest; then"
        " infra/spec/vllm_arguments.txt by scripts/vllm_arguments.py"
    )
    extras = re.findall(r'"(vllm(?:-cpu)?==[\d.]+)"', (ROOT / "pyproject.toml").read_text())
    yield f"pyproject.toml has {' and '.join(extras)}; requirements.lock follows by scripts/lock"
    yield "nobody has tried a GPU: `scripts/bench serve` on one, before a deployment has it"


def places(files: Iterable[str]) -> str:
    """Where something is touched: one file, the server's first, and how many more."""
    found = sorted(files, key=lambda file: (not file.startswith("scoring"), file))
    return f" ({found[0]}{f' and {len(found) - 1} more' if found[1:] else ''})" if found else ""


def row(name: str, *texts: str) -> None:
    """Print a name and its texts, in lines of at most 118 characters."""
    for text in texts:
        start = {"initial_indent": f"{name:<11}", "subsequent_indent": " " * 11}
        print(textwrap.fill(text, 118, break_long_words=False, break_on_hyphens=False, **start), flush=True)  # noqa: T201
        name = name if name in (GONE, MOVED, CALLED) else ""


if __name__ == "__main__":
    main()
