# SPDX-License-Identifier: BSD-2-Clause
"""Querying the monitoring daemons of nodes over HTTP (ganeti-mond(8)), all concurrently."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TypeVar

import aiohttp

from ganeti.cli.htools.inputs.reports import Gap, answered
from ganeti.host.reasons import reason

PORT = 1815
PATIENCE = 10.0  # seconds for a node to answer

_Data = TypeVar("_Data")


def ask(nodes: list[str], collector: str, shape: type[_Data]) -> dict[str, _Data | Gap]:
    """By node, the collector's data, or the reason why there are none."""
    return asyncio.run(_ask_all(nodes, collector, shape))


async def _ask_all(nodes: list[str], collector: str, shape: type[_Data]) -> dict[str, _Data | Gap]:
    patience = aiohttp.ClientTimeout(total=PATIENCE)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=patience) as session:
        answers = await asyncio.gather(*(_ask(session, node, collector) for node in nodes))
    return {
        node: answer if isinstance(answer, Gap) else answered(node, answer, collector, shape)
        for node, answer in zip(nodes, answers, strict=True)
    }


async def _ask(session: aiohttp.ClientSession, node: str, collector: str) -> bytes | Gap:
    unreached = f"Failed to contact node's {node} MonD for DC {collector}"
    url = f"http://{node}:{PORT}/1/report/default/{collector}"
    try:
        async with session.get(url, allow_redirects=False) as answer:
            body = await answer.read()
    except TimeoutError:
        return Gap(f"{unreached}: no answer within {PATIENCE:g} s")
    except (aiohttp.ClientError, OSError) as error:
        # Without the address, which the line already has.
        return Gap(
            f"{unreached}: {reason(error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error)}"
        )
    if answer.status != HTTPStatus.OK:
        return Gap(f"{unreached}: {answer.status} {answer.reason}")
    return body
