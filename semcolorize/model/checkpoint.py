"""Weights of the label model and of the color denoiser in files: safetensors with metadata, verified. Never pickle."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from semcolorize.errors import ConfigError, WeightsError
from semcolorize.micrograph.atomic import write_bytes_atomic
from semcolorize.model.color_denoiser import ColorDenoiser, ColorDenoiserConfig
from semcolorize.model.label_model import LabelModel, LabelModelConfig
from semcolorize.network.weights import (
    BUNDLED,
    COLORS,
    LABELS,
    LoadedWeights,
    load_weights,
    read_tensors,
    tensors_digest,
)

__all__ = [
    "COLOR_FORMAT", "LABEL_FORMAT", "LoadedColorWeights", "LoadedLabelWeights", "LoadedModels", "is_label_file",
    "load_color_weights", "load_label_weights", "load_models", "save_color_weights", "save_label_weights",
]  # fmt: skip

LABEL_FORMAT = "semcolorize-labels-1"
COLOR_FORMAT = "semcolorize-colors-1"


@dataclass(frozen=True)
class LoadedLabelWeights:
    """A label model and where it came from.

    Attributes
    ----------
    model : LabelModel
        In evaluation mode, float32, on the CPU.
    name : str
        As asked for; ``labels`` for the bundled ones.
    path : Path
    sha256 : str
        Of the whole file.
    metadata : dict
        What was stored with it, decoded: recipe, commit, notes.
    """

    model: LabelModel
    name: str
    path: Path
    sha256: str
    metadata: dict[str, Any]


@dataclass(frozen=True)
class LoadedColorWeights:
    """A color denoiser and where it came from; fields as of `LoadedLabelWeights`."""

    model: ColorDenoiser
    name: str
    path: Path
    sha256: str
    metadata: dict[str, Any]


@dataclass(frozen=True)
class LoadedModels:
    """All that a colorizer needs.

    Attributes
    ----------
    diffuser : LoadedWeights
    labels : LoadedLabelWeights
    colors : LoadedColorWeights
    """

    diffuser: LoadedWeights
    labels: LoadedLabelWeights
    colors: LoadedColorWeights

    @property
    def sha256(self) -> str:
        """Of all files' SHA-256: it changes when any does."""
        every = f"{self.diffuser.sha256} {self.labels.sha256} {self.colors.sha256}"
        return hashlib.sha256(every.encode()).hexdigest()


def load_models(weights: str | os.PathLike[str] = "default") -> LoadedModels:
    """The bundled models, or a file in the place of the one of its kind.

    Parameters
    ----------
    weights : str or path-like
        A bundled name, or a safetensors file of either kind.

    Raises
    ------
    WeightsError
    """
    if not (isinstance(weights, str) and weights in BUNDLED):
        kind = _format_of(weights)
        if kind == LABEL_FORMAT:
            return LoadedModels(load_weights(), load_label_weights(weights), load_color_weights())
        if kind == COLOR_FORMAT:
            return LoadedModels(load_weights(), load_label_weights(), load_color_weights(weights))
    return LoadedModels(load_weights(weights), load_label_weights(), load_color_weights())


def save_label_weights(
    path: str | os.PathLike[str], model: LabelModel, *, metadata: dict[str, Any] | None = None
) -> str:
    """Write weights atomically: parameters in fp16, statistics of normalization in float32.

    Returns
    -------
    str
        SHA-256 of the file.
    """
    return _save(path, model, LABEL_FORMAT, metadata)


def save_color_weights(
    path: str | os.PathLike[str], model: ColorDenoiser, *, metadata: dict[str, Any] | None = None
) -> str:
    """Write weights of a color denoiser as `save_label_weights` writes those of a label model."""
    return _save(path, model, COLOR_FORMAT, metadata)


def _save(
    path: str | os.PathLike[str], model: LabelModel | ColorDenoiser, kind: str, metadata: dict[str, Any] | None
) -> str:
    parameters = {name for name, _ in model.named_parameters()}
    tensors = {
        k: v.detach().to("cpu", torch.float16 if k in parameters and v.ndim > 1 else v.dtype).contiguous()
        for k, v in model.state_dict().items()
    }
    header = {
        "format": kind,
        "config": json.dumps(model.config.to_dict(), sort_keys=True),
        "tensors_sha256": tensors_digest(tensors),
        "notes": json.dumps(metadata or {}, sort_keys=True),
    }
    payload = save(tensors, metadata=header)
    write_bytes_atomic(path, payload, overwrite=True)
    return hashlib.sha256(payload).hexdigest()


def is_label_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file says that it holds a label model."""
    return _format_of(path) == LABEL_FORMAT


def _format_of(path: str | os.PathLike[str]) -> str | None:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return (file.metadata() or {}).get("format")
    except (OSError, SafetensorError):
        return None


def load_label_weights(path: str | os.PathLike[str] | None = None) -> LoadedLabelWeights:
    """Read and verify weights: the bundled ones by default.

    Raises
    ------
    WeightsError
        If the file is missing, no safetensors file of a label model, damaged, or does not fit its own configuration.
    """
    return LoadedLabelWeights(
        *_load(path, LABELS, LABEL_FORMAT, lambda config: LabelModel(LabelModelConfig.from_dict(config)))
    )


def load_color_weights(path: str | os.PathLike[str] | None = None) -> LoadedColorWeights:
    """Read and verify weights of a color denoiser as `load_label_weights` does those of a label model."""
    return LoadedColorWeights(
        *_load(path, COLORS, COLOR_FORMAT, lambda config: ColorDenoiser(ColorDenoiserConfig.from_dict(config)))
    )


def _load(
    path: str | os.PathLike[str] | None, bundled: str, kind: str, build: Callable[[dict[str, Any]], Any]
) -> tuple[Any, str, Path, str, dict[str, Any]]:
    """Model, name, path, SHA-256 and metadata."""
    name = bundled.removesuffix(".safetensors") if path is None else os.fspath(path)
    path = Path(str(resources.files("semcolorize"))) / "weights" / bundled if path is None else Path(path)
    header, tensors, sha256 = read_tensors(path, kind)
    try:
        with torch.device("meta"):
            model = build(json.loads(header["config"]))
        model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}, assign=True)
        notes = json.loads(header.get("notes", "{}"))
    except (ConfigError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(f"the file's configuration does not fit its tensors ({error}).", path=path) from error
    return model.eval().requires_grad_(False), name, path, sha256, notes
