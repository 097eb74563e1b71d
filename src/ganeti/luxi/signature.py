# SPDX-License-Identifier: BSD-2-Clause
"""The signature of a method: its arguments, positional on the wire, are decoded into the types that it declares."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, get_type_hints

import msgspec

from ganeti.declare.decode import decode
from ganeti.errors import WrongInput

Method = Callable[..., Awaitable[Any]]


def typed(method: Method, name: str) -> Method:
    """The method, to be called with arguments as received.

    Raises WrongInput for too many or too few, and for one of a wrong type, which it names.
    """
    hints = get_type_hints(method, include_extras=True)
    parameters = inspect.signature(method).parameters.values()
    names = [parameter.name for parameter in parameters]
    least = sum(parameter.default is parameter.empty for parameter in parameters)
    taken = msgspec.defstruct(
        name,
        [(p.name, hints[p.name]) if p.default is p.empty else (p.name, hints[p.name], p.default) for p in parameters],
        frozen=True,
        forbid_unknown_fields=True,
    )

    @wraps(method)
    async def called(*given: Any) -> Any:
        if not least <= len(given) <= len(names):
            wanted = f"{least}" if least == len(names) else f"{least} to {len(names)}"
            told = f" ({', '.join(names)})" if names else ""
            raise WrongInput(f"{name} takes {wanted} argument(s){told}, not {len(given)}")
        arguments = decode(dict(zip(names, given, strict=False)), taken, name)
        return await method(*(getattr(arguments, one) for one in names))

    return called
