"""Lets tools that are not `strict` be called as the request says.

Where `tool_choice` forces a call, vLLM's grammar leaves the arguments of such a tool free: a model says a string or a
number there, which no client can use. Beside a `response_format` it allows nothing but that format, so that no call can
be made (vllm#39929). Not mended upstream as of 0.33.
"""

import importlib
import json
from argparse import Namespace
from dataclasses import replace
from typing import Any

OBJECT = {"type": "object"}
FORMATS = ("json_schema", "json_object")


def install(vllm: Any, parsed: Namespace) -> None:
    """Register the chosen parser with our grammar under its own name, if it has one of vLLM's."""
    name = parsed.tool_call_parser
    parser = vllm.tool_parsers.get_tool_parser(name) if name else None
    if parser is not None and parser.structural_tag_model is not None:
        vllm.tool_parsers.register_module(name, module=parser_class(parser))


def parser_class(base: Any) -> Any:
    """Return the parser with another grammar."""
    levels = importlib.import_module("vllm.tool_parsers.tool_strict_level").ToolStrictLevel

    class ToolParser(base):  # type: ignore[misc]
        __doc__ = base.__doc__

        def get_structural_tag(self, request: Any, **named: Any) -> Any:
            tag = super().get_structural_tag(request, **named)
            if tag is not None:
                _want_objects(tag.format)
            return tag

        def adjust_request(self, request: Any) -> Any:
            if request.tools and request.tool_choice == "auto" and _wants_json(request):
                tag = self.get_structural_tag(
                    request.model_copy(update={"tool_choice": "required"}), strict_level=levels.FUNCTION
                )
                if tag is not None:
                    _allow_either(request, tag)
            return super().adjust_request(request)

    return ToolParser


def _wants_json(request: Any) -> bool:
    """Whether a format of the answer is asked for that no grammar of vLLM's joins with the calls."""
    wanted = getattr(request, "response_format", None)
    if wanted is None:
        wanted = getattr(getattr(request, "text", None), "format", None)
    return getattr(wanted, "type", None) in FORMATS


def _allow_either(request: Any, tag: Any) -> None:
    """Let the answer be calls or the format that is asked for, as vLLM does for strict tools."""
    parsers = importlib.import_module("vllm.parser.abstract_parser")
    sampling = importlib.import_module("vllm.sampling_params")
    xgrammar = importlib.import_module("vllm.v1.structured_output.backend_xgrammar")
    tags = importlib.import_module("xgrammar.structural_tag")
    wanted = request.extract_structured_outputs()
    try:
        xgrammar.validate_xgrammar_grammar(sampling.SamplingParams(structured_outputs=replace(wanted)))
    except (TypeError, ValueError):
        return  # a schema for another grammar, or none: vLLM has the last word
    elements = [tag.format, parsers.structured_outputs_to_format(wanted)]
    either = tags.StructuralTag(format=tags.OrFormat(elements=elements))
    request.structured_outputs = sampling.StructuredOutputsParams(structural_tag=json.dumps(either.model_dump()))
    if hasattr(request, "response_format"):
        request.response_format = None
    else:
        request.text = None


def _want_objects(node: Any) -> None:
    """Ask for an object wherever the grammar leaves a JSON value free."""
    if getattr(node, "json_schema", None) in (True, {}) and node.style == "json":
        node.json_schema = OBJECT
    if isinstance(node, list | tuple):
        for item in node:
            _want_objects(item)
    elif hasattr(type(node), "model_fields"):
        for name in type(node).model_fields:
            _want_objects(getattr(node, name))
