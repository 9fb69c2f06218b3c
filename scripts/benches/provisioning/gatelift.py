"""The real command line, but with the container of the tests instead of vLLM: `gatelift.py FOLDER COMMAND ARGS…`."""

import sys
from pathlib import Path

from infra.cli.main import main
from infra.planning import prepare
from infra.planning.desired import Sources, shipped_sources

folder, *arguments = sys.argv[1:]
sources = Sources(Path(folder), shipped_sources().environment)
prepare.shipped_sources = lambda: sources
sys.exit(main(arguments))
