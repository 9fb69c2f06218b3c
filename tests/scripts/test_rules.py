"""What `scripts/rules.py` refuses, each on a tree of a few files."""

import subprocess
import sys
from pathlib import Path

import pytest

LONG = "x = 1\n" * 301
SIX = "def f(a, b, c, d, e, f): ...\n"


def complaints(repository: Path, root: Path, files: dict[str, str]) -> list[str]:
    """What the rules say about a tree of these files."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    program = [sys.executable, str(repository / "scripts" / "rules.py"), str(root)]
    result = subprocess.run(program, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    assert result.returncode == (1 if result.stdout else 0)
    return result.stdout.splitlines()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        pytest.param(
            {"infra/spec/a.py": "from infra.planning.b import x\n", "infra/planning/b.py": "x = 1\n"},
            "infra/spec/a.py:1: imports infra/planning/b.py, but infra/spec is below infra/planning",
            id="an-import-upwards",
        ),
        pytest.param(
            {"infra/a.py": "def f():\n    import infra.hub.b\n", "infra/hub/b.py": ""},
            "infra/a.py:2: imports infra/hub/b.py, but infra is below infra/hub",
            id="an-import-upwards-inside-a-function",
        ),
        pytest.param(
            {"infra/hub/a.py": 'MODULES = ("infra.cli.b",)\n', "infra/cli/b.py": ""},
            "infra/hub/a.py:1: imports infra/cli/b.py, but infra/hub is below infra/cli",
            id="a-dotted-text-upwards",
        ),
        pytest.param(
            {
                "infra/hub/a.py": "import typing\nif typing.TYPE_CHECKING:\n    from infra.hub.b import B\n",
                "infra/hub/b.py": "from infra.hub.a import A\n",
            },
            "a circle: infra/hub/a.py -> infra/hub/b.py -> infra/hub/a.py",
            id="a-circle-of-two-files",
        ),
        pytest.param(
            {
                "scripts/benches/a.py": "from serving.b import x\n",
                "scripts/benches/serving/b.py": "from serving.c import x\n",
                "scripts/benches/serving/c.py": "from serving.b import y\n",
            },
            "a circle: scripts/benches/serving/b.py -> scripts/benches/serving/c.py -> scripts/benches/serving/b.py",
            id="a-circle-of-scripts",
        ),
        pytest.param(
            {"infra/hub/a.py": "from .b import x\n", "infra/hub/b.py": "from . import a\n"},
            "a circle: infra/hub/a.py -> infra/hub/b.py -> infra/hub/a.py",
            id="a-circle-of-relative-imports",
        ),
        pytest.param(
            {"infra/hub/a.py": "from ..cli import b\n", "infra/cli/b.py": ""},
            "infra/hub/a.py:1: imports infra/cli/b.py",
            id="a-relative-import-upwards",
        ),
        pytest.param(
            {"infra/hub/a.py": 'from importlib import import_module as load\nload(name="click")\n'},
            "infra/hub/a.py:2: click",
            id="a-vendor-s-package-by-another-name-of-import-module",
        ),
        pytest.param(
            {f"infra/azure/file{number}.py": "" for number in range(17)},
            "infra/azure: 17 Python files, more than 16",
            id="a-17th-file-in-a-folder",
        ),
        pytest.param({"infra/new/a.py": ""}, "infra/new: is not in scripts/rules.py", id="a-folder-without-a-place"),
        pytest.param({"infra/hub/a.py": LONG}, "infra/hub/a.py: 301 lines", id="a-301st-line"),
        pytest.param({"infra/hub/a.py": SIX}, "infra/hub/a.py:1: f has 6 parameters", id="a-sixth-parameter"),
        pytest.param(
            {"infra/hub/a.py": 'import importlib\nsdk = importlib.import_module("azure.identity")\n'},
            "infra/hub/a.py:2: azure.identity is imported only in infra/azure/login.py",
            id="a-vendor-s-package-by-name-outside-its-home",
        ),
        pytest.param(
            {"infra/hub/a.py": 'import importlib\nclick = importlib.import_module("click")\n'},
            "infra/hub/a.py:2: click is imported only in infra/cli",
            id="a-vendor-s-package-of-one-word-by-name",
        ),
        pytest.param(
            {"scoring/a.py": 'parts = [f"vllm.v1.engine.{name}" for name in ("core", "utils")]\n'},
            "scoring/a.py:1: vllm is imported only in scoring/engine",
            id="a-vendor-s-package-by-a-name-that-is-put-together",
        ),
        pytest.param(
            {"scoring/a.py": "from infra.errors import X\n", "infra/errors.py": ""},
            "scoring may import from this repository only itself, not infra/errors.py",
            id="the-server-imports-the-engineer-s-side",
        ),
        pytest.param(
            {"infra/emulator/a.py": "from infra.spec.b import X\n", "infra/spec/b.py": ""},
            "infra/emulator may import from this repository only",
            id="the-emulator-imports-what-it-is-to-check",
        ),
    ],
)
def test_a_broken_rule_is_told(repository: Path, tmp_path: Path, files: dict[str, str], said: str) -> None:
    assert [line for line in complaints(repository, tmp_path, files) if said in line]


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(
            {"infra/planning/a.py": "from infra.spec.b import x\n", "infra/spec/b.py": "x = 1\n"},
            id="an-import-downwards",
        ),
        pytest.param({"infra/azure/storage/uploads.py": "import azure.storage.blob\n"}, id="a-package-in-its-home"),
        pytest.param(
            {"infra/hub/a.py": 'import logging\nlogging.getLogger("azure.identity").setLevel(40)\n'},
            id="a-logger-s-name",
        ),
        pytest.param({"infra/cli/a.py": f'import click\n@command(app, name="x")\n{SIX}'}, id="a-command-s-options"),
    ],
)
def test_what_keeps_the_rules_passes(repository: Path, tmp_path: Path, files: dict[str, str]) -> None:
    assert complaints(repository, tmp_path, files) == []
