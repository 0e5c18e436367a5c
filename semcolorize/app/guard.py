"""Who may talk to the server: whoever has the token, from the window's own origin, and nobody else."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from starlette.datastructures import Headers

__all__ = ["Guard", "security_headers"]


@dataclass(frozen=True)
class Guard:
    """What a request must bring.

    Attributes
    ----------
    hosts : frozenset of str
        Values of Host that are ours, such as ``127.0.0.1:8000``: another one means that a name was pointed here
        (DNS rebinding).
    token : str
        Part of every path, so that each request carries it, those for scripts included.
    """

    hosts: frozenset[str]
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @classmethod
    def of(cls, names: Iterable[str], port: int, token: str | None = None) -> Guard:
        """A guard for names (or addresses) of this machine and a port."""
        hosts = frozenset(f"{f'[{name}]' if ':' in name else name}:{port}".lower() for name in names)
        return cls(hosts) if token is None else cls(hosts, token)

    def refusal(self, path: str, headers: Headers, *, socket: bool) -> str | None:
        """Why a request is refused; None if it is not.

        Parameters
        ----------
        path : str
        headers : Headers
        socket : bool
            Whether it asks for a socket; browsers name the origin of every one.
        """
        if headers.get("host", "").lower() not in self.hosts:
            return "This name is not the window's; open the address that semcolorize app printed."
        given = path.split("/")[1] if path.startswith("/") else ""
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self.token.encode()):
            return "The token is missing or wrong; open the address that semcolorize app printed."
        origin = headers.get("origin")
        if (origin is None and socket) or (origin is not None and not self._ours(origin)):
            return "Another page may not use this window."
        # Browsers say where a request comes from even where they send no origin.
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return "Another page may not use this window."
        return None

    def _ours(self, origin: str) -> bool:
        scheme, _, host = origin.lower().partition("://")
        return scheme == "http" and host in self.hosts


def security_headers(host: str) -> dict[str, str]:
    """Headers of every answer: only our own scripts run, nothing is embedded, leaves, or stays in caches."""
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        f"connect-src 'self' ws://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
        "cache-control": "no-store",
    }
