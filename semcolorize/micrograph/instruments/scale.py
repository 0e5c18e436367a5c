"""The scale of an image: of what its file and its instrument state, with what a user should know of it."""

from __future__ import annotations

import math

from semcolorize.micrograph.calibration import Calibration
from semcolorize.micrograph.instruments.instrument import Instrument

__all__ = ["settled_scale"]

_TOLERANCE = 0.03


def settled_scale(
    own: Calibration | None, meant: bool, instrument: Instrument | None
) -> tuple[Calibration | None, tuple[str, ...]]:
    """Choose between the scale in the file and that of the instrument.

    Parameters
    ----------
    own : Calibration or None
        Of the file, see `semcolorize.micrograph.tiff_metadata.read_calibration`.
    meant : bool
        Whether it was stated as the size of a pixel: by a user in ImageJ, or in OME's fields.
    instrument : Instrument or None

    Returns
    -------
    calibration : Calibration or None
    notes : tuple of str

    Notes
    -----
    What is stated in the file's own fields comes first: whoever wrote the file last wrote it. A mere resolution
    comes last, and not at all where an instrument wrote the file: instruments mean their print by it.
    """
    theirs = instrument.calibration if instrument is not None else None
    if own is not None and meant:
        return own, (*_contradiction(own, theirs), *(instrument.notes if instrument else ()))
    if instrument is not None:
        return theirs, (*instrument.scale_notes, *instrument.notes)
    if own is None:
        return None, ()
    return own, (
        f"Nothing but the file's resolution says how large a pixel is, {own.x_size:.4g} {own.unit}"
        f" ({(own.nanometers or (math.nan,))[0]:.4g} nm); if it was written for a print, set the scale in ImageJ.",
    )


def _contradiction(own: Calibration, theirs: Calibration | None) -> tuple[str, ...]:
    mine, other = own.nanometers, theirs.nanometers if theirs else None
    if theirs is None or mine is None or other is None or math.isclose(mine[0], other[0], rel_tol=_TOLERANCE):
        return ()
    return (f"The file states two sizes of a pixel, {own.statement} and {theirs.statement}; the first is used.",)
