"""What `scripts/vllm-upgrade` finds in a pair of small vLLMs, for a repository of a few files."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = {
    "scoring/engine/versions.py": """
MODULES_1 = {"build": "vllm.apps.old", "run": "vllm.run", "Engine": "vllm.engine"}
MODULES_2 = MODULES_1 | {"build": "vllm.apps.new"}
""",
    "scoring/engine/modules.py": """
from typing import Any

class Modules:
    def __init__(self) -> None:
        self.builder: Any = self._take("build")
        self.runner: Any = self._take("run")
        self.engine: Any = self._take("Engine")
""",
    "scoring/engine/start.py": """
import importlib
import os
from typing import Any

from scoring.engine.modules import Modules

def start(vllm: Modules, config: Any) -> Any:
    os.environ["VLLM_SPEED"] = "1"
    os.environ["VLLM_COLOUR"] = "1"
    engine = vllm.engine.create(config, quick=True, loud=True)
    vllm.runner(engine)
    engine.core.watch()
    helpers: Any = importlib.import_module("vllm.helpers")
    return helpers.checked(config.seats), helpers.same(1)
""",
    "tests/test_x.py": "from vllm.tools import Parser\n\nParser.read('x')\n",
}
OLD = {
    "apps/old.py": "def build(app): return app\n",
    "run.py": "def run(engine, *, slow=False):\n    return engine\n",
    "engine.py": '''
class Base:
    @classmethod
    def create(cls, config, quick, loud): return cls()

class Engine(Base):
    def __init__(self):
        self.core = Core()

class Core:
    def watch(self): ...
''',
    "helpers.py": '''
from vllm.deep import checked

def same(x):
    """Words."""
    return x
''',
    "deep.py": "def checked(x):\n    return x\n",
    "tools.py": "class Parser:\n    @staticmethod\n    def read(text): ...\n",
    "config.py": "class Config:\n    seats: int = 1\n",
    "envs.py": 'NAMES = ["VLLM_SPEED", "VLLM_COLOUR"]\n',
}  # fmt: skip
NEW = OLD | {
    "apps/new.py": "def build(app): return app\n",
    "run.py": "def run(engine, *, slow=True):\n    return engine\n",
    "engine.py": OLD["engine.py"].replace(", loud", "").replace("watch", "observe"),
    "helpers.py": OLD["helpers.py"].replace("Words", "Other words"),
    "deep.py": "def checked(x):\n    return x or 1\n",
    "tools.py": "",
    "parsers.py": "class Parser: ...\n",
    "config.py": "",
    "other.py": "class Other:\n    seats: int = 1\n",
    "envs.py": 'NAMES = ["VLLM_SPEED"]\n',
}
del NEW["apps/old.py"]


def wheel(folder: Path, version: str, files: dict[str, str], requires: str) -> None:
    """Write a wheel of vLLM."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"vllm-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr("vllm/__init__.py", "")
        archive.writestr(f"vllm-{version}.dist-info/METADATA", f"Name: vllm\nRequires-Dist: {requires}\n")
        for name, text in files.items():
            archive.writestr(f"vllm/{name}", text)


@pytest.fixture(scope="module")
def report(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the script prints."""
    root = tmp_path_factory.mktemp("checkout")
    for name, text in REPOSITORY.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    wheel(root / "build/vllm/wheels", "9.1.0", OLD, "torch==1.0")
    wheel(root / "build/vllm/wheels", "9.2.0", NEW, "torch==2.0")
    program = (
        "import sys, pathlib, vllm_upgrade as u; u.ROOT = pathlib.Path('.'); u.BUILD = u.ROOT / 'build/vllm'; u.main()"
    )
    command = [sys.executable, "-c", program, "9.2.0", "--from", "9.1.0", "--names-only"]
    environ = {"PYTHONPATH": f"{repository / 'scripts'}:{repository}"}
    done = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True)
    assert done.stderr == ""
    return " ".join(done.stdout.split())


@pytest.mark.parametrize(
    "said",
    [
        pytest.param("moved build: vllm.apps.old → vllm.apps.new, as versions.py has it", id="a-move-in-the-table"),
        pytest.param("gone Engine.create: no longer takes loud (scoring/engine/start.py)", id="a-keyword"),
        pytest.param("gone tools.Parser.read: vllm.tools.Parser.read is gone", id="what-a-test-imports"),
        pytest.param(
            "gone .watch: no file assigns it; vllm/engine.py did (scoring/engine/start.py)", id="an-attribute"
        ),
        pytest.param(
            "moved .seats: vllm/config.py → vllm/other.py (scoring/engine/start.py)", id="an-attribute-of-any"
        ),
        pytest.param("gone VLLM_COLOUR: no longer read", id="an-environment-variable"),
        pytest.param("signature run: -slow=False +slow=True", id="a-default"),
        pytest.param("helpers.checked +1 -1", id="the-inside-of-what-is-handed-on"),
        pytest.param("requires torch==2.0 (was ==1.0)", id="a-requirement"),
    ],
)
def test_what_changed_is_told(said: str, report: str) -> None:
    assert said in report


@pytest.mark.parametrize("name", ["helpers.same", "VLLM_SPEED", ".core"])
def test_what_is_the_same_or_has_other_words_alone_is_not(name: str, report: str) -> None:
    assert name not in report
