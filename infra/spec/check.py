"""Converts what a person wrote into msgspec Structs, and reports all mistakes at once instead of only the first."""

import types
import typing
from collections.abc import Collection
from functools import cache
from typing import Any, Self, TypeVar, get_args, get_origin

from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields, replace

from infra.spec import errors as spec_errors
from infra.spec.names import RuleBroken, RulesBroken
from infra.spec.scalars import LEAVES

Where = tuple[str | int, ...]


class Written(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of all parts of a spec; an unknown key is an error, since it is probably a typo."""

    def check(self, written: Collection[str]) -> None:
        """Raise `RuleBroken` where fields contradict each other; `written` are the names of the fields in the spec."""

    def but(self, **changes: Any) -> Self:
        """A copy with other values in these fields, without checking them."""
        return replace(self, **changes)


class Mistake(Struct, frozen=True):
    """One mistake: its path in the spec, a message, and a hint."""

    where: Where
    message: str
    hint: str


class Mistakes(ValueError):
    """All mistakes in a spec, in the order of the fields."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, one.where))}: {one.message}" for one in mistakes))
        self.mistakes = mistakes


Kind = TypeVar("Kind", bound=Written)


def read_as(kind: type[Kind], values: Any) -> Kind:
    """Convert the values to this kind of Struct; raises `Mistakes`."""
    reader = _Reader()
    result: Kind = reader.read(kind, values, ())
    if reader.mistakes:
        raise Mistakes(reader.mistakes)
    return result


class _Reader:
    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []

    def read(self, kind: Any, value: Any, where: Where) -> Any:
        """Convert the value to `kind`; where that fails, record the mistake and return None."""
        try:
            return self._read(kind, value, where)
        except RuleBroken as broken:
            self._record(broken, where, value)
            return None
        except RulesBroken as several:
            for key, one in several.broken.items():
                self._record(one, (*where, key), value[key])
            return None

    def _record(self, broken: RuleBroken, where: Where, value: Any = None) -> None:
        rule = str(broken)
        message = f"{spec_errors.shown(value)} {rule}" if rule.startswith("must") else rule
        self.mistakes.append(Mistake(where, message, broken.hint))

    def _read(self, kind: Any, value: Any, where: Where) -> Any:
        origin, name = get_origin(kind), _name(where)
        if origin is typing.Annotated:
            return self._constrained(kind, value, where)
        if origin in (typing.Union, types.UnionType):  # one kind, then None
            return None if value is None else self._read(get_args(kind)[0], value, where)
        if origin is typing.Literal:
            if value not in get_args(kind):
                raise spec_errors.none_of(value, get_args(kind))
            return value
        if origin is tuple:
            if not isinstance(value, list | tuple):
                raise spec_errors.not_list(name, value)
            return tuple(self._items(get_args(kind)[0], value, where))
        if origin is dict:
            if not isinstance(value, dict):
                raise spec_errors.not_mapping(name, value, "keys and values")
            key_kind, item_kind = get_args(kind)
            return self._mapping(key_kind, item_kind, value, where)
        if kind is Any:
            return self._json(value, where)
        return LEAVES[kind](name, value) if kind in LEAVES else self._struct(kind, value, where)

    def _constrained(self, kind: Any, value: Any, where: Where) -> Any:
        before = len(self.mistakes)
        try:
            result = self._read(kind.__origin__, value, where)
        except RuleBroken as broken:
            hints = [meta.extra["hint"] for meta in kind.__metadata__ if "hint" in (meta.extra or {})]
            raise RuleBroken(str(broken), hints[0] if hints else broken.hint) from None
        for meta in kind.__metadata__:
            if len(self.mistakes) == before:
                result = _constrain(meta, _name(where), value, result)
        return result

    def _items(self, kind: Any, values: Any, where: Where) -> list[Any]:
        return [self.read(kind, value, (*where, index)) for index, value in enumerate(values)]

    def _mapping(self, key_kind: Any, kind: Any, values: dict[str, Any], where: Where) -> dict[str, Any]:
        places = {key: (*where, key) for key in values}
        return {self.read(key_kind, key, at): self.read(kind, values[key], at) for key, at in places.items()}

    def _json(self, value: Any, where: Where) -> Any:
        if isinstance(value, dict):
            return self._mapping(str, Any, value, where)
        if isinstance(value, list):
            return self._items(Any, value, where)
        if isinstance(value, str):
            return LEAVES[str](_name(where), value)
        if value is None or isinstance(value, int | float):
            return value
        raise spec_errors.not_json(value)

    def _struct(self, kind: type[Written], values: Any, where: Where) -> Written | None:
        if not isinstance(values, dict):
            raise spec_errors.not_mapping(_name(where), values, "fields")
        before, known, results = len(self.mistakes), _fields(kind), dict[str, Any]()
        for name, field in known.items():
            if name in values:
                results[name] = self.read(field.type, values[name], (*where, name))
            elif field.required:
                self._record(spec_errors.missing(name), (*where, name))
        for key in values:
            if key not in known:
                self._record(spec_errors.unknown_key(str(key), list(known)), (*where, str(key)))
        if len(self.mistakes) > before:
            return None
        struct = kind(**results)
        struct.check(results)
        return struct


@cache
def _fields(kind: type[Written]) -> dict[str, FieldInfo]:
    return {field.name: field for field in fields(kind)}


def _name(where: Where) -> str:
    return str(where[-1]) if where else ""


def _constrain(meta: Meta, name: str, value: Any, converted: Any) -> Any:
    """Check the converted value against the limits and the rule in its annotation; `value` is how it was written."""
    if meta.ge is not None and converted < meta.ge:
        raise spec_errors.too_small(name, value, meta.ge)
    if meta.le is not None and converted > meta.le:
        raise spec_errors.too_large(name, value, meta.le)
    if meta.min_length is not None and len(converted) < meta.min_length:
        raise spec_errors.empty(name, value)
    rule = (meta.extra or {}).get("rule")
    return rule(converted) if rule else converted
