# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of guests, by hypervisor."""

from __future__ import annotations

import ipaddress
import re
import shlex
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from ganeti.declare.parameter import param
from ganeti.declare.types import MOST_DISKS, AbsolutePath, NonNegative, Positive, Size, Text, form
from ganeti.errors import WrongInput

FIRST_VNC_PORT = 5900  # display 0 of VNC; network_port is at least this

# Valid names of network interfaces (Linux, dev_valid_name); a name is not an address.
_INTERFACE = re.compile(r"[A-Za-z0-9_.@-]{1,15}")

_Port = Annotated[int, Meta(ge=1, le=65535)]


_Program = Annotated[str, form(r"/[^\x00-\x1f]+", "the absolute path of a program")]
_User = Annotated[str, form(r"|[a-z_][a-z0-9_-]{0,31}", "the name of a user")]
_CpuType = Annotated[str, form(r"|[A-Za-z0-9][\w.+=,:-]*", "a CPU model such as 'host' or 'Skylake-Server,+ssse3'")]
_Machine = Annotated[str, form(r"|[a-z0-9][\w.+-]*", "a machine type such as 'q35' or 'pc-q35-7.2'")]
_Capabilities = Annotated[
    str, form(r"|[a-z][a-z0-9-]*(:[a-z][a-z0-9-]*)*", "names of migration capabilities, separated by colons")
]
_MASK = r"(all|\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*)"
_CpuMask = Annotated[
    str, form(rf"{_MASK}(:{_MASK})*", "'all', or numbers such as '0-3,8', or one list a vCPU: '0:1-2'")
]
_CARD = "(ac97|es1370|hda|sb16|adlib|cs4231a|gus)"
_SoundCards = Annotated[
    str, form(rf"|all|{_CARD}(,{_CARD})*", "'all', or some of ac97, es1370, hda, sb16, adlib, cs4231a, gus")
]
# The keyboard layouts that QEMU ships.
# fmt: off
_Keymap = Literal[
    "", "ar", "bepo", "cz", "da", "de", "de-ch", "en-gb", "en-us", "es", "et", "fi", "fo", "fr", "fr-be", "fr-ca",
    "fr-ch", "hr", "hu", "is", "it", "ja", "lt", "lv", "mk", "nl", "no", "pl", "pt", "pt-br", "ru", "sl", "sv",
    "th", "tr",
]
# fmt: on
_WanCompression = Literal["", "auto", "never", "always"]
_MaxVcpus = Annotated[int, Meta(ge=0, le=255)]  # APIC IDs of eight bits
_Queues = Annotated[int, Meta(ge=1, le=8)]  # gnt-instance(8)
_IoThreads = Annotated[int, Meta(ge=0, le=MOST_DISKS)]  # each disk is on one
_MAX_VCPUS = "Number of vcpus that the guest can have without a restart; 0 for those that it is started with"
_MOST_MEMORY = 16 * 1024**2  # MiB
_MAX_MEMORY = "Size of maxmem that the guest can have without a restart, MiB; 0 for that which it is started with"
MigrationMode = Literal["live", "non-live"]
HypervisorName = Literal["chroot", "fake", "kvm", "lxc", "xen-hvm", "xen-pvm"]


class FakeParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of simulated guests, for tests and for trying out a cluster."""

    max_memory: Annotated[Size, param(_MAX_MEMORY)] = 0
    max_vcpus: Annotated[_MaxVcpus, param(_MAX_VCPUS)] = 0
    migration_mode: Annotated[MigrationMode, param("Default migration mode", at_once=True)] = "live"


# Types of disks that a guest accesses past QEMU.
PASSED_THROUGH = frozenset({"scsi-block", "scsi-generic"})


class KvmParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names and defaults as in gnt-instance(8)."""

    acpi: Annotated[bool, param("Emulate ACPI; needed for a clean shutdown of the guest")] = True
    boot_order: Annotated[
        Literal["disk", "cdrom", "network", "floppy"],
        param("Boot device when kernel_path is empty"),
    ] = "disk"
    cdrom2_image_path: Annotated[AbsolutePath, param("CD-ROM image of the second drive", reaches="path")] = ""
    cdrom_disk_type: Annotated[
        Literal["", "paravirtual", "ide", "scsi"],
        param("Bus of the CD-ROM drives; empty for IDE (SATA on q35)"),
    ] = ""
    cdrom_image_path: Annotated[AbsolutePath, param("CD-ROM image", reaches="path")] = ""
    cpu_cores: Annotated[NonNegative, param("CPU cores per socket; 0 leaves it to QEMU")] = 0
    cpu_mask: Annotated[
        _CpuMask, param("CPU pinning: 'all', '0-3', or a list for each virtual CPU, separated by colons")
    ] = "all"
    cpu_sockets: Annotated[NonNegative, param("CPU sockets; 0 leaves it to QEMU")] = 0
    cpu_threads: Annotated[NonNegative, param("CPU threads per core; 0 leaves it to QEMU")] = 0
    cpu_type: Annotated[
        _CpuType, param("CPU model, such as 'host'; 'group' for its node group's; empty for QEMU's own")
    ] = ""
    disk_aio: Annotated[Literal["threads", "native", "io_uring"], param("Asynchronous I/O mode of the disks")] = (
        "threads"
    )
    disk_cache: Annotated[Literal["default", "none", "writethrough", "writeback"], param("Cache mode of the disks")] = (
        "default"
    )
    disk_discard: Annotated[Literal["default", "ignore", "unmap"], param("Handling of discard requests")] = "default"
    disk_iothreads: Annotated[
        _IoThreads, param("Number of threads of QEMU that the disks share for their I/O; 0 for its main one")
    ] = 0
    disk_type: Annotated[
        Literal["paravirtual", "scsi-hd", "scsi-block", "scsi-generic", "scsi", "ide", "sd", "mtd", "pflash"],
        param("Disk type presented to the guest", unsupported=("mtd", "pflash")),
    ] = "paravirtual"
    firmware: Annotated[
        Literal["bios", "uefi"], param("Firmware of the guest: SeaBIOS, or OVMF with variables of its own")
    ] = "bios"
    floppy_image_path: Annotated[AbsolutePath, param("Floppy disk image", reaches="path")] = ""
    initrd_path: Annotated[AbsolutePath, param("Path of the initrd on the node, with kernel_path", reaches="path")] = ""
    kernel_args: Annotated[Text, param("Kernel command line, with kernel_path")] = "ro"
    kernel_path: Annotated[
        AbsolutePath, param("Path of the kernel on the node; empty to boot from boot_order", reaches="path")
    ] = "/boot/vmlinuz-3-kvmU"
    keymap: Annotated[_Keymap, param("Keyboard layout of the VNC console")] = ""
    kvm_extra: Annotated[Text, param("Additional QEMU arguments", reaches="arguments")] = ""
    kvm_flag: Annotated[
        Literal["", "enabled", "disabled"],
        param("Hardware virtualisation: 'enabled', 'disabled' (emulation), or empty for what works here"),
    ] = ""
    kvm_path: Annotated[_Program, param("Path of the QEMU binary", reaches="program")] = "/usr/bin/kvm"
    kvm_pci_reservations: Annotated[NonNegative, param("Slots reserved for hot-plugged devices")] = 12
    machine_version: Annotated[_Machine, param("QEMU machine type, such as 'pc' or 'pc-q35-7.2'; empty for q35")] = ""
    max_memory: Annotated[Size, param(_MAX_MEMORY)] = 0
    max_vcpus: Annotated[_MaxVcpus, param(_MAX_VCPUS)] = 0
    mem_path: Annotated[AbsolutePath, param("Mount point of hugetlbfs to allocate memory from", reaches="path")] = ""
    migration_bandwidth: Annotated[Positive, param("Maximum bandwidth of a migration, MiB/s", at_once=True)] = 32
    migration_caps: Annotated[
        _Capabilities, param("QEMU migration capabilities to enable, separated by colons", at_once=True)
    ] = ""
    migration_downtime: Annotated[Positive, param("Maximum downtime of a live migration, ms", at_once=True)] = 30
    migration_mode: Annotated[MigrationMode, param("Default migration mode", at_once=True)] = "live"
    migration_port: Annotated[_Port, param("First TCP port used for migrations", at_once=True)] = 8102
    nic_type: Annotated[
        Literal["paravirtual", "e1000", "e1000e", "i82551", "i82557b", "i82559er", "ne2k_pci", "pcnet", "rtl8139"],
        param("NIC type presented to the guest"),
    ] = "paravirtual"
    reboot_behavior: Annotated[Literal["reboot", "exit"], param("Whether the guest may reboot, or exits instead")] = (
        "reboot"
    )
    root_path: Annotated[Text | None, param("Root device on the kernel command line, with kernel_path")] = "/dev/vda1"
    scsi_controller_type: Annotated[
        Literal["lsi", "megasas", "virtio-scsi-pci"], param("Type of the SCSI controller")
    ] = "lsi"
    secure_boot: Annotated[
        bool, param("Secure Boot with Microsoft's keys: only boot loaders that are signed; needs firmware 'uefi'")
    ] = False
    security_domain: Annotated[_User, param("User to run QEMU as, with security_model 'user'", reaches="user")] = ""
    security_model: Annotated[
        Literal["none", "user", "pool"],
        param(
            "Security model: which user QEMU runs as; with 'pool' one of the cluster's uid_pool, for it alone",
            reaches="protection",
        ),
    ] = "none"
    serial_console: Annotated[bool, param("Emulate a serial port, for 'gnt-instance console'")] = True
    serial_speed: Annotated[
        Literal[9600, 19200, 38400, 57600, 115200, 230400, 345600, 460800], param("Speed of the serial port")
    ] = 38400
    soundhw: Annotated[_SoundCards, param("Sound cards presented to the guest")] = ""
    spice_bind: Annotated[Text, param("Address or interface that SPICE listens on", reaches="listener")] = ""
    spice_image_compression: Annotated[
        Literal["", "auto_glz", "auto_lz", "quic", "glz", "lz", "off"], param("Lossless image compression of SPICE")
    ] = ""
    spice_ip_version: Annotated[
        Literal[0, 4, 6], param("IP version of the address when spice_bind is an interface")
    ] = 0
    spice_jpeg_wan_compression: Annotated[_WanCompression, param("Lossy (JPEG) compression of SPICE on slow links")] = (
        ""
    )
    spice_password_file: Annotated[AbsolutePath, param("File with the SPICE password", reaches="path")] = ""
    spice_playback_compression: Annotated[bool, param("Compress SPICE audio")] = True
    spice_streaming_video: Annotated[Literal["", "off", "all", "filter"], param("Video stream detection of SPICE")] = ""
    spice_tls_ciphers: Annotated[Text, param("TLS ciphers of SPICE", reaches="protection")] = (
        "HIGH:-DES:-3DES:-EXPORT:-DH"
    )
    spice_use_tls: Annotated[bool, param("Use TLS for SPICE", reaches="protection")] = False
    spice_use_vdagent: Annotated[bool, param("Enable the SPICE agent (mouse, clipboard)")] = True
    spice_zlib_glz_wan_compression: Annotated[
        _WanCompression, param("Lossless (zlib-glz) compression of SPICE on slow links")
    ] = ""
    tpm: Annotated[bool, param("Give the guest a TPM 2.0 of its own, by swtpm")] = False
    usb_devices: Annotated[
        Text, param("USB devices presented to the guest, separated by commas or spaces", reaches="path")
    ] = ""
    usb_mouse: Annotated[
        Literal["", "mouse", "tablet"],
        param("USB pointing device: mouse or tablet; empty for a tablet with VNC"),
    ] = ""
    use_chroot: Annotated[bool, param("Run QEMU in a chroot", reaches="protection")] = False
    use_guest_agent: Annotated[bool, param("Add a channel for the QEMU guest agent")] = False
    use_localtime: Annotated[bool, param("Use local time for the guest's clock, not UTC")] = False
    user_shutdown: Annotated[
        bool, param("Whether an instance that is shut down from inside stays down", at_once=True)
    ] = False
    vga: Annotated[
        Literal["", "std", "cirrus", "vmware", "qxl", "virtio", "none"], param("Graphics card presented to the guest")
    ] = ""
    vhost_net: Annotated[bool, param("Use vhost-net for paravirtual NICs where the node has it")] = True
    virtio_net_queues: Annotated[_Queues, param("Number of queues of a paravirtual NIC")] = 1
    virtio_rng: Annotated[bool, param("Give the guest a source of random numbers (virtio-rng)")] = False
    vnc_bind_address: Annotated[
        Text, param("Address, interface or socket directory that VNC listens on; empty for no VNC", reaches="path")
    ] = ""
    vnc_password_file: Annotated[AbsolutePath, param("File with the VNC password", reaches="path")] = ""
    vnc_tls: Annotated[bool, param("Use TLS for VNC", reaches="protection")] = False
    vnc_x509_path: Annotated[AbsolutePath, param("Directory with the X.509 certificates of VNC", reaches="path")] = ""
    vnc_x509_verify: Annotated[bool, param("Verify the certificates of VNC clients", reaches="protection")] = False
    vnet_hdr: Annotated[bool, param("Enable vnet headers on the tap, for checksum and segmentation offload")] = True

    def problems(self) -> list[str]:
        """Which parameters contradict each other, whatever the guest and the node are."""
        return [
            text
            for wrong, text in (*_drives(self), *_firmware(self), *_consoles(self), *_rights(self), *_pins(self))
            if wrong
        ] + _extra(self)

    @property
    def has_virtio_disks(self) -> bool:
        """Whether its disks, or the controller that they are on, are of virtio."""
        on_bus = self.disk_type.startswith("scsi") and self.scsi_controller_type == "virtio-scsi-pci"
        return self.disk_type == "paravirtual" or on_bus

    def extra_words(self) -> list[str]:
        """The words of ``kvm_extra``, split and quoted as in a shell. Raises WrongInput."""
        try:
            return shlex.split(self.kvm_extra)
        except ValueError as error:
            raise WrongInput(f"Parameter 'kvm_extra': {str(error).lower()} in '{self.kvm_extra}'") from None


