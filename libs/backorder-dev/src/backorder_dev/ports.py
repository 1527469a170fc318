"""Ports on the loopback interface, chosen so that nobody takes them while a server is down for a restart."""

from __future__ import annotations

import os
import random
import socket

import psutil

LOOPBACK = "127.0.0.1"

# Below the range from which operating systems hand out local ports of outgoing connections. Inside that
# range a client that reconnects to a dead server can be given the server's own port, and blocks it.
_FIRST, _LAST = 10_240, 29_999
# Processes that were started together have neighbouring ids, and each chooses among other ports: else one could take
# that of a server which another has just killed and will start again.
_APART = 16
_ATTEMPTS = 200
_REMEMBERED = 400
_given: set[int] = set()  # whoever asked for one may not listen there yet


def is_free(port: int) -> bool:
    """Tell whether a server could listen on `port` of the loopback interface at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no obstacle
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a port on which nobody listens, and which this process was not given before.

    Nothing reserves it: whoever starts a server there must be ready to try another one.

    Raises:
        OSError: no free port was found.
    """
    for _ in range(_ATTEMPTS):
        port = random.randrange(_FIRST + os.getpid() % _APART, _LAST + 1, _APART)  # noqa: S311 - guards nothing
        if port not in _given and is_free(port):
            if len(_given) >= _REMEMBERED:
                _given.clear()
            _given.add(port)
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def listens(pid: int, port: int) -> bool:
    """Tell whether it is this process that listens on `port`; true as well when the system will not say."""
    try:
        connections = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
    return any(each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port for each in connections)
