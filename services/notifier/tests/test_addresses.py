"""Which addresses are taken, and where a push may go."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.addresses import check_email, check_url, is_public
from notifier.guard import Blocked, aim


@pytest.mark.parametrize(
    ("given_address", "kept"),
    [
        ("jo@example.com", "jo@example.com"),
        ("Jo.B+parts@Example.COM", "Jo.B+parts@example.com"),
        ("jo@bücher.example", "jo@xn--bcher-kva.example"),
        ("jo@localhost", "jo@localhost"),
    ],
)
def test_addresses_that_are_taken(given_address, kept):
    assert check_email(given_address) == kept


@pytest.mark.parametrize(
    "address",
    [
        "", "jo", "@example.com", "jo@", "jo@@example.com", "jo b@example.com", "jo@exa mple.com", "jö@example.com",
        "jo@example.com\r\nBcc: x@y.example", "jo\n@example.com", "jo@example.com\n", "<jo@example.com>", "jo@example..com",
        "jo@-x.example", ".jo@example.com", "jo.@example.com", "x" * 65 + "@example.com", "jo@" + "a" * 64 + ".com",
        "jo@" + ".".join(["abcdefgh"] * 30), '"jo"@example.com', "jo@[127.0.0.1]", "jo@example.com,al@example.com",
    ],
)  # fmt: skip
def test_addresses_that_are_not(address):
    with pytest.raises(ValueError, match=r".+"):
        check_email(address)


@given(st.text())
def test_no_address_that_is_taken_can_end_a_line_or_a_command(text):
    try:
        kept = check_email(text + "@example.com")
    except ValueError:
        return
    assert kept.isascii()
    assert not set(kept) & set(' \t\r\n<>,;:"\\()')


@pytest.mark.parametrize(
    "url",
    [
        "", "push.example", "ftp://push.example/", "file:///etc/passwd", "gopher://push.example", "https://", "http:///x",
        "https://user:secret@push.example/", "https://push.example/a b", "https://push.example/\r\nX: y",
        "https://push.example:99999/", "https://push.example:0/", "https://[::1", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_urls_that_are_not_taken(url):
    with pytest.raises(ValueError, match=r".+"):
        check_url(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "0.0.0.1", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.1.2.3", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::1", "2001:db8::1",
        "2001:0:a00:1::1", "240.0.0.1", "198.18.0.1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8"]
)
def test_addresses_that_are_public(address):
    assert is_public(address)


def _answers(*addresses: str):
    asked = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return list(addresses)

    resolve.asked = asked
    return resolve


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://2130706433/", "http://0x7f.1/", "http://[::1]:8080/", "http://localhost/",
        "http://[::ffff:127.0.0.1]/", "https://169.254.169.254/latest/meta-data/", "http://0/", "http://127.1/",
    ],
)  # fmt: skip
async def test_no_spelling_of_a_private_address_gets_through(url):
    with pytest.raises((Blocked, socket.gaierror)):
        await aim(url, allow_private=False)


async def test_a_name_with_one_private_address_is_blocked():
    with pytest.raises(Blocked):
        await aim("https://push.example/", allow_private=False, resolver=_answers("8.8.8.8", "10.0.0.1"))


async def test_the_name_is_resolved_once_and_the_address_is_what_is_called():
    resolver = _answers("8.8.8.8")
    target = await aim("https://push.example/t?id=1", allow_private=False, resolver=resolver)
    assert resolver.asked == [("push.example", 443)]
    assert target.url == "https://8.8.8.8:443/t?id=1"
    assert (target.authority, target.host) == ("push.example", "push.example")


async def test_ports_and_ipv6_are_written_right():
    target = await aim("http://push.example:8080", allow_private=False, resolver=_answers("2606:2800::1"))
    assert (target.url, target.authority) == ("http://[2606:2800::1]:8080/", "push.example:8080")


async def test_the_local_run_may_call_this_machine():
    assert (await aim("http://127.0.0.1:9/x", allow_private=True)).address == "127.0.0.1"
