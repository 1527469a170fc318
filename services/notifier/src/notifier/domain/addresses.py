"""Which addresses are taken; said in words that help to mend them."""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_MAX_LOCAL: Final = 64
_MAX_ADDRESS: Final = 254
_MAX_URL: Final = 2_000
# addresses inside which an IPv4 address is carried to an IPv4 network
_NAT64: Final = IPv6Network("64:ff9b::/96")


def check_email(address: str) -> str:
    """The address, with its domain in lower case and in the form that is sent (`xn--…`).

    Raises:
        ValueError: it is none, or one that not every mail server takes; the message says why.
    """
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise ValueError(f"{address!r} is not an e-mail address: expected name@domain")
    if not _LOCAL.fullmatch(local) or len(local) > _MAX_LOCAL:
        raise ValueError(
            f"{address!r}: the part before the @ may hold 1 to 64 plain letters, digits and .!#$%&'*+/=?^_`{{|}}~-"
        )
    try:
        host = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise ValueError(f"{address!r}: {domain!r} is not a domain name") from None
    if not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise ValueError(f"{address!r}: {domain!r} is not a domain name")
    if len(local) + 1 + len(host) > _MAX_ADDRESS:
        raise ValueError("the e-mail address is longer than 254 characters")
    return f"{local}@{host}"


def check_url(url: str) -> str:
    """The push URL as given.

    Raises:
        ValueError: it is no http or https URL of a host, or carries a user name; the message says why.
    """
    if len(url) > _MAX_URL or not url.isprintable() or " " in url:
        raise ValueError("a push URL has at most 2,000 characters, no spaces and no control characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"this is not a URL: {error}") from None
    if parts.scheme not in {"http", "https"}:
        raise ValueError("a push URL starts with https:// (or http://)")
    if not parts.hostname:
        raise ValueError("the push URL names no host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a push URL may not carry a user name or password")
    if port == 0:
        raise ValueError("port 0 cannot be reached")
    return url


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, whatever form or tunnel it is written in."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        return _public_v6(ip)
    return _public(ip)


def _public_v6(ip: IPv6Address) -> bool:
    inner: list[IPv4Address] = [x for x in (ip.ipv4_mapped, ip.sixtofour) if x is not None]
    if ip.teredo is not None:
        inner.extend(ip.teredo)
    if ip in _NAT64:
        inner.append(IPv4Address(int(ip) & 0xFFFFFFFF))
    if inner:
        return all(_public(x) for x in inner)
    return _public(ip)


def _public(ip: IPv4Address | IPv6Address) -> bool:
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not ip.is_unspecified
