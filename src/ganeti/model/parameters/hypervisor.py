# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of guests, by hypervisor."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from ganeti.declare.parameter import param
from ganeti.declare.types import NonNegative, Positive

_Port = Annotated[int, Meta(ge=1, le=65535)]
MigrationMode = Literal["live", "non-live"]
HypervisorName = Literal["chroot", "fake", "kvm", "lxc", "xen-hvm", "xen-pvm"]


class FakeParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of guests that exist only on paper, for tests and for trying out a cluster."""

    migration_mode: Annotated[MigrationMode, param("Default migration mode")] = "live"


class KvmParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names and defaults as in gnt-instance(8)."""

    acpi: Annotated[bool, param("Emulate ACPI; needed for a clean shutdown of the guest")] = True
    boot_order: Annotated[
        Literal["disk", "cdrom", "network", "floppy"],
        param("Boot device when kernel_path is empty"),
    ] = "disk"
    cdrom2_image_path: Annotated[str, param("CD-ROM image of the second drive")] = ""
    cdrom_disk_type: Annotated[str, param("Bus of the CD-ROM drives; empty for that of the disks")] = ""
    cdrom_image_path: Annotated[str, param("CD-ROM image")] = ""
    cpu_cores: Annotated[NonNegative, param("CPU cores per socket; 0 leaves it to QEMU")] = 0
    cpu_mask: Annotated[
        str, param("CPU pinning: 'all', '0-3', or a list for each virtual CPU, separated by colons")
    ] = "all"
    cpu_sockets: Annotated[NonNegative, param("CPU sockets; 0 leaves it to QEMU")] = 0
    cpu_threads: Annotated[NonNegative, param("CPU threads per core; 0 leaves it to QEMU")] = 0
    cpu_type: Annotated[str, param("CPU model, such as 'host' or 'Skylake-Server'; empty for QEMU's own")] = ""
    disk_aio: Annotated[Literal["threads", "native", "io_uring"], param("Asynchronous I/O mode of the disks")] = (
        "threads"
    )
    disk_cache: Annotated[Literal["default", "none", "writethrough", "writeback"], param("Cache mode of the disks")] = (
        "default"
    )
    disk_discard: Annotated[Literal["default", "ignore", "unmap"], param("Handling of discard requests")] = "default"
    disk_type: Annotated[
        Literal["paravirtual", "scsi-hd", "scsi-block", "scsi-generic", "scsi", "ide", "sd", "mtd", "pflash"],
        param("Disk type presented to the guest"),
    ] = "paravirtual"
    floppy_image_path: Annotated[str, param("Floppy disk image")] = ""
    initrd_path: Annotated[str, param("Path of the initrd on the node, with kernel_path")] = ""
    kernel_args: Annotated[str, param("Kernel command line, with kernel_path")] = "ro"
    kernel_path: Annotated[str, param("Path of the kernel on the node; empty to boot from boot_order")] = (
        "/boot/vmlinuz-3-kvmU"
    )
    keymap: Annotated[str, param("Keyboard layout of the VNC console")] = ""
    kvm_extra: Annotated[str, param("Additional QEMU arguments")] = ""
    kvm_flag: Annotated[
        Literal["", "enabled", "disabled"],
        param("Hardware virtualisation: 'enabled', 'disabled' (emulation), or empty for what works here"),
    ] = ""
    kvm_path: Annotated[str, param("Path of the QEMU binary")] = "/usr/bin/kvm"
    kvm_pci_reservations: Annotated[NonNegative, param("Slots reserved for hot-plugged devices")] = 12
    machine_version: Annotated[str, param("QEMU machine type, such as 'pc' or 'pc-q35-7.2'; empty for q35")] = ""
    mem_path: Annotated[str, param("Mount point of hugetlbfs to allocate memory from")] = ""
    migration_bandwidth: Annotated[Positive, param("Maximum bandwidth of a migration, MiB/s")] = 32
    migration_caps: Annotated[str, param("QEMU migration capabilities to enable, separated by colons")] = ""
    migration_downtime: Annotated[Positive, param("Maximum downtime of a live migration, ms")] = 30
    migration_mode: Annotated[MigrationMode, param("Default migration mode")] = "live"
    migration_port: Annotated[_Port, param("First TCP port used for migrations")] = 8102
    nic_type: Annotated[
        Literal["paravirtual", "e1000", "e1000e", "i82551", "i82557b", "i82559er", "ne2k_pci", "pcnet", "rtl8139"],
        param("NIC type presented to the guest"),
    ] = "paravirtual"
    reboot_behavior: Annotated[Literal["reboot", "exit"], param("Whether the guest may reboot, or exits instead")] = (
        "reboot"
    )
    root_path: Annotated[str | None, param("Root device on the kernel command line, with kernel_path")] = "/dev/vda1"
    scsi_controller_type: Annotated[
        Literal["lsi", "megasas", "virtio-scsi-pci"], param("Type of the SCSI controller")
    ] = "lsi"
    security_domain: Annotated[str, param("User to run QEMU as, with security_model 'user'")] = ""
    security_model: Annotated[Literal["none", "user", "pool"], param("Security model: which user QEMU runs as")] = (
        "none"
    )
    serial_console: Annotated[bool, param("Emulate a serial port, for 'gnt-instance console'")] = True
    serial_speed: Annotated[
        Literal[9600, 19200, 38400, 57600, 115200, 230400, 345600, 460800], param("Speed of the serial port")
    ] = 38400
    soundhw: Annotated[str, param("Sound cards presented to the guest")] = ""
    spice_bind: Annotated[str, param("Address or interface that SPICE listens on")] = ""
    spice_image_compression: Annotated[str, param("Lossless image compression of SPICE")] = ""
    spice_ip_version: Annotated[
        Literal[0, 4, 6], param("IP version of the address when spice_bind is an interface")
    ] = 0
    spice_jpeg_wan_compression: Annotated[str, param("Lossy (JPEG) compression of SPICE on slow links")] = ""
    spice_password_file: Annotated[str, param("File with the SPICE password")] = ""
    spice_playback_compression: Annotated[bool, param("Compress SPICE audio")] = True
    spice_streaming_video: Annotated[str, param("Video stream detection of SPICE")] = ""
    spice_tls_ciphers: Annotated[str, param("TLS ciphers of SPICE")] = "HIGH:-DES:-3DES:-EXPORT:-DH"
    spice_use_tls: Annotated[bool, param("Use TLS for SPICE")] = False
    spice_use_vdagent: Annotated[bool, param("Enable the SPICE agent (mouse, clipboard)")] = True
    spice_zlib_glz_wan_compression: Annotated[str, param("Lossless (zlib-glz) compression of SPICE on slow links")] = ""
    usb_devices: Annotated[str, param("USB devices presented to the guest, separated by commas or spaces")] = ""
    usb_mouse: Annotated[Literal["", "mouse", "tablet"], param("USB pointing device: mouse or tablet")] = ""
    use_chroot: Annotated[bool, param("Run QEMU in a chroot")] = False
    use_guest_agent: Annotated[bool, param("Add a channel for the QEMU guest agent")] = False
    use_localtime: Annotated[bool, param("Use local time for the guest's clock, not UTC")] = False
    user_shutdown: Annotated[bool, param("Whether an instance that is shut down from inside stays down")] = False
    vga: Annotated[str, param("Graphics card presented to the guest")] = ""
    vhost_net: Annotated[bool, param("Use vhost-net for paravirtual NICs where the node has it")] = True
    virtio_net_queues: Annotated[Positive, param("Number of queues of a paravirtual NIC")] = 1
    vnc_bind_address: Annotated[str, param("Address or socket directory that VNC listens on; empty for no VNC")] = ""
    vnc_password_file: Annotated[str, param("File with the VNC password")] = ""
    vnc_tls: Annotated[bool, param("Use TLS for VNC")] = False
    vnc_x509_path: Annotated[str, param("Directory with the X.509 certificates of VNC")] = ""
    vnc_x509_verify: Annotated[bool, param("Verify the certificates of VNC clients")] = False
    vnet_hdr: Annotated[bool, param("Enable vnet headers on the tap, for checksum and segmentation offload")] = True


HYPERVISOR_PARAMETERS: dict[str, type[Struct]] = {"kvm": KvmParameters, "fake": FakeParameters}

# Set for the whole cluster only (gnt-cluster(8)): both ends of a migration must agree on them.
CLUSTER_WIDE = frozenset({"migration_bandwidth", "migration_mode", "migration_port"})
