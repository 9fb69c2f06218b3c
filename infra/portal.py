"""The client of the emulator's portal: what the emulator knows and can be told beyond what Azure has."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from infra.errors import GateliftError, NotReady
from infra.http_client import Unreachable, Web

TIMEOUT_S = 10.0


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

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        try:
            answer = Web(read=TIMEOUT_S).send(
                method, f"{self.url}/{path}", headers={"Accept": "application/json"}, body=content
            )
            document = answer.json()
            if answer.status == HTTPStatus.BAD_REQUEST:
                raise GateliftError(
                    document["error"]["message"],
                    hint="`gatelift emulator fault add --help` explains what a rule can contain",
                    code="invalid_request",
                )
            if answer.status >= HTTPStatus.BAD_REQUEST:
                raise ValueError(f"{answer.status} {answer.text()[:200]}")
        except (Unreachable, ValueError) as error:
            raise NotReady(
                f"the emulator's portal did not answer {method} {self.url}/{path}: {error}",
                hint="restart the emulator: `gatelift emulator stop`, then `gatelift emulator start`",
            ) from None
        return document
