# SPDX-License-Identifier: BSD-2-Clause
"""A CD that boots: an ISO 9660 image that has nothing but a boot image ("El Torito" Bootable CD-ROM Format 1.0)."""

import struct

SECTOR = 2048
_CATALOG, _IMAGE = 19, 20  # sectors
_TEXT = b"COUNT %d from the CD\r\n"
# 16-bit code that prints the text behind it on the first serial port, again and again, wherever it was loaded.
_CODE = bytes.fromhex(
    "0e 1f fc"  # push cs; pop ds; cld
    "e8 00 00 5d"  # call here; here: pop bp
    "8d 76 1a"  # again: lea si, [bp + text - here]
    "ac 84 c0 74 f8"  # next: lodsb; test al, al; jz again
    "88 c4 ba fd 03"  # mov ah, al; mov dx, 0x3fd
    "ec a8 20 74 fb"  # wait: in al, dx; test al, 0x20; jz wait
    "88 e0 b2 f8 ee"  # mov al, ah; mov dl, 0xf8; out dx, al
    "eb ea"  # jmp next
)


def cd(number):
    """The image of a CD whose boot image prints ``COUNT number``."""
    image = _CODE + _TEXT % number + b"\0"
    sectors = [
        *[b""] * 16,
        b"\x01CD001\x01",  # primary volume descriptor
        b"\x00CD001\x01" + b"EL TORITO SPECIFICATION".ljust(64, b"\0") + struct.pack("<I", _CATALOG),
        b"\xffCD001\x01",  # set terminator
        _validation() + struct.pack("<BBHBBHI", 0x88, 0, 0, 0, 0, 4, _IMAGE),  # bootable, without emulation, 4 x 512
        image,
    ]
    return b"".join(sector.ljust(SECTOR, b"\0") for sector in sectors)


def _validation():
    """The first entry of the catalog; its 16-bit words add up to zero."""
    entry = struct.pack("<BBH24sHBB", 1, 0, 0, b"", 0, 0x55, 0xAA)
    missing = -sum(struct.unpack("<16H", entry)) & 0xFFFF
    return entry[:28] + struct.pack("<H", missing) + entry[30:]
