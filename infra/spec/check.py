"""Goes through what was written and the Struct that it should be, side by side: the Struct, or all mistakes at once."""

import types
import typing
from collections.abc import Collection
from functools import cache
from typing import Any, NamedTuple, Self, TypeVar, get_args, get_origin

from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields, replace

from infra.spec import errors as wrong
from infra.spec.names import RuleBroken
from infra.spec.scalars import LEAVES

Where = tuple[str | int, ...]


class Written(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of everything a person writes: an unknown key is a typo, so it is an error."""

    def check(self, written: Collection[str]) -> None:
        """Raise RuleBroken where fields do not go together; `written` are those that stand in the spec."""

    def but(self, **changes: Any) -> Self:
        """The same with other values in these fields, which are not checked."""
        return replace(self, **changes)


class Mistake(NamedTuple):
    """What is wrong where, and the way out."""

    where: Where
    message: str
    hint: str


class Mistakes(ValueError):
    """All that is wrong with what was written, in the order of the fields."""

    def __init__(self, found: list[Mistake]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, one.where))}: {one.message}" for one in found))
        self.found = found


Kind = TypeVar("Kind", bound=Written)


def read_as(kind: type[Kind], values: Any) -> Kind:
    """The values as this kind of Struct; raises Mistakes."""
    reader = _Reader()
    made: Kind = reader.read(kind, values, ())
    if reader.mistakes:
        raise Mistakes(reader.mistakes)
    return made


class _Reader:
    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []

    def read(self, kind: Any, value: Any, where: Where) -> Any:
        """The value as what it should be; None, and one mistake more, where it cannot be that."""
        try:
            return self._read(kind, value, where)
        except RuleBroken as broken:
            self._note(broken, where, value)
            return None

    def _note(self, broken: RuleBroken, where: Where, value: Any = None) -> None:
        said = str(broken)
        message = f"{wrong.shown(value)} {said}" if said.startswith("must") else said
        self.mistakes.append(Mistake(where, message, broken.hint))

    def _read(self, kind: Any, value: Any, where: Where) -> Any:
        origin, name = get_origin(kind), _name(where)
        if origin is typing.Annotated:
            return self._constrained(kind, value, where)
        if origin in (typing.Union, types.UnionType):  # of one kind and None, which stands last
            return None if value is None else self._read(get_args(kind)[0], value, where)
        if origin is typing.Literal:
            if value not in get_args(kind):
                raise wrong.none_of(value, get_args(kind))
            return value
        if origin is tuple:
            if not isinstance(value, list | tuple):
                raise wrong.not_list(name, value)
            return tuple(self._items(get_args(kind)[0], value, where))
        if origin is dict:
            if not isinstance(value, dict):
                raise wrong.not_mapping(name, value, "keys and values")
            key_kind, item_kind = get_args(kind)
            return self._mapping(key_kind, item_kind, value, where)
        if kind is Any:
            return self._json(value, where)
        return LEAVES[kind](name, value) if kind in LEAVES else self._struct(kind, value, where)

    def _constrained(self, kind: Any, value: Any, where: Where) -> Any:
        before = len(self.mistakes)
        made = self._read(kind.__origin__, value, where)
        for meta in kind.__metadata__:
            if len(self.mistakes) == before:
                made = _held(meta, _name(where), value, made)
        return made

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
        raise wrong.not_json(value)

    def _struct(self, kind: type[Written], values: Any, where: Where) -> Written | None:
        if not isinstance(values, dict):
            raise wrong.not_mapping(_name(where), values, "fields")
        before, known, made = len(self.mistakes), _fields(kind), dict[str, Any]()
        for name, field in known.items():
            if name in values:
                made[name] = self.read(field.type, values[name], (*where, name))
            elif field.required:
                self._note(wrong.missing(name), (*where, name))
        for key in values:
            if key not in known:
                self._note(wrong.unknown_key(str(key), list(known)), (*where, str(key)))
        if len(self.mistakes) > before:
            return None
        struct = kind(**made)
        struct.check(made)
        return struct


@cache
def _fields(kind: type[Written]) -> dict[str, FieldInfo]:
    return {field.name: field for field in fields(kind)}


def _name(where: Where) -> str:
    return str(where[-1]) if where else ""


def _held(meta: Meta, name: str, value: Any, made: Any) -> Any:
    """What it is after the limits and the rule beside its kind; `value` is how it was written."""
    if meta.ge is not None and made < meta.ge:
        raise wrong.too_small(name, value, meta.ge)
    if meta.le is not None and made > meta.le:
        raise wrong.too_large(name, value, meta.le)
    if meta.min_length is not None and len(made) < meta.min_length:
        raise wrong.empty(name, value)
    rule = (meta.extra or {}).get("rule")
    return rule(made) if rule else made
