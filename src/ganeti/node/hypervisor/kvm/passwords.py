# SPDX-License-Identifier: BSD-2-Clause
"""Passwords of graphical consoles, which are in files on the node."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.node.hypervisor.kvm.plan import LaunchPlan, refused

# Maximum lengths of the protocols: RFC 6143, section 7.2.2, and SPICE's SPICE_MAX_PASSWORD_LENGTH.
_LONGEST = {"vnc": 8, "spice": 60}


def passwords(plan: LaunchPlan) -> Iterator[tuple[str, str]]:
    """(protocol, password) of each console that has one. Raises WrongInput, naming the parameter."""
    wanted = plan.parameters
    if wanted.vnc_bind_address and wanted.vnc_password_file:
        yield "vnc", _password(plan, "vnc", wanted.vnc_password_file)
    if wanted.spice_bind and wanted.spice_password_file:
        yield "spice", _password(plan, "spice", wanted.spice_password_file)


def _password(plan: LaunchPlan, protocol: str, file: str) -> str:
    parameter, path, longest = f"{protocol}_password_file", plan.paths.under(file), _LONGEST[protocol]
    try:
        password = path.read_bytes().decode("ascii").strip()
    except FileNotFoundError:
        raise refused(parameter, f"there is no {path} on this node") from None
    except OSError as error:
        raise refused(parameter, f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise refused(parameter, f"{path} has other characters than ASCII ones, on which consoles differ") from None
    if not password:
        raise refused(parameter, f"{path} is empty, so that anybody could get in")
    if len(password) > longest:
        what = f"the password in {path} has {len(password)} characters, and {protocol.upper()} uses {longest} at most"
        raise refused(parameter, f"{what}; shorten it, the rest would not count")
    return password
