"""A window for everyone: one front end, in the browser (``semcolorize app``) and in notebooks (`widget`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semcolorize.app.widget import ColorizeWidget, widget

__all__ = ["ColorizeWidget", "widget"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'semcolorize.app' has no attribute {name!r}")
    from importlib import import_module

    # `widget` is the function, not the module of that name that importing it puts here.
    module = import_module("semcolorize.app.widget")
    globals().update({known: getattr(module, known) for known in __all__})
    return globals()[name]