# Pairs: whether something is wrong, and the message if so.
_Rules = tuple[tuple[bool, str], ...]


def _drives(wanted: KvmParameters) -> _Rules:
    boots = "" if wanted.kernel_path else wanted.boot_order
    return (
        (
            wanted.disk_aio == "native" and wanted.disk_cache != "none",
            f"disk_aio 'native' needs disk_cache to be 'none', not '{wanted.disk_cache}'",
        ),
        (
            bool(wanted.disk_iothreads) and not wanted.has_virtio_disks,
            (
                "disk_iothreads needs disk_type 'paravirtual', or a SCSI one with scsi_controller_type "
                f"'virtio-scsi-pci': they are '{wanted.disk_type}' and '{wanted.scsi_controller_type}'"
            ),
        ),
        (
            wanted.disk_iothreads > 1 and wanted.has_virtio_disks and wanted.disk_type != "paravirtual",
            f"more than one of disk_iothreads takes disk_type 'paravirtual', not '{wanted.disk_type}'",
        ),
        (
            boots == "cdrom" and not wanted.cdrom_image_path,
            "boot_order 'cdrom' needs an image, set cdrom_image_path",
        ),
        (
            boots == "floppy" and not wanted.floppy_image_path,
            "boot_order 'floppy' needs an image, set floppy_image_path",
        ),
        (wanted.max_memory > _MOST_MEMORY, f"max_memory has at most {_MOST_MEMORY} MiB, which machines can address"),
        (
            wanted.virtio_net_queues > 1 and not (wanted.nic_type == "paravirtual" and wanted.vnet_hdr),
            "more than one of virtio_net_queues takes nic_type 'paravirtual' and vnet_hdr",
        ),
    )


