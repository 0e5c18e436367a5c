"""From YAML to a pydantic model, with errors that point at lines.

``jobs/tescan.yaml:14: sampler.num_step is not a known key. Did you mean num_steps?``
"""

from __future__ import annotations

from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from semcolorize.color.palette import did_you_mean
from semcolorize.errors import ConfigError
from semcolorize.hintfiles.yaml_source import KeyPath, YamlSource, dotted

__all__ = ["known_keys", "model_faults", "validate_source"]

Model = TypeVar("Model", bound=BaseModel)

_MISSING = object()


def validate_source(
    model: type[Model], source: YamlSource, keys: KeyPath = (), *, context: Any = None
) -> Model:
    """Check a part of a YAML file against a pydantic model.

    Parameters
    ----------
    model : subclass of pydantic.BaseModel
        Should forbid extra keys (``extra="forbid"``), or misspelled ones go unnoticed.
    source : YamlSource
        The file.
    keys : tuple of str and int
        The part to check; the whole file by default.
    context : Any
        Handed to the model's validators.

    Returns
    -------
    checked : instance of `model`

    Raises
    ------
    ConfigError
        One line per fault, each with path, line and dotted key; `faults` has them one by one.
    """
    data = _at(source.data, keys)
    try:
        return model.model_validate(data, context=context)
    except ValidationError as error:
        raise ConfigError.from_faults(model_faults(error, model, source, keys)) from None


def model_faults(
    error: ValidationError, model: type[BaseModel], source: YamlSource, keys: KeyPath = ()
) -> list[ConfigError]:
    """Turn a pydantic error into located faults, in the order of the file."""
    faults: dict[tuple[int, str], ConfigError] = {}
    for detail in error.errors(include_url=False, include_input=True):
        inner = _real_path(_at(source.data, keys), detail["loc"])
        fault = source.fault(_message(detail, model, (*keys, *inner), inner), (*keys, *inner))
        faults.setdefault((fault.line or 0, fault.message), fault)
    return [faults[place] for place in sorted(faults, key=lambda place: place[0])]


def known_keys(model: type[BaseModel]) -> list[str]:
    """Names that a mapping read into `model` may have."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _message(detail: Any, model: type[BaseModel], full: KeyPath, inner: KeyPath) -> str:
    name = dotted(full) or "the file"
    kind, told = detail["type"], detail["msg"]
    if kind == "extra_forbidden":
        owner = _model_at(model, inner[:-1])
        known = known_keys(owner) if owner else []
        near = did_you_mean(str(inner[-1]), known)
        listed = f" Known are {', '.join(known)}." if known and not near else ""
        return f"{name} is not a known key.{near}{listed}"
    if kind == "missing":
        return f"{name} is missing."
    if kind in ("value_error", "assertion_error"):
        return f"{name}: {detail['ctx']['error'] if 'ctx' in detail else told}"
    wanted = told.removeprefix("Input ").removeprefix("List ").replace(" after validation", "")
    wanted = wanted[0].lower() + wanted[1:]
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        wanted = "should be a mapping (key: value)"
    seen = repr(detail["input"])
    if len(seen) > 60:
        seen = seen[:57] + "..."
    return f"{name} is {seen}; it {wanted}."


def _at(data: Any, keys: KeyPath) -> Any:
    for key in keys:
        data = data[key]
    return data


def _child(data: Any, key: Any) -> Any:
    if isinstance(data, dict):
        return data.get(key, _MISSING) if isinstance(key, str) else _MISSING
    if isinstance(data, list) and isinstance(key, int) and 0 <= key < len(data):
        return data[key]
    return _MISSING


def _real_path(data: Any, loc: tuple[Any, ...]) -> KeyPath:
    # pydantic puts names of union members and validators between the keys; those are not in the file.
    path: list[str | int] = []
    for position, key in enumerate(loc):
        child = _child(data, key)
        if child is not _MISSING:
            path.append(key)
            data = child
        elif position == len(loc) - 1 and isinstance(data, dict) and isinstance(key, str):
            path.append(key)
    return tuple(path)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_in(part)]


def _model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    for key in path:
        if isinstance(key, int):
            continue
        field = next((f for name, f in model.model_fields.items() if key in (name, f.alias)), None)
        inside = _models_in(field.annotation) if field else []
        if len(inside) != 1:
            return None
        model = inside[0]
    return model
