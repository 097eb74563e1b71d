# SPDX-License-Identifier: BSD-2-Clause
"""Reading what earlier versions of the software have written.

``STEPS`` turns the records of one format into those of the next. A step works on plain JSON values, so
it goes on working when the classes of the model change. Each format has a file in
``tests/golden/store`` that the tests read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ganeti.config.format_1 import to_format_2
from ganeti.config.store import FORMAT, Store
from ganeti.errors import StoreFailed
from ganeti.rpc.contract.store import Position, Record


def _unchanged(records: Sequence[Record]) -> Sequence[Record]:
    return records


# From the format that is the key to the next one. Software that only knows format 2 knows no networks: it would
# connect NICs that are in a network to the cluster's default bridge. Software that knows format 3 alone knows no
# forthcoming instances: it would take them for some whose disks are lost. Software that knows format 4 alone would not
# start guests whose CPU model is that of their group, and limits no disks.
STEPS: dict[int, Callable[[Sequence[Record]], Sequence[Record]]] = {
    1: to_format_2,
    2: _unchanged,
    3: _unchanged,
    4: _unchanged,
}


async def upgrade(store: Store) -> bool:
    """Upgrade a store to the present format; returns whether there was something to do.

    Raises StoreFailed for a format of newer software, or if writing fails; the store is unchanged then.
    """
    position = store.position()
    if position.format > FORMAT:
        raise StoreFailed(
            f"The cluster's state has format {position.format}, this version of the software knows up to "
            f"{FORMAT}; upgrade the software on this node"
        )
    if position.format in (0, FORMAT):
        return False
    records: Sequence[Record] = store.all()
    for form in range(position.format, FORMAT):
        records = STEPS[form](records)
    await store.replace(Position(FORMAT, position.revision + 1), records)
    return True
