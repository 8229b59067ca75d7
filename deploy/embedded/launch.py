"""Become another program that ends when its parent does. Run by path with `python -I -S`; imports nothing of ours.

    launch.py PARENT_PID SIGNAL USER COMMAND...

A program of its own, because what happens between fork and exec must not depend on the locks of a process with
threads. USER is `-` or `uid:gid`. On Linux the kernel sends SIGNAL when the parent dies, even by kill -9.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, orphan_signal: int, user: str, command: list[str]) -> None:
    """Replace this process by the command, with the user's rights and no inherited signal settings."""
    os.umask(0o077)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    if user != "-":
        uid, gid = (int(number) for number in user.split(":"))
        os.setgroups([gid])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After setuid, which clears it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, orphan_signal)
    if os.getppid() != parent:
        sys.exit("the parent process ended before this one began")
    os.execv(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
