"""Dataclasses read back from JSON values by their annotations, the way back of `dataclasses.asdict`; strict JSON."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def from_json_values(cls: type[T], raw: Mapping[str, Any]) -> T:
    """Make a dataclass from the mapping that `to_json` (or `asdict`) made of it.

    Keys that name properties of the class are derived values and are ignored.

    Args:
        cls: A dataclass whose fields are numbers, strings, enumerations, None, tuples, lists, mappings with string or
            enumeration keys, and dataclasses of these.
        raw: JSON values by field name.

    Raises:
        TypeError: a key is neither a field nor a property, or a value is of the wrong kind.
        KeyError: a field without a default is missing.
        ValueError: a word is no member of its enumeration.
    """
    if not isinstance(raw, Mapping):
        raise TypeError(f"{cls.__name__} is made of an object, not of {raw!r}")
    known = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    unknown = [name for name in raw if name not in known and not isinstance(getattr(cls, name, None), property)]
    if unknown:
        raise TypeError(f"{cls.__name__} has no {', '.join(unknown)}")
    hints = get_type_hints(cls)
    values = {name: _value(hints[name], raw[name]) for name in known if name in raw}
    for name, one in known.items():
        if name not in values and one.default is MISSING and one.default_factory is MISSING:
            raise KeyError(name)
    return cls(**values)


def strict_json(value: Any) -> Any:
    """The value with numbers that JSON does not have as texts: "inf", "-inf", "nan" (readers of other languages fail).

    Files of earlier versions hold them as Python writes them, which `json` reads.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: strict_json(one) for key, one in value.items()}
    return [strict_json(one) for one in value] if isinstance(value, list | tuple) else value


def _value(hint: Any, raw: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return raw
    if origin in (Union, types.UnionType):
        if raw is None and type(None) in arguments:
            return None
        return _value(next(one for one in arguments if one is not type(None)), raw)
    if origin is tuple:
        return _tuple(arguments, raw)
    if origin is list:
        return [_value(arguments[0], one) for one in _expected(list, raw)]
    if origin is not None and issubclass(origin, Mapping):
        return {_value(arguments[0], key): _value(arguments[1], one) for key, one in _expected(dict, raw).items()}
    if is_dataclass(hint):
        return from_json_values(hint, raw)  # type: ignore[arg-type]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(raw)
    if hint is float:
        return float(_expected((int, float), raw))
    return _expected(hint, raw)


def _tuple(arguments: tuple[Any, ...], raw: Any) -> tuple[Any, ...]:
    values = _expected((list, tuple), raw)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(_value(arguments[0], one) for one in values)
    if len(values) != len(arguments):
        raise TypeError(f"{raw!r} has {len(values)} entries, not {len(arguments)}")
    return tuple(_value(one, value) for one, value in zip(arguments, values, strict=True))


def _expected(kind: Any, raw: Any) -> Any:
    if not isinstance(raw, kind) or (isinstance(raw, bool) and kind is not bool):
        raise TypeError(f"{raw!r} is of the wrong kind")
    return raw
