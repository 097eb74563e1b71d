# SPDX-License-Identifier: BSD-2-Clause
"""The syntax of values on a command line.

Sizes, key=value lists and identified key=value lists are written as in gnt-instance(8) and ganeti(7).
``where`` begins the text of an error: "Parameter 'size'", "--disk".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ganeti.errors import WrongInput

# Without flags, so that the remote API's description can contain it.
SIZE_PATTERN = r"^\s*([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*(?:([mMgGtT])(?:[iI]?[bB])?)?\s*\Z"
_SIZE = re.compile(SIZE_PATTERN, re.ASCII)
_AGE = re.compile(r"([0-9]{1,12})([smhdw]?)", re.ASCII)
_NUMBERS = {
    int: (re.compile(r"[+-]?[0-9]{1,30}", re.ASCII), "a whole number"),
    float: (re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?(e[+-]?[0-9]{1,2})?", re.ASCII), "a number"),
}
_UNITS = {"": 1, "m": 1, "g": 1024, "t": 1024**2}  # MiB; a bare number is in MiB
_TRUE = {"yes", "true", "on"}
_FALSE = {"no", "false", "off"}

# The effect of the value "default": the parameter's own setting is removed, the inherited one applies again.
RESET = "default"

_SHOWN = 60  # characters


def shortened(given: str) -> str:
    """The given value, truncated for a message."""
    return given if len(given) <= _SHOWN else f"{given[:_SHOWN]}..."


def parse_size(text: str, where: str) -> int:
    """``1.5g`` → 1536. A size in MiB, rounded up to a multiple of 4, LVM's smallest extent size."""
    return -(-parse_mib(text, where) // 4) * 4


def parse_mib(text: str, where: str) -> int:
    """``1.5g`` → 1536. MiB, rounded up, as of a size."""
    match = _SIZE.match(text)
    if not match:
        raise WrongInput(
            f"{where}: '{shortened(text)}' is not a size; give MiB or a number with a unit, "
            "such as 512, 512m, 1.5g or 2t"
        )
    return round(float(match[1]) * _UNITS[(match[2] or "").lower()] + 0.4999)


def parse_bool(text: str, where: str) -> bool:
    """``yes``/``no``, ``true``/``false``, ``on``/``off``."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise WrongInput(f"{where}: '{shortened(text)}' is neither yes nor no")


def parse_number(text: str, where: str, *, kind: type[int | float] = int) -> int | float:
    """A whole or decimal number."""
    form, what = _NUMBERS[kind]
    if not form.fullmatch(text.strip().lower()):
        raise WrongInput(f"{where}: '{shortened(text)}' is not {what}")
    return kind(text)


def parse_keyval(text: str, where: str) -> dict[str, Any]:
    """``maxmem=1g,no_acpi,-vcpus`` → ``{"maxmem": "1g", "acpi": False, "vcpus": RESET}``.

    A backslash escapes a comma. A bare key means yes, ``no_key`` no, ``-key`` the default.
    """
    values: dict[str, Any] = {}
    for part in _split(text, ","):
        key, equals, value = part.partition("=")
        if equals:
            pair: tuple[str, Any] = (key, value)
        elif key.startswith("no_"):
            pair = (key[3:], False)
        elif key.startswith("-"):
            pair = (key[1:], RESET)
        else:
            pair = (key, True)
        if not pair[0]:
            raise WrongInput(f"{where}: '{shortened(text)}' is not a list of key=value")
        if pair[0] in values:
            raise WrongInput(f"{where}: '{pair[0]}' is given twice in '{shortened(text)}'")
        values[pair[0]] = pair[1]
    return values


def parse_identkeyval(text: str, where: str) -> tuple[str, dict[str, Any]]:
    """``0:size=1g,mode=ro`` → ``("0", {"size": "1g", "mode": "ro"})``; ``kvm`` → ``("kvm", {})``."""
    ident, colon, rest = text.partition(":")
    if not ident or "=" in ident:
        raise WrongInput(f"{where}: '{shortened(text)}' must begin with an identifier and a colon, as in kvm:vga=std")
    return ident, parse_keyval(rest, where) if colon and rest else {}


def parse_json(text: str, where: str) -> Any:
    """Any value of JSON."""
    import json  # noqa: PLC0415 - few options are

    try:
        return json.loads(text)
    except ValueError as error:
        raise WrongInput(f"{where}: '{shortened(text)}' is not JSON: {error}") from None
    except RecursionError:
        raise WrongInput(f"{where}: too many lists and objects stand in one another") from None


def parse_list(text: str) -> list[str]:
    """``a,b`` → ``["a", "b"]``; an empty string is an empty list."""
    return [part.strip() for part in _split(text, ",") if part.strip()]


def format_size(mib: float, unit: str = "h") -> str:
    """A size in MiB for display: with a suitable unit (``h``), or a fixed one (``m``, ``g``, ``t``)."""
    if unit == "m" or (unit == "h" and mib < 1024):
        return f"{round(mib)}{'M' if unit == 'h' else ''}"
    if unit == "g" or (unit == "h" and mib < 1024**2):
        return f"{mib / 1024:.1f}{'G' if unit == 'h' else ''}"
    return f"{mib / 1024**2:.1f}{'T' if unit == 'h' else ''}"


def counted(number: int, noun: str) -> str:
    """``1 disk``, ``2 disks``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def parse_age(text: str, where: str) -> float:
    """``30``, ``15m``, ``4h``, ``1d``, ``1w`` → seconds."""
    match = _AGE.fullmatch(text)
    if not match:
        raise WrongInput(f"{where}: '{shortened(text)}' is not an age such as 30s, 15m, 4h, 1d or 1w")
    return int(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[match[2]]


def _split(text: str, separator: str) -> list[str]:
    parts = re.split(rf"(?<!\\){re.escape(separator)}", text)
    return [part.replace("\\" + separator, separator) for part in parts if part]


def meant(given: str, known: Iterable[str]) -> str:
    """The suggestion for an unknown name: a similar one; empty if there is none."""
    import difflib  # noqa: PLC0415 - only when something is wrong

    near = difflib.get_close_matches(shortened(given), known, 1)
    return f"; did you mean '{near[0]}'?" if near else ""
