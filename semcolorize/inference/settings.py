"""Settings of one coloring, checked and resolved once."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from semcolorize.errors import ConfigError
from semcolorize.hints.model import SPREADS, Spread
from semcolorize.network.conditioning import ModelConfig

__all__ = ["FILLS", "Fill", "Settings"]

Fill = Literal["auto", "gray", "contrast"]
"""What unhinted structures become."""
FILLS: tuple[str, ...] = get_args(Fill)

_MOST_VARIANTS = 100


@dataclass(frozen=True)
class Settings:
    """Options of a coloring; see `semcolorize.pipeline.Colorizer.colorize`.

    Attributes
    ----------
    variants, seed : int
    fill : {"auto", "gray", "contrast"} or None
        None leaves it to `for_hints`.
    spread : {"alike", "instance"}
    sampler : str
    num_steps, variant_steps : int
        Of the first variant, and of the others.
    bits : int
    asked_steps : int or None
        Steps that were asked for, for all variants.
    classes : int or None
        Kinds of structures that automatic color tells apart.
    """

    variants: int
    seed: int
    fill: Fill | None
    spread: Spread
    sampler: str
    num_steps: int
    variant_steps: int
    bits: int
    asked_steps: int | None
    classes: int | None = None

    @classmethod
    def resolve(
        cls, config: ModelConfig, *, variants: int = 1, seed: int = 0, fill: str | None = None,
        spread: str = "alike", num_steps: int | None = None, bits: int = 8, classes: int | None = None,
        like: bool = False,
    ) -> Settings:  # fmt: skip
        """Check options, and take the weights' own where nothing was said.

        Parameters
        ----------
        config : ModelConfig
            Of the AB-diffuser.
        like : bool
            Whether colors are taken from a reference.
        variants, seed, fill, spread, num_steps, bits, classes
            As for `semcolorize.pipeline.Colorizer.colorize`.

        Raises
        ------
        ConfigError
            With the first option that is wrong.
        """
        for name, value, least in (
            ("variants", variants, 1), ("seed", seed, 0), ("num_steps", 1 if num_steps is None else num_steps, 1),
            ("classes", 1 if classes is None else classes, 1),
        ):  # fmt: skip
            if isinstance(value, bool) or not isinstance(value, int | np.integer):
                raise ConfigError(f"{name} is {value!r}; a whole number is needed.", key=name)
            if value < least:
                raise ConfigError(f"{name} is {value}; at least {least} is needed.", key=name)
        if variants > _MOST_VARIANTS:
            raise ConfigError(f"variants is {variants}; at most {_MOST_VARIANTS} are made at once.", key="variants")
        for name, said, known in (("fill", fill, (None, *FILLS)), ("spread", spread, SPREADS)):
            if said not in known:
                raise ConfigError(f"{name} is {said!r}; {' or '.join(k for k in known if k)} is accepted.", key=name)
        if like and fill == "auto":
            raise ConfigError(
                "like takes the colors of a reference, and fill auto draws colors: give one of them.", key="fill"
            )
        return cls(
            variants, seed, fill, spread, config.sampler, num_steps or config.num_steps,  # type: ignore[arg-type]
            num_steps or config.variant_steps, bits, num_steps, classes,
        )  # fmt: skip

    def for_hints(self, count: int) -> Settings:
        """The same, what is not hinted staying gray if there are hints and nothing else was asked for."""
        return self if self.fill is not None else replace(self, fill="gray" if count else "auto")

    def record(self) -> dict[str, Any]:
        """Plain data for the provenance."""
        values = asdict(self)
        del values["asked_steps"]
        if self.fill != "auto":
            # Nothing was sampled.
            for name in ("sampler", "num_steps", "variant_steps", "classes"):
                del values[name]
        return values
