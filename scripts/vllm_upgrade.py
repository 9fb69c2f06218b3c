"""Says what another version of vLLM changes for this repository: `scripts/vllm-upgrade VERSION`.

Fetches the CUDA wheels of both versions (330 MB each, kept in build/vllm), compares every name of vLLM that this
repository touches, installs the version beside `.venv` as far as that is possible without a GPU, and runs the tests of
the seams in it; then prints what must be decided. Nothing in the checkout is changed but build/.
"""

import argparse
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from upgrading.changes import BODY, CALLED, GONE, MOVED, Comparison, compare, requirement_changes
from upgrading.touched import scan
from upgrading.trees import VllmTree
from upgrading.trial import CONTRACT, Trial
from upgrading.wheels import fetched, metadata, unpacked
from vllm_rs import HASHES, MEMBER, NoWheel, known_hashes, sha256

from scoring.engine.fronts.binary import NAME
from scoring.engine.versions import RELEASES, SUPPORTED, installed_version

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "vllm"
ARGUMENTS = ROOT / "infra/spec/vllm_arguments.txt"
WIDTH, INDENT = 118, 11
MOST_FAILURES = 12  # shown


def main() -> None:
    """Compare, try, and print."""
    options = parsed_options()
    try:
        wheels = {version: fetched(version, BUILD / "wheels") for version in (options.before, options.version)}
    except NoWheel as error:
        sys.exit(str(error))
    old, new = (unpacked(wheel, BUILD / version / "tree") for version, wheel in wheels.items())
    touched = scan(ROOT)
    found = compare(touched, old, new)
    say(f"vLLM {options.before} → {options.version}: this repository touches {found.names} names, {found.attributes}"
        f" attributes and {found.variables} environment variables of it\n")  # fmt: skip
    for line in compared(found):
        say(line)
    row("vllm-rs", option_changes(old, new))
    row("requires", requirement_changes(metadata(old), metadata(new)))
    if options.names_only:
        return
    trial = Trial(ROOT, BUILD / options.version, options.version)
    trial.prepare(wheels[options.version], metadata(new), metadata(old))
    row("arguments", argument_changes(trial))
    print(f"tests, for some minutes: {trial.log}", file=sys.stderr)  # noqa: T201
    result, bad = trial.test(tuple(options.tests) or CONTRACT)
    say(f"{'tests':<{INDENT}}on {trial.how}: {result}")
    for line in [*bad[:MOST_FAILURES], *([f"and {len(bad) - MOST_FAILURES} more"] if len(bad) > MOST_FAILURES else [])]:
        say(f"{'':<{INDENT}}{line}")
    say("\nto decide")
    for line in decisions(options.version, new):
        say(textwrap.fill(line, WIDTH, initial_indent="  ", subsequent_indent="    "))
    sys.exit(1 if bad else 0)


def parsed_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="scripts/vllm-upgrade", description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("version", metavar="VERSION", help="the version to try, such as 0.34.0")
    parser.add_argument("--from", dest="before", metavar="VERSION", default=installed_version(),
                        help="the version to compare with; the installed one by default")  # fmt: skip
    parser.add_argument("--names-only", action="store_true", help="compare, install and test nothing")
    parser.add_argument("tests", nargs="*", metavar="TEST", help=f"tests to run, instead of {' '.join(CONTRACT)}")
    return parser.parse_args()


def compared(found: Comparison) -> Iterator[str]:
    """The changes, the worst first: one line each, those inside of functions and classes together."""
    for kind in (GONE, MOVED, CALLED):
        changes = [change for change in found.changes if change.kind == kind]
        for change in changes:
            places = sorted(change.places, key=lambda place: (not place.startswith("scoring"), place))
            where = f" ({places[0]}{f' and {len(places) - 1} more' if places[1:] else ''})" if places else ""
            yield wrapped(kind, f"{change.name.removeprefix('vllm.')}: {change.detail}{where}")
        if not changes:
            yield wrapped(kind, "none")
    inside = [f"{change.name.removeprefix('vllm.')} {change.detail}" for change in found.changes if change.kind == BODY]
    yield wrapped(BODY, ", ".join(inside) or "none")


