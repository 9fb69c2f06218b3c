"""The real `gatelift` command on a machine whose emulator has a state folder of its own."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
GATELIFT = Path(sys.executable).parent / "gatelift"


@dataclass(frozen=True)
class Machine:
    """The command line on a machine whose emulator has a state folder of its own."""

    folder: Path
    environ: dict[str, str]

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [GATELIFT, *arguments],
            env={**self.environ, **environ},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, **environ)
        stdout, stderr = process.communicate(timeout=400)
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    def json(self, *arguments: str, **environ: str) -> Any:
        result = self.run(*arguments, "--output", "json", **environ)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def spec(self, example: str, **replacements: str) -> str:
        """A copy of an example with some text replaced; its path relative to the machine's folder."""
        text = (EXAMPLES / example).read_text()
        for old, new in replacements.items():
            assert old in text, f"{old!r} is not in {example}"
            text = text.replace(old, new)
        (self.folder / example).write_text(text)
        return example