def _firmware(wanted: KvmParameters) -> _Rules:
    is_pc = wanted.machine_version == "pc" or wanted.machine_version.startswith("pc-i440fx")
    boots = "" if wanted.kernel_path else wanted.boot_order
    return (
        (wanted.secure_boot and wanted.firmware != "uefi", "secure_boot needs firmware to be 'uefi'"),
        (
            wanted.secure_boot and bool(wanted.kernel_path),
            "secure_boot checks what a guest boots by itself, not a kernel_path",
        ),
        (
            wanted.secure_boot and is_pc,
            f"secure_boot needs a q35 machine, not machine_version '{wanted.machine_version}'",
        ),
        (
            wanted.firmware == "uefi" and boots == "floppy",
            "boot_order 'floppy' needs firmware to be 'bios': UEFI does not boot from floppy disks",
        ),
    )


def _consoles(wanted: KvmParameters) -> _Rules:
    return (
        (
            bool(wanted.vnc_bind_address and wanted.spice_bind),
            "an instance has one graphical console; take spice_bind or vnc_bind_address",
        ),
        (
            bool(wanted.vnc_bind_address) and not _is_place(wanted.vnc_bind_address),
            f"vnc_bind_address '{wanted.vnc_bind_address}' is not an IP address, network interface or absolute path",
        ),
        (
            bool(wanted.vnc_x509_path) and not wanted.vnc_tls,
            "certificates (vnc_x509_path) are of use only with vnc_tls",
        ),
        (
            wanted.vnc_x509_verify and not (wanted.vnc_tls and wanted.vnc_x509_path),
            "vnc_x509_verify needs vnc_tls and vnc_x509_path to check clients' certificates",
        ),
    )


def _rights(wanted: KvmParameters) -> _Rules:
    return (
        (
            (wanted.security_model == "user") != bool(wanted.security_domain),
            "a user is named in security_domain if, and only if, security_model is 'user'",
        ),
    )


def _pins(wanted: KvmParameters) -> _Rules:
    ranges = [part.split("-") for mask in wanted.cpu_mask.split(":") for part in mask.split(",") if "-" in part]
    return tuple(
        (int(first) > int(last), f"cpu_mask: {first}-{last} is not a range, it ends before it begins")
        for first, last in ranges
    )


def _extra(wanted: KvmParameters) -> list[str]:
    try:
        wanted.extra_words()
    except WrongInput as error:
        return [error.message]
    return []


def _is_place(bind: str) -> bool:
    if bind.startswith("/"):
        return True
    try:
        ipaddress.ip_address(bind)
    except ValueError:
        return _INTERFACE.fullmatch(bind) is not None and not bind.replace(".", "").isdigit()
    return True


HYPERVISOR_PARAMETERS: dict[str, type[Struct]] = {"kvm": KvmParameters, "fake": FakeParameters}
UNSUPPORTED_HYPERVISORS = tuple(name for name in get_args(HypervisorName) if name not in HYPERVISOR_PARAMETERS)

# Set for the whole cluster only (gnt-cluster(8)): both ends of a migration must agree on them.
CLUSTER_WIDE = frozenset({"migration_bandwidth", "migration_mode", "migration_port"})
