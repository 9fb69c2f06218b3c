"""The official documents that requests and answers are held against, and a count of what was held."""

import contextlib
import importlib.util
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

REPOSITORY = Path(__file__).resolve().parents[3]
SPECS = Path(os.environ.get("GATELIFT_SPECS", REPOSITORY.parent / "shared" / "specs"))
RESOURCES = SPECS / "azure-rest-api-specs/specification"
ML = RESOURCES / "machinelearningservices/resource-manager/Microsoft.MachineLearningServices/stable/2024-04-01"
OFFICIAL = [
    *(ML / name for name in ("mfe.json", "machineLearningServices.json", "registries.json")),
    RESOURCES / "authorization/resource-manager/Microsoft.Authorization/stable/2022-04-01"
    "/authorization-RoleAssignmentsCalls.json",
    RESOURCES / "monitor/resource-manager/Microsoft.Insights/stable/2022-10-01/autoscale_API.json",
    RESOURCES / "keyvault/resource-manager/Microsoft.KeyVault/stable/2023-07-01/keyvault.json",
]
DERIVED = [SPECS / "derived/mls-2025-12-01.openapi3.json"]
STABLE = "2024-04-01"
PROVIDER = "/providers/microsoft.machinelearningservices/"
COUNTS: Counter[str] = Counter()


class Documents:
    """Stable 2024-04-01, and the document derived for 2025-12-01 where a newer version was asked for."""

    def __init__(self) -> None:
        found = importlib.util.spec_from_file_location("specval", SPECS / "tools" / "specval.py")
        assert found
        assert found.loader
        module = importlib.util.module_from_spec(found)
        sys.modules["specval"] = module
        found.loader.exec_module(module)
        self._official = [module.Spec(str(file)) for file in OFFICIAL]
        self._derived = [module.Spec(str(file)) for file in DERIVED]
        self._validators: dict[tuple[Any, ...], Any] = {}
        self._found: dict[tuple[str, str], list[Any]] = {}

    @staticmethod
    def at_hand() -> bool:
        return (SPECS / "tools" / "specval.py").is_file()

    def violations(self, method: str, url: str, status: int, body: Any) -> list[str] | None:
        """What is wrong with an answer; None where no document knows the operation."""
        for spec, template, operation in self._operations(method, url):
            schema = spec.response_schema(operation, status)
            if schema is None:
                return [] if body in (None, "") else [f"{method} {url} {status}: a body where none is declared"]
            return self._counted("responses", (id(spec), template, method, status), spec, schema, body)
        return None

    def request_violations(self, method: str, url: str, body: Any, what: str = "requests") -> list[str] | None:
        """What is wrong with a request's body; None where no document has a body for it."""
        for spec, template, operation in self._operations(method, url):
            schema = self.body_schema(spec, operation)
            if schema is not None and body is not None:
                return self._counted(what, (id(spec), template, method), spec, schema, body)
        return None

    def body_schema(self, spec: Any, operation: dict[str, Any]) -> Any:
        for parameter in operation.get("parameters", []):
            if "$ref" in parameter:
                parameter = spec._resolve(spec.root, parameter["$ref"])[1]
            if parameter["in"] == "body":
                return parameter["schema"]
        content = operation.get("requestBody", {}).get("content", {})
        return content.get("application/json", {}).get("schema")

    def _operations(self, method: str, url: str) -> list[Any]:
        if (method, url) not in self._found:  # the search is slow
            self._found[(method, url)] = list(self._find(method, url))
        return self._found[(method, url)]

    def _find(self, method: str, url: str) -> Iterator[Any]:
        version = parse_qs(urlsplit(url).query).get("api-version", [STABLE])[0]
        path = re.sub("^/mferp/managementfrontend", "", urlsplit(url).path)
        newer = version[:10] > STABLE and PROVIDER in path.lower()
        for spec in self._derived if newer else self._official:
            with contextlib.suppress(KeyError):
                yield spec, *spec.find(method, path)

    def _counted(self, what: str, key: tuple[Any, ...], spec: Any, schema: Any, body: Any) -> list[str]:
        if key not in self._validators:
            self._validators[key] = spec.validator(schema)
        found = [
            f"{key[1:]} {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
            for error in self._validators[key].iter_errors(body)
        ]
        COUNTS[what] += 1
        COUNTS[f"{what} violations"] += len(found)
        return found
