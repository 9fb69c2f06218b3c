"""A tiny chat model that sees images, reasons if it is asked to, and always says the same.

`python -m tests.scripted_model` makes it.

Its weights make each token's successor certain: the layers between are nothing, the embedding names a line of the
script, and the output says the next one. Where a grammar forbids that, it closes what is open. Images are read by
random weights and have no effect. What needs an answer that ends, from any prompt, is tested with it.
"""

import os
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from infra.hub.demo_models import DemoModel
from infra.hub.demo_weights import make_folder

SCRIPTED = DemoModel(
    id="azure-testing/scripted-vision-reasoning",
    gated="",
    license="mit",
    summary="a model that sees images, reasons if asked to, and always says the same",
)
THOUGHT = ("I", " think", " before", " I", " speak", ".")
ANSWER = ("Here", " is", " my", " answer", "!")
IMAGE, BEGIN, END, THINK, THOUGHT_END = "<image>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"
SCRIPT = ("\n", THINK, *THOUGHT, THOUGHT_END, *ANSWER, END)  # a prompt ends with the line break
CLOSING = ('"', "}", "]")
SIZE = 64  # of the hidden states, one head: vLLM wants heads of 64 on a CPU
EDGE, PATCH = 32, 8  # of an image
CERTAIN, CLOSE = 10.0, 2.0
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if not reasoning_effort %}<think></think>{% endif %}{% endif %}"
)


def prepared_scripted(environ: Mapping[str, str]) -> Path:
    """The folder of the model, made if it is not there yet."""
    if not SCRIPTED.is_ready(environ):
        make_folder(SCRIPTED, make_scripted, environ)
    return SCRIPTED.folder(environ)


def make_scripted(folder: Path, environ: Mapping[str, str]) -> None:
    """Makes the model: an Idefics3, which vLLM has without torchvision, and whose text model is a plain Llama."""
    import torch
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration, Idefics3Processor, LlamaConfig
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    tokenizer = make_tokenizer()
    edge = {"longest_edge": EDGE}
    image = Idefics3ImageProcessorPil(size=edge, max_image_size=edge, do_image_splitting=False)
    processor = Idefics3Processor(image, tokenizer, image_seq_len=(EDGE // PATCH // 2) ** 2, chat_template=TEMPLATE)
    words = tokenizer.get_vocab()
    layers = {"num_attention_heads": 1, "hidden_size": SIZE, "intermediate_size": SIZE}
    ends = {"bos_token_id": words[BEGIN], "eos_token_id": words[END], "pad_token_id": words[END]}
    text = {"num_hidden_layers": 1, "num_key_value_heads": 1, "head_dim": SIZE, "max_position_embeddings": 4096}
    torch.manual_seed(0)
    model = Idefics3ForConditionalGeneration(
        Idefics3Config(
            text_config=LlamaConfig(**layers, **ends, **text, vocab_size=len(words), tie_word_embeddings=False),
            vision_config={**layers, "num_hidden_layers": 2, "image_size": EDGE, "patch_size": PATCH},
            image_token_id=words[IMAGE],
            pad_token_id=words[END],
        )
    )
    with torch.no_grad():
        write_script(model, words)
    model.generation_config.eos_token_id = words[END]
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def make_tokenizer() -> Any:
    """Returns a tokenizer of single bytes, and of the words of the script."""
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    plain = Tokenizer(BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    plain.add_tokens([AddedToken(word, normalized=False) for word in dict.fromkeys((*THOUGHT, *ANSWER))])
    plain.add_tokens([THINK, THOUGHT_END])
    plain.add_special_tokens([BEGIN, END, IMAGE])
    return PreTrainedTokenizerFast(
        tokenizer_object=plain, bos_token=BEGIN, eos_token=END, pad_token=END, chat_template=TEMPLATE
    )


def write_script(model: Any, words: Mapping[str, int]) -> None:
    """Writes the weights: an embedding has one number that is not 0, at the token's place in the script."""
    text = model.model.text_model
    text.embed_tokens.weight.zero_()
    model.lm_head.weight.zero_()
    text.embed_tokens.weight[:, SIZE - 1] = 1.0  # no token of the script
    for layer in text.layers:
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.down_proj.weight.zero_()
    script = [words["Ċ" if word == "\n" else word] for word in SCRIPT]
    for place, (token, successor) in enumerate(pairwise(script)):
        text.embed_tokens.weight[token] = 0.0
        text.embed_tokens.weight[token, place] = 1.0
        model.lm_head.weight[successor, place] = CERTAIN
    for closing in CLOSING:
        model.lm_head.weight[words[closing]] += CLOSE


if __name__ == "__main__":
    prepared_scripted(os.environ)
