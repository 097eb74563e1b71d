# SPDX-License-Identifier: BSD-2-Clause
"""A disk that boots by UEFI.

It has a FAT file system with a program, at the path for removable media, that counts its boots.
"""

import struct

SECTOR = 512
_FAT, _ROOT, _DATA, _TOTAL = 1, 2, 3, 64  # sectors
_CODE, _ALIGNED = 0x200, 0x1000
# 64-bit code (UEFI specification, 4.1, 8.2): adds one to a variable that outlives a reboot, and prints it on the first
# serial port, again and again.
_PROGRAM = bytes.fromhex(
    "53 56 57 48 83 ec 40"  # push rbx; push rsi; push rdi; sub rsp, 0x40
    "48 8b 5a 58"  # mov rbx, [rdx + RuntimeServices]
    "48 8d 0d 96 00 00 00 48 8d 15 7f 00 00 00"  # lea rcx, name; lea rdx, guid
    "45 31 c0 4c 8d 0d 6d 00 00 00"  # xor r8d, r8d; lea r9, size
    "48 8d 05 82 00 00 00 48 89 44 24 20"  # lea rax, count; mov [rsp + 0x20], rax
    "ff 53 48"  # call GetVariable
    "fe 05 74 00 00 00"  # inc byte count
    "48 8d 0d 69 00 00 00 48 8d 15 52 00 00 00"  # lea rcx, name; lea rdx, guid
    "41 b8 03 00 00 00 41 b9 01 00 00 00"  # mov r8d, NON_VOLATILE | BOOTSERVICE_ACCESS; mov r9d, 1
    "48 8d 05 53 00 00 00 48 89 44 24 20"  # lea rax, count; mov [rsp + 0x20], rax
    "ff 53 58"  # call SetVariable
    "8a 05 45 00 00 00 04 30 88 05 44 00 00 00"  # mov al, count; add al, '0'; mov digit, al
    "48 8d 35 37 00 00 00"  # again: lea rsi, text
    "ac 84 c0 74 f4"  # next: lodsb; test al, al; jz again
    "88 c4 66 ba fd 03"  # mov ah, al; mov dx, 0x3fd
    "ec a8 20 74 fb"  # wait: in al, dx; test al, 0x20; jz wait
    "88 e0 66 ba f8 03 ee"  # mov al, ah; mov dx, 0x3f8; out dx, al
    "eb e7 90"  # jmp next; nop
    "01 00 00 00 00 00 00 00"  # size
    "47 61 6e 65 74 69 00 00 00 00 00 00 00 00 00 01"  # guid
    "4e 00 00 00 00"  # name, count
)
_TEXT = b"COUNT 0 boots by UEFI\r\n\0"


def disk():
    """Its content; the program prints ``COUNT n``, n being how often it has been booted with these variables."""
    program = _executable(_PROGRAM + _TEXT)
    clusters = -(-len(program) // SECTOR)
    chain = [0xFF8, 0xFFF, 0xFFF, 0xFFF, *range(5, 4 + clusters), 0xFFF]
    content = [
        _boot_sector(),
        _fat(chain),
        _entry(b"EFI        ", 2),
        _entry(b"BOOT       ", 3),
        _entry(b"BOOTX64 EFI", 4, len(program)),
    ]
    image = b"".join(part.ljust(SECTOR, b"\0") for part in content) + program
    return image.ljust(_TOTAL * SECTOR, b"\0")


def _executable(code):
    """PE32+ (Microsoft's "PE Format"): a DOS header, the headers, and one section with all of it."""
    size = -(-len(code) // SECTOR) * SECTOR
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    file = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 0x22E)
    optional = struct.pack("<HBBIIIII", 0x20B, 0, 0, size, 0, 0, _ALIGNED, _ALIGNED)
    optional += struct.pack("<QIIHHHHHHIIIIHH", 0, _ALIGNED, SECTOR, 0, 0, 0, 0, 0, 0, 0, 2 * _ALIGNED, _CODE, 0, 10, 0)
    optional += struct.pack("<QQQQII", 0, 0, 0, 0, 0, 16) + bytes(128)
    section = struct.pack("<8sIIIIIIHHI", b".text", size, _ALIGNED, size, _CODE, 0, 0, 0, 0, 0xE0000020)
    return (dos + file + optional + section).ljust(_CODE, b"\0") + code.ljust(size, b"\0")


def _boot_sector():
    """Of FAT12 (ECMA-107), with one sector for the root directory, and one a cluster."""
    head = struct.pack("<3s8sHBHBHHBHHHII", b"\xeb\x3c\x90", b"tiny", SECTOR, 1, 1, 1, 16, _TOTAL, 0xF8, 1, 1, 1, 0, 0)
    head += struct.pack("<BBBI11s8s", 0x80, 0, 0x29, 1, b"UEFI       ", b"FAT12   ")
    return head.ljust(510, b"\0") + b"\x55\xaa"


def _fat(chain):
    """Two entries of 12 bits in three bytes."""
    pairs = zip(chain[::2], [*chain[1::2], 0][: len(chain[::2])], strict=True)
    return b"".join((low | high << 12).to_bytes(3, "little") for low, high in pairs)


def _entry(name, cluster, size=0):
    """Of a file if it has a size, else of a directory."""
    return struct.pack("<11sBBBHHHHHHHI", name, 0x20 if size else 0x10, 0, 0, 0, 0, 0, 0, 0, 0, cluster, size)
