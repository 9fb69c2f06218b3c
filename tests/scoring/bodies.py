"""Chat requests that several tests send."""

from typing import Any

QUESTION: dict[str, Any] = {
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
    "temperature": 0,
}
SHORT: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2}
PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 20}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {"name": "get_weather", "strict": True, "parameters": PARAMETERS},
}
# How a stream of the Responses API ends: by the second, since vLLM 0.33, where its tokens ran out.
ENDS = ("response.completed", "response.incomplete")
