#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
"""Types at a program on a terminal of its own, and waits for what it says.

on_terminal.py SCRIPT COMMAND...: SCRIPT has one step a line:

  wait TEXT     until the terminal has shown TEXT since the last step of this kind
  type KEYS     with the escapes of Python's strings
  pause S       so many seconds of the host's time
  size R C      the terminal has R rows and C columns
  kill NAME     sends the program a signal

What was shown goes to stdout. At the end the program has to end by itself. Exit
status: the program's, 128 and the signal that has ended it, 99 when TEXT did
not come or the program did not end, 98 when the terminal is not as it was.
"""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PATIENCE = 60


class Terminal:
    def __init__(self, command):
        self.master, self.slave = pty.openpty()
        self.resize(24, 80)
        self.before = termios.tcgetattr(self.slave)
        self.shown = b""
        self.seen = 0
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in 0, 1, 2:
                os.dup2(self.slave, fd)
            os.closerange(3, 64)
            os.execvp(command[0], command)

    def resize(self, rows, cols):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, cols, 0, 0))

    def listen(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            data = os.read(self.master, 65536)
            self.shown += data
            os.write(1, data)

    def wait(self, text):
        end = time.monotonic() + PATIENCE
        while text not in self.shown[self.seen:]:
            if time.monotonic() > end:
                print(f"\nnot shown: {text}", file=sys.stderr)
                os.kill(self.pid, signal.SIGKILL)
                sys.exit(99)
            self.listen(0.1)
        self.seen = self.shown.index(text, self.seen) + len(text)

    def pause(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.listen(0.05)

    def ended(self):
        """Exit status of the program, which must end by itself."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.listen(0.05)
            if pid:
                return status
        os.kill(self.pid, signal.SIGKILL)
        sys.exit(99)

    def is_as_before(self):
        # Whoever was killed has somebody who does it a little later.
        for _ in range(100):
            if termios.tcgetattr(self.slave) == self.before:
                return True
            time.sleep(0.05)
        return False


def main():
    with open(sys.argv[1], encoding="ascii") as f:
        steps = [line.rstrip("\n").partition(" ") for line in f if line.strip()]
    term = Terminal(sys.argv[2:])
    for verb, _, arg in steps:
        if verb == "wait":
            term.wait(arg.encode())
        elif verb == "type":
            os.write(term.master, arg.encode().decode("unicode_escape").encode("latin1"))
        elif verb == "pause":
            term.pause(float(arg))
        elif verb == "size":
            term.resize(*map(int, arg.split()))
        elif verb == "kill":
            os.kill(term.pid, getattr(signal, arg))
        else:
            sys.exit(f"unknown step {verb}")
    status = term.ended()
    if not term.is_as_before():
        print("\nthe terminal is not as it was", file=sys.stderr)
        sys.exit(98)
    if os.WIFSIGNALED(status):
        sys.exit(128 + os.WTERMSIG(status))
    sys.exit(os.WEXITSTATUS(status))


main()
