# SPDX-License-Identifier: BSD-2-Clause
"""``./run simulate --seeds A-B``: bad weather over many seeds, on all cores; the seeds that fail are printed."""

import argparse
import gc
import logging
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.simulation import mastership, storm, tempest, vigil

_NICE = 19
_KINDS = {"storm": storm.survive, "tempest": tempest.survive, "mastership": mastership.survive, "vigil": vigil.survive}
_MEMORY = Path("/dev/shm")


def seeds(text):
    """``A-B``, both of them included; or one."""
    first, _, last = text.partition("-")
    try:
        found = range(int(first), int(last or first) + 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not like 1000-1999") from None
    if not found:
        raise argparse.ArgumentTypeError(f"'{text}' is empty")
    return found


def outcome(kind, seed):
    """What was wrong after the storm or tempest of a seed; nothing if all was well."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as directory:
        try:
            _KINDS[kind](Path(directory), seed)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told with the seed
            return f"{type(error).__name__}: {error}" if str(error) else f"{type(error).__name__} at {place(error)}"
    return ""


def place(error):
    """Where it was raised."""
    trace = error.__traceback__
    while trace.tb_next:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def retire():
    """In each process: what masters and nodes log is of no use here, and the machine has other things to do."""
    logging.disable()
    gc.freeze()  # what is imported stays
    os.nice(_NICE)


def main():
    parser = argparse.ArgumentParser(prog="./run simulate", description=__doc__)
    parser.add_argument("--seeds", type=seeds, default="0-99", metavar="A-B", help="0-99 if not given")
    parser.add_argument("--kind", choices=_KINDS, action="append", help="all if not given")
    options = parser.parse_args()
    chosen = [(kind, seed) for seed in options.seeds for kind in options.kind or _KINDS]
    failed = []
    with ProcessPoolExecutor(initializer=retire) as pool:
        histories = {pool.submit(outcome, *one): one for one in chosen}
        for done, history in enumerate(as_completed(histories), 1):
            if wrong := history.result():
                failed.append(histories[history])
                print(f"{' '.join(map(str, histories[history]))}: {wrong}", flush=True)
            elif done % 100 == 0:
                print(f"{done} of {len(chosen)}, {len(failed)} failed", file=sys.stderr, flush=True)
    named = ", ".join(f"{kind} {seed}" for kind, seed in sorted(failed))
    print(f"{len(chosen)} histories, {len(failed)} failed{': ' if failed else ''}{named}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
