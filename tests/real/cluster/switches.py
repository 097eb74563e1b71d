# SPDX-License-Identifier: BSD-2-Clause
"""The power of machines of the lab: for each a directory, with what its controller wants and what the machine is."""

import threading
from contextlib import contextmanager

from ganeti.lab import pidlock


class Switches(threading.Thread):
    """The lab's power, as the controllers want it."""

    def __init__(self, lab):
        super().__init__()
        self._lab, self._end = lab, threading.Event()
        self._places = {name: lab.plan.shared / "power" / name for name in ("node2", "node3")}
        for place in self._places.values():
            place.mkdir(parents=True)
            (place / "wanted").write_text("on\n")
            (place / "is").write_text("on\n")

    def run(self):
        while not self._end.wait(0.1):
            for name, place in self._places.items():
                wanted, node = (place / "wanted").read_text().strip(), self._lab.node(name)
                if not wanted or wanted == (place / "is").read_text().strip():
                    continue
                if wanted == "on":
                    node.boot().wait()
                else:
                    node.kill()
                (place / "is").write_text(f"{wanted}\n")

    def has_power(self, name):
        return pidlock.holder(self._lab.plan.lock(name)) is not None

    def end(self):
        self._end.set()
        self.join()


@contextmanager
def switches(lab):
    made = Switches(lab)
    made.start()
    try:
        yield made
    finally:
        made.end()
