"""Derives the emulator's request_schemas.json from Azure's API documents: `scripts/request_schemas.py SPECS`.

It keeps facts about the request bodies of the operations that the emulator serves: names, types, required fields and
allowed values. A type is a string (`string`, `integer`, `number`, `boolean`, `object`, `any`, or `#Model`), a list with
the type of its items, or an object: `{"map": type}` for dictionaries, or a type with rules (`pattern`, `minLength`,
`enum`). A model has `fields`, `required`, and `by`: the field whose value chooses a more specific model.
"""

import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "infra" / "emulator" / "arm" / "request" / "request_schemas.json"
STABLE = "resource-manager/Microsoft.MachineLearningServices/stable/2024-04-01"
SERVICE = f"azure-rest-api-specs/specification/machinelearningservices/{STABLE}"
DOCUMENTS = {
    "2024-04-01": [f"{SERVICE}/{name}" for name in ("mfe.json", "machineLearningServices.json", "registries.json")],
    "2025-12-01": ["derived/mls-2025-12-01.openapi3.json"],
}
RULES = ("pattern", "minLength", "maxLength", "minimum", "maximum")
# Microsoft uses this pattern to mean "not blank", which `minLength` says, too; its own samples break the pattern (`/`).
NO_RULE = "[a-zA-Z0-9_]"
PROVIDER = "/providers/Microsoft.MachineLearningServices/"


class Derivation:
    """Collects the models that the request bodies of one document use."""

    def __init__(self, document: Any, models: dict[str, Any]) -> None:
        self.document = document
        self.models = models

    def operations(self, served: set[tuple[str, str]]) -> dict[str, dict[str, Any]]:
        """For each served operation (`METHOD pattern`), the type of its body and whether a body is required."""
        found = {}
        for path, item in self.document.doc["paths"].items():
            pattern = re.sub(r"\{[^/]+\}", "{}", path.partition(PROVIDER)[2]).lower()
            for method, operation in item.items():
                if (method.upper(), pattern) in served and (body := self._body(operation)):
                    found[f"{method.upper()} {pattern}"] = body
        return found

    def _body(self, operation: dict[str, Any]) -> dict[str, Any] | None:
        root = self.document.root
        for parameter in operation.get("parameters", []):
            if "$ref" in parameter:
                _, parameter, _ = self.document._resolve(root, parameter["$ref"])
            if parameter["in"] == "body":
                return {"body": self.type(root, parameter["schema"]), "required": parameter.get("required", False)}
        if body := operation.get("requestBody"):
            schema = body["content"]["application/json"]["schema"]
            return {"body": self.type(root, schema), "required": body.get("required", False)}
        return None

    def type(self, file: str, schema: dict[str, Any]) -> Any:
        """The compact form of a schema."""
        if "$ref" in schema:
            target, node, name = self.document._resolve(file, schema["$ref"])
            if node.get("properties") or node.get("allOf") or node.get("discriminator"):
                return self._model(target, node, name)
            return self.type(target, node)
        if len(parts := schema.get("allOf") or schema.get("anyOf") or []) == 1 and not schema.get("properties"):
            return self.type(file, parts[0])
        if schema.get("type") == "array":
            return [self.type(file, schema["items"])]
        if isinstance(values := schema.get("additionalProperties"), dict):
            return {"map": self.type(file, values)}
        rules = {rule: schema[rule] for rule in RULES if rule in schema and schema[rule] != NO_RULE}
        if "enum" in schema and not schema.get("x-ms-enum", {}).get("modelAsString"):
            rules["enum"] = schema["enum"]
        kind = schema.get("type", "any")
        return {"type": kind, **rules} if rules and kind != "object" else kind

    def _model(self, file: str, node: dict[str, Any], name: str) -> str:
        if name not in self.models:
            self.models[name] = {}
            fields, required = self._gather(file, node)
            model: dict[str, Any] = {"fields": fields, "required": sorted(required)}
            if node.get("discriminator"):
                field, values = self.document._subs(file, name, node)
                concrete = {value: self.type(where, {"$ref": ref}) for value, (where, ref) in values.items()}
                model["by"] = {"field": field, "models": concrete}
                model["required"] = sorted({*required, field})
            self.models[name] = {key: value for key, value in model.items() if value}
        return f"#{name}"

    def _gather(self, file: str, node: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
        fields: dict[str, Any] = {}
        required: set[str] = set()
        for part in node.get("allOf", []):
            target, parent = (file, part) if "$ref" not in part else self.document._resolve(file, part["$ref"])[:2]
            more, needed = self._gather(target, parent)
            fields |= more
            required |= needed
        settable = {key: value for key, value in node.get("properties", {}).items() if not self._read_only(file, value)}
        fields |= {key: self.type(file, value) for key, value in settable.items()}
        optional = {key for key, value in settable.items() if value.get("x-nullable") or value.get("nullable")}
        return fields, required | (set(node.get("required", [])) & set(settable) - optional)

    def _read_only(self, file: str, schema: dict[str, Any]) -> bool:
        if "$ref" in schema and not schema.get("readOnly"):
            return bool(self.document._resolve(file, schema["$ref"])[1].get("readOnly"))
        return bool(schema.get("readOnly"))


def derive(specs: Path) -> dict[str, Any]:
    """The content of the file, by api-version."""
    sys.path.insert(0, str(ROOT))
    from infra.emulator.arm.routes import ROUTES

    routes = ROUTES["Microsoft.MachineLearningServices"]
    served = {(method, pattern.lower()) for method, pattern in routes if method in ("PUT", "PATCH", "POST")}
    specval = _load(specs / "tools" / "specval.py")
    derived = {}
    for version, files in DOCUMENTS.items():
        models: dict[str, Any] = {}
        operations: dict[str, Any] = {}
        for file in files:
            operations |= Derivation(specval.Spec(str(specs / file)), models).operations(served)
        derived[version] = {"operations": operations, "models": models}
    return derived


def text_of(derived: dict[str, Any]) -> str:
    """The file's text, with one line for each operation and model, so that changes show in a diff."""
    blocks = []
    for version, parts in derived.items():
        inner = []
        for part, entries in parts.items():
            lines = ",\n".join(
                f"{json.dumps(name)}:{json.dumps(entries[name], sort_keys=True)}" for name in sorted(entries)
            )
            inner.append(f"{json.dumps(part)}:{{\n{lines}\n}}")
        blocks.append(f"{json.dumps(version)}:{{{','.join(inner)}}}")
    return "{" + ",\n".join(blocks) + "}\n"


def _load(path: Path) -> Any:
    found = importlib.util.spec_from_file_location("specval", path)
    if found is None or found.loader is None:
        raise SystemExit(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


if __name__ == "__main__":
    OUTPUT.write_text(text_of(derive(Path(sys.argv[1]))))
