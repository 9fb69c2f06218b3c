"""The client of the emulator's portal: what the emulator knows and can be told beyond what Azure has."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from infra.errors import GateliftError, NotReady
from infra.http_client import Unreachable, Web

TIMEOUT_S = 10.0
FAULT_HINT = "`gatelift emulator fault add --help` explains what a rule can contain"


@dataclass(frozen=True)
class Portal:
    """The portal of one running emulator."""

    url: str

    def get(self, path: str) -> Any:
        """The JSON document at this path; NotReady if the portal does not answer."""
        return self._ask("GET", path)

    def add_fault(self, rule: dict[str, Any]) -> list[dict[str, Any]]:
        """Add a fault rule and return all rules; GateliftError if the emulator refuses it."""
        return list(self._ask("POST", "faults", rule))

    def clear_faults(self) -> list[dict[str, Any]]:
        """Remove all fault rules and return what is left: an empty list."""
        return list(self._ask("PUT", "faults", []))

    def link_blobs(self, link: dict[str, Any]) -> None:
        """Show a folder of this machine in a container: `container`, `prefix`, `folder`, and the names of its `files`.

        Raises `GateliftError` where the emulator refuses it.
        """
        self._ask("PUT", "blob-links", link)

    def put(self, path: str, body: Mapping[str, Any], *, but: int = 0) -> Any:
        """Write the document at this path; the status `but` is no failure. GateliftError if it is refused."""
        return self._ask("PUT", path, body, but=but)

    def _ask(self, method: str, path: str, body: Any = None, *, but: int = 0) -> Any:
        content = None if body is None else json.dumps(body).encode()
        try:
            answer = Web(read=TIMEOUT_S).send(
                method, f"{self.url}/{path}", headers={"Accept": "application/json"}, body=content
            )
            document = answer.json()
            if answer.status == HTTPStatus.BAD_REQUEST:
                raise GateliftError(
                    document["error"]["message"],
                    hint=FAULT_HINT if path == "faults" else "",
                    code="invalid_request",
                )
            if answer.status >= HTTPStatus.BAD_REQUEST and answer.status != but:
                raise ValueError(f"{answer.status} {answer.text()[:200]}")
        except (Unreachable, ValueError) as error:
            raise NotReady(
                f"the emulator's portal did not answer {method} {self.url}/{path}: {error}",
                hint="restart the emulator: `gatelift emulator stop`, then `gatelift emulator start`",
            ) from None
        return document
