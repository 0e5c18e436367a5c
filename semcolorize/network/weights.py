"""Weights in files: safetensors with metadata, verified; bundled ones by name. Never pickle.

A file's metadata hold the model configuration, the recipe, the commit and the SHA-256 of its tensors, so that a file
says what it is, and damage or an edit is noticed before it colors anything.
"""

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
from semcolorize.network.conditioning import ModelConfig
from semcolorize.network.diffuser import ABDiffuser

__all__ = [
    "BUNDLED", "LoadedWeights", "check_size", "load_weights", "read_tensors", "save_weights", "tensors_digest",
    "weights_path",
]  # fmt: skip

FORMAT = "semcolorize-1"
BUNDLED = {"default": "compact.safetensors", "compact": "compact.safetensors"}
"""AB-diffusers that come with the package."""
LABELS = "labels.safetensors"
COLORS = "colors.safetensors"
"""The label model that comes with it."""

_MAX_BYTES = 512 * 2**20
_MAX_PARAMETERS = 120_000_000


@dataclass(frozen=True)
class LoadedWeights:
    """A model and where it came from.

    Attributes
    ----------
    model : ABDiffuser
        In evaluation mode, float32, on the CPU.
    name : str
        As asked for.
    path : Path
    sha256 : str
        Of the whole file.
    metadata : dict
        What was stored with it, decoded: recipe, commit, notes.
    """

    model: ABDiffuser
    name: str
    path: Path
    sha256: str
    metadata: dict[str, Any]


def weights_path(name: str | os.PathLike[str]) -> Path:
    """File behind a bundled name or a path.

    Raises
    ------
    WeightsError
        If there is neither.
    """
    text = os.fspath(name)
    if text in BUNDLED:
        path = Path(str(resources.files("semcolorize"))) / "weights" / BUNDLED[text]
        if not path.is_file():
            raise WeightsError(
                f"the bundled weights {text!r} are missing; reinstall semcolorize or give --weights a file.", path=path
            )
        return path
    path = Path(text).expanduser()
    if (path / "weights.safetensors").is_file():
        raise WeightsError(f"this is a folder; the weights in it are {path / 'weights.safetensors'}.", path=path)
    if not path.is_file():
        raise WeightsError(
            f"no weights named {text!r}: neither a bundled name ({', '.join(BUNDLED)}) nor a file. "
            "Nothing else is used in its place."
        )
    return path


def save_weights(
    path: str | os.PathLike[str],
    model: ABDiffuser,
    *,
    half: bool = True,
    metadata: dict[str, Any] | None = None,
) -> str:
    """Write weights atomically.

    Parameters
    ----------
    path : path-like
        Target; an existing file is replaced in one step.
    model : ABDiffuser
    half : bool
        Store fp16, which halves the file; else float32.
    metadata : dict, optional
        JSON-able notes: recipe, commit, scores.

    Returns
    -------
    str
        SHA-256 of the file.
    """
    dtype = torch.float16 if half else torch.float32
    tensors = {k: v.detach().to("cpu", dtype).contiguous() for k, v in model.state_dict().items()}
    header = {
        "format": FORMAT,
        "config": json.dumps(model.config.to_dict(), sort_keys=True),
        "tensors_sha256": tensors_digest(tensors),
        "notes": json.dumps(metadata or {}, sort_keys=True),
    }
    payload = save(tensors, metadata=header)
    write_bytes_atomic(path, payload, overwrite=True)
    return hashlib.sha256(payload).hexdigest()


def load_weights(name: str | os.PathLike[str] = "default") -> LoadedWeights:
    """Read and verify weights.

    Parameters
    ----------
    name : str or path-like
        A bundled name (see `BUNDLED`) or a file.

    Returns
    -------
    LoadedWeights

    Raises
    ------
    WeightsError
        If the file is missing, no safetensors file of semcolorize, damaged, or does not fit its own configuration.
    """
    path = weights_path(name)
    header, tensors, sha256 = read_tensors(path, FORMAT)
    try:
        config = ModelConfig.from_dict(json.loads(header["config"]))
        model = check_size(config)
        model.load_state_dict({k: v.float() for k, v in tensors.items()}, assign=True)
        notes = json.loads(header.get("notes", "{}"))
    except (ConfigError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(f"the file's configuration does not fit its tensors ({error}).", path=path) from error
    return LoadedWeights(model.eval().requires_grad_(False), os.fspath(name), path, sha256, notes)


def read_tensors(path: Path, format_name: str) -> tuple[dict[str, str], dict[str, torch.Tensor], str]:
    """Header, tensors and SHA-256 of a safetensors file of a known format; WeightsError if it is none, or damaged."""
    try:
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise WeightsError(f"the file has {size} bytes; at most {_MAX_BYTES} are read.", path=path)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        with safe_open(path, framework="pt", device="cpu") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
    except SafetensorError as error:
        raise WeightsError(f"this is no readable safetensors file ({error}).", path=path) from error
    except OSError as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"the file cannot be read ({error.strerror or error}).", path=path) from error
    if "format" not in header and "step" in header:
        raise WeightsError(
            "this is the checkpoint of a training run, not weights; those are weights.safetensors beside it.", path=path
        )
    if header.get("format") != format_name:
        raise WeightsError(
            f"the file's format is {header.get('format')!r}; {format_name!r} is accepted. Was it written by"
            " semcolorize?",
            path=path,
        )
    seen = tensors_digest(tensors)
    if seen != header.get("tensors_sha256"):
        raise WeightsError(
            f"the tensors' SHA-256 is {seen}, but the file states {header.get('tensors_sha256')}: it is damaged or "
            "was edited. Fetch or train it again.",
            path=path,
        )
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values() if tensor.is_floating_point()):
        raise WeightsError("tensors hold NaN or infinity: the training behind it failed.", path=path)
    return header, tensors, sha256


def check_size(config: ModelConfig) -> ABDiffuser:
    """Network of a configuration, without any weights in it.

    Raises
    ------
    ConfigError
        If it has more parameters than weights may have: 120 million, over three times the thesis' network.
    """
    with torch.device("meta"):
        model = ABDiffuser(config)
    count = sum(p.numel() for p in model.parameters())
    if count > _MAX_PARAMETERS:
        raise ConfigError(f"the network is too large: {count} parameters, at most {_MAX_PARAMETERS} are accepted.")
    return model


def tensors_digest(tensors: dict[str, torch.Tensor]) -> str:
    """SHA-256 over names, kinds, shapes and values."""
    digest = hashlib.sha256()
    for key in sorted(tensors):
        tensor = tensors[key].contiguous()
        digest.update(f"{key}:{tensor.dtype}:{tuple(tensor.shape)};".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
