"""Reads the errors of blob storage, which are XML."""

import re

from infra.http_client import Answer

MESSAGE = re.compile(r"<Message>(.*?)</Message>", re.DOTALL)


def read_storage_error(answer: Answer) -> tuple[str, str]:
    """The code of an error of blob storage, and its first line."""
    code = answer.headers.get("x-ms-error-code") or f"http_{answer.status}"
    found = MESSAGE.search(answer.text())
    return code, found[1].splitlines()[0] if found and found[1] else f"it answered {answer.status} {code}"
