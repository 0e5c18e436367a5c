"""Timings as a picture."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

from semcolorize.evaluation.speed import Timing

__all__ = ["draw_timings"]

_OURS, _PEERS = "#0072b2", "#999999"


def draw_timings(timings: Sequence[Timing], about: Mapping[str, Any]) -> bytes:
    """Seconds of every case on a logarithmic axis, ours and peers apart by color: PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    figure = Figure(figsize=(9, 0.45 * len(timings) + 1.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    places = range(len(timings))
    colors = [_PEERS if _is_peer(t) else _OURS for t in timings]
    axes.barh(places, [t.seconds for t in timings], color=colors, height=0.65)
    several = len({t.device for t in timings}) > 1
    axes.set_yticks(places, [f"{t.name}, {t.device}" if several else t.name for t in timings])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(right=4 * max(t.seconds for t in timings))
    axes.set_xlabel("seconds (median, logarithmic)")
    for place, timing in zip(places, timings, strict=True):
        memory = "" if timing.peak_mib is None else f", {timing.peak_mib / 1024:.1f} GiB"
        axes.text(timing.seconds * 1.08, place, _duration(timing.seconds) + memory, va="center", fontsize=9)
        # Within the bar: what was not measured as a whole must say so wherever the picture goes.
        note = fill(timing.note, 40)
        axes.text(timing.seconds * 0.9, place, note, va="center", ha="right", fontsize=7, color="white")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_title(f"{about['processor']}, {about['cores']} cores, {about['threads']} threads", fontsize=10)
    axes.legend(handles=[Patch(color=_OURS, label="semcolorize"), Patch(color=_PEERS, label="others")], fontsize=9)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def _duration(seconds: float) -> str:
    if seconds < 600:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.2g} h"


def _is_peer(timing: Timing) -> bool:
    return timing.name.startswith(("thesis", "random walker", "Levin", "fast global"))
