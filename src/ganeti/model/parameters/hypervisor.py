# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of guests, by hypervisor."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from ganeti.declare.parameter import param
from ganeti.declare.types import NonNegative, Positive

_Port = Annotated[int, Meta(ge=1, le=65535)]
MigrationMode = Literal["live", "non-live"]


class FakeParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of guests that exist only on paper, for tests and for trying out a cluster."""

    migration_mode: Annotated[MigrationMode, param("How instances are moved")] = "live"


class KvmParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names and defaults as in gnt-instance(8)."""

    acpi: Annotated[bool, param("Emulate ACPI, so that the guest can be asked to power down")] = True
    boot_order: Annotated[
        Literal["disk", "cdrom", "network", "floppy"],
        param("What the guest boots from without a kernel_path"),
    ] = "disk"
    cdrom2_image_path: Annotated[str, param("Image of a second CD drive")] = ""
    cdrom_disk_type: Annotated[str, param("Bus of the CD drives; empty for that of the disks")] = ""
    cdrom_image_path: Annotated[str, param("Image of the CD drive")] = ""
    cpu_cores: Annotated[NonNegative, param("Cores a socket shows; 0 leaves it to QEMU")] = 0
    cpu_mask: Annotated[str, param("Processors of the node it may use: 'all', '0-3', or one list a vCPU")] = "all"
    cpu_sockets: Annotated[NonNegative, param("Sockets shown; 0 leaves it to QEMU")] = 0
    cpu_threads: Annotated[NonNegative, param("Threads a core shows; 0 leaves it to QEMU")] = 0
    cpu_type: Annotated[str, param("CPU model, such as 'host' or 'Skylake-Server'; empty for QEMU's own")] = ""
    disk_aio: Annotated[Literal["threads", "native", "io_uring"], param("How disk I/O is submitted")] = "threads"
    disk_cache: Annotated[Literal["default", "none", "writethrough", "writeback"], param("Cache mode of the disks")] = (
        "default"
    )
    disk_discard: Annotated[Literal["default", "ignore", "unmap"], param("What a guest's discard requests do")] = (
        "default"
    )
    disk_type: Annotated[
        Literal["paravirtual", "scsi-hd", "scsi-block", "scsi-generic", "scsi", "ide", "sd", "mtd", "pflash"],
        param("What kind of disk the guest sees"),
    ] = "paravirtual"
    floppy_image_path: Annotated[str, param("Image of the floppy drive")] = ""
    initrd_path: Annotated[str, param("Initial RAM disk on the node, for kernel_path")] = ""
    kernel_args: Annotated[str, param("Kernel command line, for kernel_path")] = "ro"
    kernel_path: Annotated[str, param("Kernel on the node to boot; empty boots as boot_order says")] = (
        "/boot/vmlinuz-3-kvmU"
    )
    keymap: Annotated[str, param("Keyboard layout of the VNC console")] = ""
    kvm_extra: Annotated[str, param("More arguments for QEMU")] = ""
    kvm_flag: Annotated[
        Literal["", "enabled", "disabled"],
        param("Hardware virtualisation: 'enabled', 'disabled' (emulation), or empty for what works here"),
    ] = ""
    kvm_path: Annotated[str, param("QEMU's program")] = "/usr/bin/kvm"
    kvm_pci_reservations: Annotated[NonNegative, param("Slots kept free for hot-plugged devices")] = 12
    machine_version: Annotated[str, param("QEMU machine type, such as 'pc' or 'pc-q35-7.2'; empty for q35")] = ""
    mem_path: Annotated[str, param("Directory of huge pages to take the memory from")] = ""
    migration_bandwidth: Annotated[Positive, param("Highest bandwidth of a migration, MiB/s")] = 32
    migration_caps: Annotated[str, param("QEMU migration capabilities to switch on, separated by colons")] = ""
    migration_downtime: Annotated[Positive, param("Longest stop that a live migration may cause, ms")] = 30
    migration_mode: Annotated[MigrationMode, param("How instances are moved")] = "live"
    migration_port: Annotated[_Port, param("First TCP port that migrations use")] = 8102
    nic_type: Annotated[
        Literal["paravirtual", "e1000", "e1000e", "i82551", "i82557b", "i82559er", "ne2k_pci", "pcnet", "rtl8139"],
        param("What kind of network card the guest sees"),
    ] = "paravirtual"
    reboot_behavior: Annotated[Literal["reboot", "exit"], param("What a reboot asked for in the guest does")] = "reboot"
    root_path: Annotated[str | None, param("Root device on the kernel command line, for kernel_path")] = "/dev/vda1"
    scsi_controller_type: Annotated[Literal["lsi", "megasas", "virtio-scsi-pci"], param("Controller of SCSI disks")] = (
        "lsi"
    )
    security_domain: Annotated[str, param("User that QEMU runs as, for security_model 'user'")] = ""
    security_model: Annotated[Literal["none", "user", "pool"], param("Which user QEMU runs as")] = "none"
    serial_console: Annotated[bool, param("A serial port, which 'gnt-instance console' connects to")] = True
    serial_speed: Annotated[Literal[9600, 19200, 38400, 57600, 115200, 230400, 345600, 460800], param("Its speed")] = (
        38400
    )
    soundhw: Annotated[str, param("Sound cards the guest sees")] = ""
    spice_bind: Annotated[str, param("Address or device that the SPICE console listens on")] = ""
    spice_image_compression: Annotated[str, param("Image compression of SPICE")] = ""
    spice_ip_version: Annotated[Literal[0, 4, 6], param("IP version of spice_bind when it is a device")] = 0
    spice_jpeg_wan_compression: Annotated[str, param("JPEG compression of SPICE on slow links")] = ""
    spice_password_file: Annotated[str, param("File with the SPICE password")] = ""
    spice_playback_compression: Annotated[bool, param("Compress SPICE audio")] = True
    spice_streaming_video: Annotated[str, param("Video detection of SPICE")] = ""
    spice_tls_ciphers: Annotated[str, param("TLS ciphers of SPICE")] = "HIGH:-DES:-3DES:-EXPORT:-DH"
    spice_use_tls: Annotated[bool, param("TLS for SPICE")] = False
    spice_use_vdagent: Annotated[bool, param("Let the SPICE agent pass the mouse and clipboard")] = True
    spice_zlib_glz_wan_compression: Annotated[str, param("Lossless compression of SPICE on slow links")] = ""
    usb_devices: Annotated[str, param("USB devices the guest sees, separated by commas or spaces")] = ""
    usb_mouse: Annotated[Literal["", "mouse", "tablet"], param("USB pointer the guest sees")] = ""
    use_chroot: Annotated[bool, param("Run QEMU in an empty directory")] = False
    use_guest_agent: Annotated[bool, param("A channel for QEMU's guest agent")] = False
    use_localtime: Annotated[bool, param("Clock of the guest runs in local time")] = False
    user_shutdown: Annotated[bool, param("A guest that powers itself off stays off")] = False
    vga: Annotated[str, param("Graphics card the guest sees")] = ""
    vhost_net: Annotated[bool, param("Network packets through the kernel (vhost), where the node has it")] = True
    virtio_net_queues: Annotated[Positive, param("Queues of a paravirtual network card")] = 1
    vnc_bind_address: Annotated[str, param("Address or socket directory of the VNC console; empty for none")] = ""
    vnc_password_file: Annotated[str, param("File with the VNC password")] = ""
    vnc_tls: Annotated[bool, param("TLS for VNC")] = False
    vnc_x509_path: Annotated[str, param("Directory of VNC's certificates")] = ""
    vnc_x509_verify: Annotated[bool, param("Demand a certificate of VNC clients")] = False
    vnet_hdr: Annotated[bool, param("Pass packet headers between guest and tap, so that checksums are offloaded")] = (
        True
    )


HYPERVISOR_PARAMETERS: dict[str, type[Struct]] = {"kvm": KvmParameters, "fake": FakeParameters}

# Set for the whole cluster only (gnt-cluster(8)): both ends of a migration must agree on them.
CLUSTER_WIDE = frozenset({"migration_bandwidth", "migration_mode", "migration_port"})
