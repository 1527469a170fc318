"""Run a program as an ordinary user though we are root, since PostgreSQL refuses to serve as root.

Run as a script: `unprivileged.py UID GID PROGRAM ARGUMENT…`; the program takes over this very process, so its
id is the one that the parent knows. Nobody else's file modes or owners change. Where the ordinary user may not
enter the folders above the program or its data (a root user's home, say), the program keeps one power of root
on Linux: to pass file permissions.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys
from pathlib import Path

_NOBODY = "nobody"
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


def user_for_server() -> pwd.struct_passwd | None:
    """The user that a server has to run as; None when our own will do."""
    return pwd.getpwnam(_NOBODY) if os.geteuid() == 0 else None


def prefix_for(user: pwd.struct_passwd | None) -> list[str]:
    """What to put before a command so that it runs as `user`."""
    if user is None:
        return []
    return [sys.executable, "-I", "-S", str(Path(__file__).resolve()), str(user.pw_uid), str(user.pw_gid)]


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Capabilities(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def _become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _become_passing_permissions(uid: int, gid: int) -> None:
    """Change the user, but keep CAP_DAC_OVERRIDE across the exec, as an ambient capability."""
    libc = ctypes.CDLL(None, use_errno=True)

    def call(name: str, *arguments: object) -> None:
        if getattr(libc, name)(*arguments) != 0:
            raise OSError(ctypes.get_errno(), f"{name} failed")

    call("prctl", _PR_SET_KEEPCAPS, 1, 0, 0, 0)
    _become(uid, gid)
    bit = 1 << _CAP_DAC_OVERRIDE
    data = (_Capabilities * 2)(_Capabilities(bit, bit, bit), _Capabilities(0, 0, 0))
    call("capset", ctypes.byref(_Header(_CAPABILITY_VERSION_3, 0)), data)
    call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


def _reachable(uid: int, gid: int, paths: list[str]) -> bool:
    """Whether an ordinary user can read these paths; asked in a child, which alone changes its user."""
    pid = os.fork()
    if pid == 0:
        _become(uid, gid)
        os._exit(0 if all(os.access(path, os.R_OK) for path in paths) else 1)
    return os.waitpid(pid, 0)[1] == 0


def _main() -> None:
    uid, gid, program, *arguments = sys.argv[1:]
    paths = [program, *(each for each in arguments if each.startswith("/"))]
    if _reachable(int(uid), int(gid), paths) or not sys.platform.startswith("linux"):
        _become(int(uid), int(gid))
    else:
        _become_passing_permissions(int(uid), int(gid))
    os.execv(program, [program, *arguments])  # noqa: S606 - the command that our parent chose


if __name__ == "__main__":
    _main()