def option_changes(old: VllmTree, new: VllmTree) -> list[str]:
    """Which options of `vllm-rs frontend` came and went."""
    return differences(rust_options(old), rust_options(new))


def rust_options(tree: VllmTree) -> set[str]:
    """The options of `vllm-rs frontend`; none where there is no such program."""
    program = tree.root / MEMBER
    if not program.is_file():
        return set()
    text = subprocess.run([program, "frontend", "--help"], capture_output=True, text=True).stdout
    return set(re.findall(r"--[a-z][a-z-]+", text))


def argument_changes(trial: Trial) -> list[str]:
    """Which arguments of `vllm serve` came and went against infra/spec/vllm_arguments.txt, or became others."""
    done = trial.run("scripts/vllm_arguments.py")
    if done.returncode:
        return [f"scripts/vllm_arguments.py failed: {done.stderr.strip().splitlines()[-1][:200]}"]
    before, after = ({line.partition(" ")[::2] for line in text.splitlines()}
                     for text in (ARGUMENTS.read_text(), done.stdout))  # fmt: skip
    was, now = ({name for name, _ in lines} for lines in (before, after))
    others = sorted({name for name, _ in before ^ after} & was & now)
    return differences(was, now) + [f"{name} (takes other values)" for name in others]


def differences(before: set[str], after: set[str]) -> list[str]:
    """What went, then what came."""
    return [f"{one} (gone)" for one in sorted(before - after)] + [f"{one} (new)" for one in sorted(after - before)]


def decisions(version: str, new: VllmTree) -> Iterator[str]:
    """What a person has to settle before this version is the one that is used, or what has been."""
    minor = ".".join(version.split(".")[:2])
    if minor in SUPPORTED:
        yield f"- scoring/engine/versions.py has {minor}; scoring/engine/fronts/table.py says which rows hold for it"
    else:
        yield (f"- scoring/engine/versions.py: a release {minor} with the moves above; scoring/engine/fronts/table.py:"
               f" which rows hold for it, by tests/scoring/fronts")  # fmt: skip
    repairs = ", ".join(sorted(RELEASES[-1].repairs))
    yield f"- scoring/engine/repairs ({repairs}): does it still need each? Take it out of the release, run the tests"
    program = new.root / MEMBER
    digest = sha256(program) if program.is_file() else None
    if digest is None:
        yield f"- the wheel brings no {NAME}: the Rust front has gone"
    elif known_hashes().get(version) == digest:
        yield f"- scripts/{HASHES.name} has its {NAME}"
    else:
        yield f"- scripts/{HASHES.name}: add `{digest}  {version}`"
    pins = (ROOT / "environments/vllm/pins.yaml").read_text()
    pinned = re.search(r"^vllm_version: (\S+)", pins, re.MULTILINE)
    yield (f"- environments/vllm/pins.yaml has {pinned and pinned[1]}: version, tag, CUDA of the image and its digest;"
           " then infra/spec/vllm_arguments.txt by scripts/vllm_arguments.py")  # fmt: skip
    extras = re.findall(r'"(vllm(?:-cpu)?==[\d.]+)"', (ROOT / "pyproject.toml").read_text())
    yield f"- pyproject.toml has {' and '.join(extras)}; requirements.lock follows by scripts/lock"
    yield "- nobody has tried a GPU: `scripts/bench serve` on one, before a deployment has it"


def row(name: str, values: Iterable[str]) -> None:
    """Print one row."""
    say(wrapped(name, ", ".join(values) or "the same"))


def wrapped(name: str, text: str) -> str:
    """A row's name and its text, in lines of at most `WIDTH` characters."""
    return textwrap.fill(
        text, WIDTH, initial_indent=f"{name:<{INDENT}}", subsequent_indent=" " * INDENT,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
