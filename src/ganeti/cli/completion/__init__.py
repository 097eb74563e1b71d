# SPDX-License-Identifier: BSD-2-Clause
"""Shell completion of our commands.

Completion must be instantaneous. So the declarations are compiled to ``table.json`` when they change
(``table``; a test compares), and completion only reads that file (``answer``) and looks up names of nodes, instances
and so on (``known``). It imports none of the declarations.
"""
