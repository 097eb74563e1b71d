# SPDX-License-Identifier: BSD-2-Clause
"""What a shell offers when the tab key is pressed behind a command of ours.

A tab must be answered before it is noticed. So what the declarations say is written into ``table.json`` when
they change (``table``; a test compares), and at the key only that file is read (``answer``), and names of
nodes, instances and so on are looked up (``known``). None of the declarations is imported then.
"""
