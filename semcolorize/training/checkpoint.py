"""Checkpoints of a training run: model, moving average and optimizer in one safetensors file. Never pickle."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from semcolorize.errors import WeightsError
from semcolorize.network.diffuser import ABDiffuser

__all__ = ["load_checkpoint", "save_checkpoint"]


def save_checkpoint(
    path: Path,
    model: ABDiffuser,
    average: ABDiffuser,
    optimizer: torch.optim.Optimizer,
    *,
    step: int,
    notes: dict[str, Any],
) -> None:
    """Write atomically: a killed run finds the last complete checkpoint."""
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.state_dict().items()}
    names = [name for name, _ in model.named_parameters()]
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{names[index]}.{k}": v for k, v in state.items()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(
            {k: v.detach().cpu().contiguous() for k, v in tensors.items()},
            temporary,
            metadata={"step": str(step), "notes": json.dumps(notes), "config": json.dumps(model.config.to_dict())},
        )
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(
    path: Path, model: ABDiffuser, average: ABDiffuser, optimizer: torch.optim.Optimizer
) -> tuple[int, dict[str, Any]]:
    """Fill model, average and optimizer.

    Returns
    -------
    step : int
        Steps done.
    notes : dict

    Raises
    ------
    WeightsError
        If the file is damaged or belongs to another configuration.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
        parts: dict[str, dict[str, torch.Tensor]] = {"model": {}, "average": {}, "optimizer": {}}
        for key, tensor in tensors.items():
            part, name = key.split(".", 1)
            parts[part][name] = tensor
        model.load_state_dict(parts["model"])
        average.load_state_dict(parts["average"])
        state: dict[int, dict[str, torch.Tensor]] = {}
        index = {name: i for i, (name, _) in enumerate(model.named_parameters())}
        for key, tensor in parts["optimizer"].items():
            name, slot = key.rsplit(".", 1)
            state.setdefault(index[name], {})[slot] = tensor
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
        return int(header["step"]), json.loads(header.get("notes", "{}"))
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"the checkpoint does not fit this recipe or is damaged ({error}). Train into another folder with --out.",
            path=path,
        ) from error
