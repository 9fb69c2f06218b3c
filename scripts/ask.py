"""Asks one question with the openai client; reads what `gatelift connect --output json` prints from standard input."""

import json
import sys

from openai import OpenAI


def main() -> None:
    endpoint = json.load(sys.stdin)
    client = OpenAI(base_url=endpoint["base_url"], api_key=endpoint["api_key"])
    question = sys.argv[1]
    answer = client.chat.completions.create(
        model=endpoint["model"],
        messages=[{"role": "user", "content": question}],
        temperature=0,
        max_tokens=64,
    )
    print(f"\nYou:   {question}\nModel: {answer.choices[0].message.content}")  # noqa: T201


if __name__ == "__main__":
    main()
