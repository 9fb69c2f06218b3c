"""`python -m scoring ARGS…`: serve a model with the arguments of `vllm serve`, or by the environment's settings."""

import sys

from scoring.process.server import main

if __name__ == "__main__":
    sys.exit(main())
