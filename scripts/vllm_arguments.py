"""Prints the names of the arguments of `vllm serve`, the content of infra/spec/vllm_arguments.txt."""

import os

from scoring.vllm_engine import VllmModules, prepare_environment


def vllm_arguments() -> list[str]:
    """Every long option of vLLM's parser, with underscores and without the `no-` variants."""
    prepare_environment(os.environ)
    vllm = VllmModules()
    parser = vllm.make_arg_parser(vllm.argument_parser(prog="vllm serve"))
    options = {option for action in parser._actions for option in action.option_strings if option.startswith("--")}
    named = {option.removeprefix("--").replace("-", "_") for option in options if "." not in option}
    return sorted(name for name in named if not (name.startswith("no_") and name[3:] in named))


if __name__ == "__main__":
    print("\n".join(vllm_arguments()))  # noqa: T201
