# SPDX-License-Identifier: BSD-2-Clause
# What the scripts of this provider share: how an instance's disk is laid out, and what is written there.
# The interface is that of ganeti-os-interface(7), version 20.
#
#   0        boot sector with one partition, then the rest of the boot loader
#   512 KiB  1024 records of a sector each, if it keeps any (see guest-init)
#   1 MiB    ext2: /boot/vmlinuz, /boot/initrd.gz, /etc/tiny.conf (key=value), /boots (how often it has booted)

set -eu
provider=${0%/*}
mib=1048576

fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

no_arguments() {
    case "$#${1:-}" in
        0) ;;
        1-h | 1--help) echo "Usage: ${0##*/} (everything else comes from the environment)"; exit 0 ;;
        *) fail "takes no arguments; see ganeti-os-interface(7)" ;;
    esac
}

disk_bytes() {  # disk
    if [ -b "$1" ]; then blockdev --getsize64 "$1"; else stat --format %s "$1"; fi
}

# Scripts end here if the instance has no disk: there is nothing to write then.
needs_disk() {
    [ "${DISK_COUNT:-0}" -gt 0 ] || exit 0
    [ -n "${DISK_0_PATH:-}" ] || fail "needs the first disk as a file or device (DISK_0_PATH)"
}

configuration() {
    echo "name=$INSTANCE_NAME"
    [ -z "${OSP_INTERVAL:-}" ] || echo "interval=$OSP_INTERVAL"
    [ -z "${OSP_RECORDS:-}" ] || echo "records=$OSP_RECORDS"
    [ -z "${OSP_MESSAGE:-}" ] || echo "message=$OSP_MESSAGE"
    nic=0
    while [ "$nic" -lt "${NIC_COUNT:-0}" ]; do
        eval "ip=\${NIC_${nic}_IP:-} subnet=\${NIC_${nic}_NETWORK_SUBNET:-/24} gateway=\${NIC_${nic}_NETWORK_GATEWAY:-}"
        [ -z "$ip" ] || echo "eth$nic=$ip/${subnet##*/}"
        [ -z "$gateway" ] || echo "gateway=$gateway"
        nic=$((nic + 1))
    done
}
