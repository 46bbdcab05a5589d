"""Calls a program and measures it and the children that it waits for."""

import subprocess
import sys
import tempfile

# A small process between us and the program: a child's peak memory counts that of the process it was forked from.
LAUNCHER = """
import os, sys
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], "w") as report:
    print(os.waitstatus_to_exitcode(status), usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, file=report)
"""


def call(program, *args, stdin=b""):
    """Exit code, stdout, stderr, MiB at the peak, seconds of CPU time: those of the clock depend on who else uses the machine."""
    with tempfile.NamedTemporaryFile("r") as report:
        launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, report.name, str(program)]
        done = subprocess.run([*launcher, *map(str, args)], input=stdin, capture_output=True, check=True)
        status, memory, seconds = report.read().split()
    return int(status), done.stdout.decode(), done.stderr.decode(), float(memory), float(seconds)
