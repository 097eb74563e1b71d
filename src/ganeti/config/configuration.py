# SPDX-License-Identifier: BSD-2-Clause
"""The cluster's configuration while the master daemon runs.

``state`` is what is durable; whoever reads it holds a value that never changes. A change is a
transaction: objects to put, objects to delete, made from the ones in ``state``. It is atomic, and refused if one of its
objects has been changed by another transaction meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from ganeti.config.journal import Journal
from ganeti.config.reading import read
from ganeti.config.store import UNREADABLE, Store
from ganeti.errors import WrongState
from ganeti.host.clock import Clock
from ganeti.model.entity import Entity, evolve
from ganeti.model.state import State
from ganeti.rpc.contract.store import Record

E = TypeVar("E", bound=Entity)

_encoder = msgspec.json.Encoder()

# Called with the new state, the objects that were put, and those that were deleted.
Subscriber = Callable[[State, Sequence[Entity], Sequence[Entity]], None]


class Configuration:
    """Reads the state from a store, and changes it through a journal.

    ``state_revision`` is the revision of ``state``; that of the journal is ahead while it ships a change.
    """

    def __init__(self, store: Store, journal: Journal, clock: Clock) -> None:
        reading = read(store)
        self.state = reading.state
        self.problems = reading.problems
        self._partly = reading.partly
        self._head = self.state  # including transactions that are still being written
        self._journal = journal
        self.state_revision = journal.revision
        self._clock = clock
        self._subscribers: list[Subscriber] = []
        # What was built on a transaction that could not be written fails with it.
        journal.on_failure = self._forget_head

    @property
    def revision(self) -> int:
        return self._journal.revision

    def subscribe(self, subscriber: Subscriber) -> None:
        self._subscribers.append(subscriber)

    async def commit(
        self, puts: Iterable[Entity] = (), deletes: Iterable[Entity] = (), also: Iterable[Record] = ()
    ) -> None:
        """Carry out a transaction; when this returns, it is durable and visible in ``state``.

        ``also``: other records to be written with it, all or none. Serial numbers and times of the
        objects are set here. Raises WrongState if an object was changed meanwhile, NotUnique for a name
        or MAC address that is taken, StoreFailed.
        """
        self._journal.ensure_open()  # before anything is built on what is changed here
        stamped = [self._stamped(entity) for entity in puts]
        gone = [self._current(entity) for entity in deletes]
        head = self._head = self._head.changed(stamped, gone)
        removed = [Record(entity.kind, entity.uuid) for entity in gone]
        await self._journal.append([*map(record_of, stamped), *removed, *self._kept(stamped, gone), *also])
        self.state, self.state_revision = head, self._journal.revision
        for subscriber in self._subscribers:
            subscriber(head, stamped, gone)

    def _kept(self, *changed: Iterable[Entity]) -> list[Record]:
        """The original records of changed objects that could only be read in part."""
        found = [
            self._partly[entity.uuid] for entities in changed for entity in entities if entity.uuid in self._partly
        ]
        return [Record(UNREADABLE, f"{record.kind}/{record.key}", record.body) for record in found]

    def _forget_head(self) -> None:
        self._head = self.state

    def _stamped(self, entity: E) -> E:
        now = self._clock.now()
        if not self._head.has(entity):
            return evolve(entity, serial_no=1, ctime=now, mtime=now)
        self._current(entity)
        return evolve(entity, serial_no=entity.serial_no + 1, mtime=now)

    def _current(self, entity: E) -> E:
        if not self._head.has(entity):
            raise WrongState(f"The {entity.kind} '{entity.name}' was removed in the meantime")
        current = self._head.get(type(entity), entity.uuid)
        if current.serial_no != entity.serial_no:
            raise WrongState(f"The {entity.kind} '{entity.name}' was changed in the meantime; try again")
        return current


def read_state(store: Store) -> State:
    """The state that a store holds, as far as it can be read."""
    return read(store).state


def record_of(entity: Entity) -> Record:
    return Record(entity.kind, entity.uuid, msgspec.Raw(_encoder.encode(entity)))
