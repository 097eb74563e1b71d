# SPDX-License-Identifier: BSD-2-Clause
"""The graphical consoles of a guest: VNC, SPICE and the card they show, as QEMU's options.

Passwords are not here: they are sent to QEMU's control socket, so that no process list shows them.
"""

from __future__ import annotations

from ganeti.model.parameters.hypervisor import FIRST_VNC_PORT
from ganeti.node.hypervisor.kvm.board import Board
from ganeti.node.hypervisor.kvm.plan import LaunchPlan, escaped, refused

_VNC_BESIDE = "vnc"  # in QEMU's directory
_SPICE_OPTIONS = {
    "spice_image_compression": "image-compression",
    "spice_jpeg_wan_compression": "jpeg-wan-compression",
    "spice_zlib_glz_wan_compression": "zlib-glz-wan-compression",
    "spice_streaming_video": "streaming-video",
}


def graphics(plan: LaunchPlan) -> list[str]:
    """The graphics card: according to ``vga``, or one that suits the console, or none."""
    wanted = plan.parameters
    card = wanted.vga or ("qxl" if wanted.spice_bind else "std" if wanted.vnc_bind_address else "none")
    return ["-vga", card, *(["-k", escaped(wanted.keymap)] if wanted.keymap else [])]


def vnc(plan: LaunchPlan) -> list[str]:
    wanted = plan.parameters
    if not wanted.vnc_bind_address:
        return []
    options = [f"unix:{_VNC_BESIDE}" if plan.beside else _vnc_address(plan)]
    if wanted.vnc_password_file:
        options.append("password=on")
    if wanted.vnc_tls:
        options.append("tls-creds=vnc-tls0")
    return [*_vnc_credentials(plan), "-vnc", ",".join(options)]


def vnc_listener(plan: LaunchPlan) -> dict[str, str] | None:
    """Where the VNC console listens, as QEMU's ``display-update`` takes it (SocketAddress of qapi/sockets.json)."""
    if not plan.parameters.vnc_bind_address:
        return None
    if socket := vnc_socket(plan):
        return {"type": "unix", "path": socket}
    return {"type": "inet", "host": plan.addresses["vnc_bind_address"], "port": str(_port(plan, "vnc_bind_address"))}


def spice(plan: LaunchPlan, board: Board) -> list[str]:
    wanted = plan.parameters
    if not wanted.spice_bind:
        return []
    options = [
        _spice_port(plan),
        f"addr={escaped(plan.addresses['spice_bind'])}",
        *([] if wanted.spice_password_file else ["disable-ticketing=on"]),
        *(["ipv4=on"] if wanted.spice_ip_version == 4 else []),
        *(["ipv6=on"] if wanted.spice_ip_version == 6 else []),
        *(f"{option}={getattr(wanted, name)}" for name, option in _SPICE_OPTIONS.items() if getattr(wanted, name)),
        f"playback-compression={_on_off(wanted.spice_playback_compression)}",
        f"agent-mouse={_on_off(wanted.spice_use_vdagent)}",
    ]
    return ["-spice", ",".join(options), *(_spice_agent(board) if wanted.spice_use_vdagent else [])]


def vnc_socket(plan: LaunchPlan) -> str | None:
    """The socket of the VNC console, if ``vnc_bind_address`` is a directory."""
    directory = plan.parameters.vnc_bind_address
    return f"{plan.paths.under(directory)}/{plan.guest.name}.vnc" if directory.startswith("/") else None


def _vnc_address(plan: LaunchPlan) -> str:
    if socket := vnc_socket(plan):
        return f"unix:{escaped(socket)}"
    address = plan.addresses["vnc_bind_address"]
    host = f"[{address}]" if ":" in address else address
    return f"{escaped(host)}:{_port(plan, 'vnc_bind_address') - FIRST_VNC_PORT}"


def _vnc_credentials(plan: LaunchPlan) -> list[str]:
    wanted = plan.parameters
    if not wanted.vnc_tls:
        return []
    if not wanted.vnc_x509_path:
        return ["-object", "tls-creds-anon,id=vnc-tls0,endpoint=server"]
    verify = _on_off(wanted.vnc_x509_verify)
    directory = plan.file(wanted.vnc_x509_path)
    return ["-object", f"tls-creds-x509,id=vnc-tls0,endpoint=server,dir={directory},verify-peer={verify}"]


def _spice_port(plan: LaunchPlan) -> str:
    port = _port(plan, "spice_bind")
    if not plan.parameters.spice_use_tls:
        return f"port={port}"
    # Ganeti stores the certificate with its key in one file, and its CA's in another.
    own, ca = (escaped(str(path)) for path in (plan.paths.spice_certificate, plan.paths.spice_authority))
    files = f"x509-key-file={own},x509-cert-file={own},x509-cacert-file={ca}"
    ciphers = escaped(plan.parameters.spice_tls_ciphers)
    return f"tls-port={port},{files},tls-ciphers={ciphers},tls-channel=default"


def _spice_agent(board: Board) -> list[str]:
    return [
        "-chardev",
        "spicevmc,id=spice-agent0,name=vdagent",
        "-device",
        f"virtserialport,bus={board.serial_bus()},chardev=spice-agent0,name=com.redhat.spice.0",
    ]


def _port(plan: LaunchPlan, parameter: str) -> int:
    port = plan.guest.network_port
    if port is None or port < FIRST_VNC_PORT:
        raise refused(parameter, f"the instance has no port for its console (network_port is {port})")
    return port


def _on_off(value: bool) -> str:
    return "on" if value else "off"
