"""A micrograph with its hints on its pixels, and both as the model sees them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from semcolorize.errors import ConfigError, HintError, SemColorizeError
from semcolorize.hintfiles.yaml_hints import hints_from_entries, read_hints
from semcolorize.hints.model import Hint, HintSet, SkippedHint
from semcolorize.hints.rasterize import RasterizedHints, rasterize
from semcolorize.micrograph.provenance import hint_record
from semcolorize.micrograph.working import HintedPixels, PreparedMicrograph
from semcolorize.network.proposing import HintedView

__all__ = ["Hints", "MarkedMicrograph", "contradictions", "mark_views"]


Hints = HintSet | Iterable[Hint | Mapping[str, Any]] | str | os.PathLike[str] | None
"""Hints as Python calls take them: read, made, as plain entries of a hints file, or the file's path."""


@dataclass(frozen=True)
class MarkedMicrograph:
    """A micrograph and its hints.

    Attributes
    ----------
    image : PreparedMicrograph
    hints : HintSet
        In pixels.
    drawn : RasterizedHints
        On the whole image.
    pixels : HintedPixels
        Above the data bar.
    view : HintedView
        At working size, limited hints left out.
    """

    image: PreparedMicrograph
    hints: HintSet
    drawn: RasterizedHints
    pixels: HintedPixels
    view: HintedView

    @classmethod
    def of(
        cls, image: PreparedMicrograph, hints: Hints
    ) -> MarkedMicrograph:
        """Put hints on an image; HintError where they do not lie on it."""
        shape = image.micrograph.shape
        chosen = _hint_set(hints).on(image.micrograph.plane).at(shape)
        drawn = rasterize(chosen.hints, shape)
        missing = image.micrograph.missing
        if missing is not None:
            drawn = drawn.without(missing)
        if drawn.empty:
            chosen = _without(chosen, drawn.empty, "pixel" if missing is None else "pixel with data")
            drawn = rasterize(chosen.hints, shape)
            drawn = drawn if missing is None else drawn.without(missing)
        pixels = HintedPixels.of(drawn, chosen.hints, image.bar)
        view = HintedView(image.small, *pixels.on((image.bar, shape[1]), (image.small.shape[0], image.small.shape[1])))
        return cls(image, chosen, drawn, pixels, view)

    def hints_record(self, name: str | None) -> dict[str, Any]:
        """What the provenance of a series' other views says of this one: name, digest, hints and their files."""
        return {
            "name": name,
            "sha256": self.image.micrograph.sha256,
            "hints": [hint_record(hint) for hint in self.hints],
            # Names only: folders tell of people and machines.
            "hint_files": [[os.path.basename(path), sha256] for path, sha256 in self.hints.files],  # noqa: PTH119
        }


def mark_views(
    prepared: Sequence[PreparedMicrograph],
    hints: Sequence[Hints],
    places: Sequence[int],
    on_failure: Callable[[int, SemColorizeError], None] | None,
) -> list[MarkedMicrograph]:
    """Put hints on views; `on_failure` is told of those whose hints cannot be used, or the first error is raised."""
    marked = []
    for image, own, place in zip(prepared, hints, places, strict=True):
        try:
            marked.append(MarkedMicrograph.of(image, own))
        except (HintError, ConfigError) as error:
            if on_failure is None:
                raise
            on_failure(place, error)
    return marked


def _hint_set(hints: Hints) -> HintSet:
    if hints is None:
        return HintSet()
    if isinstance(hints, str | os.PathLike):
        return read_hints(hints)
    if isinstance(hints, HintSet):
        return hints
    if isinstance(hints, Mapping):
        raise ConfigError("hints is a mapping; a list of them is needed, one a hint.", key="hints")
    listed = tuple(hints)
    made = tuple(entry for entry in listed if isinstance(entry, Hint))
    plain = [entry for entry in listed if not isinstance(entry, Hint)]
    if plain and made:
        raise ConfigError("hints mixes Hint objects and plain entries; one kind is needed.", key="hints")
    return hints_from_entries(plain) if plain else HintSet(hints=made)


def _without(hints: HintSet, places: Sequence[int], what: str) -> HintSet:
    """The hints that cover a pixel, the others noted."""
    if len(places) == len(hints.hints):
        raise HintError(f"None of the {len(places)} hints covers a {what} of the image.", path=hints.source or None)
    reason = f"covers no {what}: too small, or without an area"
    skipped = tuple(SkippedHint(hints.hints[i].origin or f"hint {i + 1}", reason) for i in places)
    kept = tuple(hint for i, hint in enumerate(hints.hints) if i not in set(places))
    return replace(hints, hints=kept, skipped=(*hints.skipped, *skipped))


def contradictions(given: Sequence[Mapping[str, Any]], here: int) -> list[str]:
    """Names that have another color on an earlier view of the series; `given`: from `MarkedMicrograph.hints_record`."""
    said: dict[str, tuple[str, str]] = {}
    for i, record in enumerate(given[:here]):
        for hint in record["hints"]:
            if hint["name"]:
                said.setdefault(hint["name"], (hint["color"], record["name"] or f"view {i + 1}"))
    own = dict.fromkeys((hint["name"], hint["color"]) for hint in given[here]["hints"])
    return [
        f"{name!r} is {color} here and {said[name][0]} on {said[name][1]}: one name should have one color."
        for name, color in own
        if name in said and said[name][0] != color
    ]
