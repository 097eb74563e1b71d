# SPDX-License-Identifier: BSD-2-Clause
"""Adding, changing and removing a device of an instance, such as a disk (gnt-instance(8), "modify")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Generic, Literal, Protocol, TypeVar

from msgspec import Meta, Struct

from ganeti.declare.item import Item
from ganeti.declare.parameter import param
from ganeti.declare.types import MOST, Name
from ganeti.errors import WrongInput

_ACTIONS = ("add", "modify", "remove", "attach", "detach")
LAST = -1

Action = Annotated[
    Literal["add", "modify", "remove", "attach", "detach"],
    param("What is done with it", unsupported=("attach", "detach")),
]
Which = Annotated[
    Annotated[int, Meta(ge=LAST, le=MOST)] | Name,
    param("Number, name or UUID of it; -1 is the last one, or a place behind all for one that is added"),
]


class DeviceChange(Struct, frozen=True, array_like=True):
    """On the wire a list: ``["add", -1, {...}]``, or from older clients ``["add", {...}]``, ``[0, {...}]``."""

    noun: ClassVar[str]

    action: Action
    which: Which

    @classmethod
    def written_out(cls, given: Sequence[Any]) -> Sequence[Any]:
        """The complete form."""
        if len(given) != 2:  # the older form has two parts
            return given
        first, values = given
        return (first, LAST, values) if first in _ACTIONS else ("modify", first, values)


class Device(Protocol):
    """A disk or a network card."""

    @property
    def uuid(self) -> str: ...
    @property
    def name(self) -> str | None: ...


D = TypeVar("D", bound=Device)


@dataclass(frozen=True, slots=True)
class Devices(Generic[D]):
    """The devices of an instance, in order; ``noun``: what one is called, ``most``: the maximum number."""

    noun: str
    most: int
    all: tuple[D, ...]

    def new_place(self, which: int | str) -> int:
        """The number that an added device gets. Raises WrongInput."""
        count = len(self.all)
        place = count if which == LAST else which
        if count == self.most:
            raise WrongInput(f"No {self.noun} can be added: an instance has at most {self.most}")
        if not isinstance(place, int) or place > count:
            raise WrongInput(f"A {self.noun} cannot be added as number {which}: the next one is number {count}")
        return place

    def place(self, which: int | str) -> int:
        """The number of an existing device. Raises WrongInput."""
        count = len(self.all)
        if isinstance(which, int):
            found = [count - 1 if which == LAST else which] if which < count and count else []
        else:
            found = [number for number, device in enumerate(self.all) if which in (device.uuid, device.name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise WrongInput(f"There are several {self.noun}s named {which}; give a number or a UUID")
        there = f"there are {count}, counted from 0" if count else "there are none"
        raise WrongInput(f"There is no {self.noun} {which}; {there}")

    def place_of_removed(self, which: int | str, values: Item) -> int:
        """The number of a device to remove, which allows no values. Raises WrongInput."""
        place = self.place(which)
        if given := values.given:
            noun = f"{self.noun[:1].upper()}{self.noun[1:]}"
            raise WrongInput(f"{noun} {which} is to be removed, so it has no {', '.join(given)}")
        return place

    def with_added(self, place: int, device: D) -> Devices[D]:
        return replace(self, all=(*self.all[:place], device, *self.all[place:]))

    def with_changed(self, place: int, device: D) -> Devices[D]:
        return replace(self, all=(*self.all[:place], device, *self.all[place + 1 :]))

    def without(self, place: int) -> Devices[D]:
        return replace(self, all=(*self.all[:place], *self.all[place + 1 :]))


def ensure_names_differ(noun: str, devices: Iterable[Device]) -> None:
    """Raise WrongInput if two would have the same name."""
    times = Counter(device.name for device in devices if device.name)
    if twice := sorted(name for name, count in times.items() if count > 1):
        raise WrongInput(f"Parameter '{noun.lower()}s': two {noun}s would have the name {', '.join(twice)}")
