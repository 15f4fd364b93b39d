"""What the benchmarks share: commands in interleaved pairs, their CPU and wall time, and reports.

Each row compares two commands in pairs (A B, B A, A B, ...), so that a machine that slows down slows
down both, and takes the medians. CPU time (user and system, of the command and of everything it
started and waited for) decides, wall time is reported.
"""

import collections
import dataclasses
import os
import pathlib
import statistics
import subprocess
import sys
import time

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent

Usage = collections.namedtuple("Usage", "cpu wall")


@dataclasses.dataclass
class Command:
    """Programs to run one after the other, and what to prepare before, which is not measured."""

    steps: list
    directory: pathlib.Path
    environment: dict
    prepare: object = lambda: None


def run(command):
    """Runs a command; the sums of CPU time and wall time in seconds."""
    command.prepare()
    cpu = wall = 0
    for arguments, extra in command.steps:
        start = time.monotonic()
        process = subprocess.Popen(
            [str(argument) for argument in arguments],
            cwd=command.directory,
            env={**os.environ, **command.environment, **extra},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        wall += time.monotonic() - start
        cpu += usage.ru_utime + usage.ru_stime
        if process.returncode != 0:
            sys.stderr.buffer.write(output)
            raise SystemExit(
                f"`{' '.join(map(str, arguments))}` ended with {process.returncode}"
            )
    return Usage(cpu, wall)


# A process starts with the peak of the one it was forked from, so the peak is taken by a parent
# that is small itself. It prints what is measured behind the command's own output.
SMALL_PARENT = """
import os, sys, time
start = time.monotonic()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
wall = time.monotonic() - start
print("measured", usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime, wall)
sys.exit(os.waitstatus_to_exitcode(status) and 1)
"""


def peak(arguments, directory, environment):
    """Runs one program; its highest memory use in bytes, its CPU time and wall time in seconds."""
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", SMALL_PARENT, *map(str, arguments)],
        cwd=directory,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{done.stdout}{done.stderr}`{arguments[0]}` failed")
    fields = done.stdout.rstrip().splitlines()[-1].split()
    return int(fields[1]), float(fields[2]), float(fields[3])


def pairs(ours, theirs, count, warm=True):
    """Runs both `count` times, in alternating order; if warm, after one run that is not counted."""
    if warm:
        run(ours), run(theirs)
    measured = ([], [])
    for index in range(count):
        for side in (0, 1) if index % 2 == 0 else (1, 0):
            measured[side].append(run((ours, theirs)[side]))
    return measured


def median(measured, field):
    return statistics.median(getattr(usage, field) for usage in measured)


class Bench:
    """Rows of one run: where they work, and which were missed."""

    def __init__(self, options, scratch):
        self.polyarch = pathlib.Path(options.polyarch).resolve()
        self.jobs = options.jobs
        self.count = options.pairs
        self.scratch = scratch
        self.missed = []
        self.fresh = 0

    def directory(self, name):
        """A new empty directory."""
        self.fresh += 1
        directory = self.scratch / f"{self.fresh}-{name}"
        directory.mkdir(parents=True)
        return directory

    def report(self, row, ours, theirs, allowed, name):
        """Prints a row: medians, their ratio, and whether ours stays within what is allowed."""
        cpu = [median(side, "cpu") for side in (ours, theirs)]
        wall = [median(side, "wall") for side in (ours, theirs)]
        ratio = cpu[0] / cpu[1] if cpu[1] else float("inf")
        held = cpu[0] <= allowed
        print(
            f"{row:<28} CPU {seconds(cpu[0])} against {seconds(cpu[1])} ({name}), ratio {ratio:.3f}, "
            f"at most {seconds(allowed)}: {'held' if held else 'MISSED'}; "
            f"wall {seconds(wall[0])} against {seconds(wall[1])}",
            flush=True,
        )
        if not held:
            self.missed.append(row)

    def share(self, row, measured, most):
        """Prints a row: wall time against CPU time by cores."""
        cpu, wall = (median(measured, field) for field in ("cpu", "wall"))
        share = cpu / self.jobs
        held = wall <= most * share
        print(
            f"{row:<28} wall {seconds(wall)}, CPU by cores {seconds(share)}, ratio {wall / share:.3f}, "
            f"at most {most:.3f}: {'held' if held else 'MISSED'}",
            flush=True,
        )
        if not held:
            self.missed.append(row)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def seconds(value):
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.1f} ms"
