"""Weights of the label model in files: safetensors with metadata, verified. Never pickle."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from semcolorize.errors import ConfigError, WeightsError
from semcolorize.micrograph.atomic import write_bytes_atomic
from semcolorize.model.label_model import LabelModel, LabelModelConfig
from semcolorize.network.weights import BUNDLED, LABELS, LoadedWeights, load_weights, read_tensors, tensors_digest

__all__ = [
    "LABEL_FORMAT", "LoadedLabelWeights", "LoadedModels", "is_label_file", "load_label_weights", "load_models",
    "save_label_weights",
]  # fmt: skip

LABEL_FORMAT = "semcolorize-labels-1"


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
class LoadedModels:
    """All that a colorizer needs.

    Attributes
    ----------
    diffuser : LoadedWeights
    labels : LoadedLabelWeights
    """

    diffuser: LoadedWeights
    labels: LoadedLabelWeights

    @property
    def sha256(self) -> str:
        """Of both files' SHA-256: it changes when either does."""
        return hashlib.sha256(f"{self.diffuser.sha256} {self.labels.sha256}".encode()).hexdigest()


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
    if not (isinstance(weights, str) and weights in BUNDLED) and is_label_file(weights):
        return LoadedModels(load_weights(), load_label_weights(weights))
    return LoadedModels(load_weights(weights), load_label_weights())


def save_label_weights(
    path: str | os.PathLike[str], model: LabelModel, *, metadata: dict[str, Any] | None = None
) -> str:
    """Write weights atomically: parameters in fp16, statistics of normalization in float32.

    Returns
    -------
    str
        SHA-256 of the file.
    """
    parameters = {name for name, _ in model.named_parameters()}
    tensors = {
        k: v.detach().to("cpu", torch.float16 if k in parameters and v.ndim > 1 else v.dtype).contiguous()
        for k, v in model.state_dict().items()
    }
    header = {
        "format": LABEL_FORMAT,
        "config": json.dumps(model.config.to_dict(), sort_keys=True),
        "tensors_sha256": tensors_digest(tensors),
        "notes": json.dumps(metadata or {}, sort_keys=True),
    }
    payload = save(tensors, metadata=header)
    write_bytes_atomic(path, payload, overwrite=True)
    return hashlib.sha256(payload).hexdigest()


def is_label_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file says that it holds a label model."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return bool((file.metadata() or {}).get("format") == LABEL_FORMAT)
    except (OSError, SafetensorError):
        return False


def load_label_weights(path: str | os.PathLike[str] | None = None) -> LoadedLabelWeights:
    """Read and verify weights: the bundled ones by default.

    Raises
    ------
    WeightsError
        If the file is missing, no safetensors file of a label model, damaged, or does not fit its own configuration.
    """
    name = "labels" if path is None else os.fspath(path)
    path = Path(str(resources.files("semcolorize"))) / "weights" / LABELS if path is None else Path(path)
    header, tensors, sha256 = read_tensors(path, LABEL_FORMAT)
    try:
        config = LabelModelConfig.from_dict(json.loads(header["config"]))
        with torch.device("meta"):
            model = LabelModel(config)
        model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}, assign=True)
        notes = json.loads(header.get("notes", "{}"))
    except (ConfigError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(f"the file's configuration does not fit its tensors ({error}).", path=path) from error
    return LoadedLabelWeights(model.eval().requires_grad_(False), name, path, sha256, notes)
