"""Asks one question with the openai client; the output of `gatelift connect --output json` is its standard input."""

import json
import sys
import time

from openai import APIStatusError, OpenAI
from openai.types.chat import ChatCompletion

from infra.load.answers import outcome

TIMEOUT = 180.0  # seconds: after `gatelift emulator stop` and `start` an instance loads its model again


def main() -> None:
    endpoint = json.load(sys.stdin)
    client = OpenAI(base_url=endpoint["base_url"], api_key=endpoint["api_key"])
    question = sys.argv[1]
    answer = ask(client, endpoint["model"], question)
    print(f"\nYou:   {question}\nModel: {answer.choices[0].message.content}")  # noqa: T201


def ask(client: OpenAI, model: str, question: str) -> ChatCompletion:
    """Return the answer; tries again while no instance is ready or the model is busy."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            return client.chat.completions.create(
                model=model, messages=[{"role": "user", "content": question}], temperature=0, max_tokens=64
            )
        except APIStatusError as error:
            real = outcome(error.status_code, error.response.headers)
            if not real.may_pass or time.monotonic() > deadline:
                raise
        time.sleep(1)


if __name__ == "__main__":
    main()
