# SPDX-License-Identifier: BSD-2-Clause
"""Which nodes an instance should have: the requests and answers of iallocators, as pure functions.

``message`` decodes what an iallocator is given into a snapshot and a ``request``; ``answering`` maps the two to an
``answer``. In between, ``choices`` rates all nodes (or pairs of nodes) at once, and ``capacity`` says whether every
node's instances would fit elsewhere if it died.
"""
