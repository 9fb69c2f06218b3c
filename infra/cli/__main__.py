"""`python -m infra.cli` is the command `gatelift`."""

import sys

from infra.cli.main import main

sys.exit(main())
