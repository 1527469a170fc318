"""Where a push may go: a URL that somebody gave us must not become a way into our own network."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from notifier.domain.addresses import check_url, is_public

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""The IP addresses of a host. Raises OSError when it has none."""


class Blocked(Exception):
    """The URL leads, or may lead, to where pushes must not go."""


@dataclass(frozen=True, slots=True)
class Target:
    """A host with the address that was checked: the connection goes there, whatever its name means a moment later."""

    scheme: str
    host: str
    port: int
    address: str
    path: str

    @property
    def url(self) -> str:
        """The URL with the address in place of the name."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.scheme}://{address}:{self.port}{self.path}"

    @property
    def authority(self) -> str:
        """The `Host` header: the name, as the server knows itself."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        standard = {"http": 80, "https": 443}[self.scheme]
        return host if self.port == standard else f"{host}:{self.port}"


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as the system knows them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


async def aim(url: str, *, allow_private: bool, resolver: Resolve = resolve) -> Target:
    """Resolve a push URL once and check every address that its host has.

    Raises:
        Blocked: the URL is none that may be called, or its host has an address that is not public.
        OSError: the host has no address now.
    """
    try:
        parts = urlsplit(check_url(url))
        host = (
            (parts.hostname or "").encode("idna").decode("ascii")
            if ":" not in (parts.hostname or "")
            else parts.hostname
        )
    except (ValueError, UnicodeError) as error:
        raise Blocked("not a URL that can be called") from error
    if not host:
        raise Blocked("the URL names no host")
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    addresses = await resolver(host, port)
    if not addresses:
        raise OSError("the host has no address")
    if not allow_private and not all(map(is_public, addresses)):
        raise Blocked("the host has an address that is not public")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, addresses[0], path)
