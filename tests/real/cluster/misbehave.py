# SPDX-License-Identifier: BSD-2-Clause
"""A user of the remote API who may only read, and takes all there is; run on a node of a lab.

``HOST JOB SECONDS KIND...``: at its end it prints, as JSON, how often which kind of misbehaviour was answered with
which status, or was closed.
"""

import asyncio
import base64
import json
import ssl
import sys
from collections import Counter, defaultdict

READER = "reader:r-secret"
HEAVY = ["|", *(["=~", "summary", f"(a|b|{n})*c{{1,20}}d"] for n in range(49))]


class Misbehaviour:
    """``found``: by kind, how many answers of a status there were, or connections that were closed."""

    def __init__(self, host, job):
        self.host, self.job = host, job
        self.found = defaultdict(Counter)
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE

    def works(self, kind):
        """What is done again and again, all of it at the same time."""
        wait = {"fields": ["id"], "previous_job_info": [self.job]}
        query = {"fields": ["id", "summary", "opresult"], "qfilter": HEAVY}
        wide = {"fields": ["id"] * 500_000}
        return {
            "silent": lambda: [self.held(kind, None) for _ in range(300)],
            "idle": lambda: [self.held(kind, b"") for _ in range(1000)],
            "slow": lambda: [self.held(kind, b"GET /2/info HTTP/1.1\r\nHost:") for _ in range(100)],
            "waits": lambda: [self.asking(kind, "GET", f"/2/jobs/{self.job}/wait", wait) for _ in range(600)],
            "filters": lambda: [self.asking(kind, "PUT", "/2/query/job", query) for _ in range(32)],
            "fields": lambda: [self.asking(kind, "PUT", "/2/query/job", wide) for _ in range(8)],
            "lists": lambda: [self.asking(kind, "GET", "/2/jobs?bulk=1", None) for _ in range(32)],
            "nodes": lambda: [self.asking(kind, "GET", "/2/nodes?bulk=1", None) for _ in range(32)],
            "bodies": lambda: [self.asking(kind, "PUT", "/2/query/job", "x" * 30_000_000) for _ in range(4)],
            "guesses": lambda: [self.asking(kind, "GET", "/2", None, "reader:wrong") for _ in range(40)],
        }[kind]()

    async def held(self, kind, text):
        """A connection on which nothing comes to an end; without TLS if there is no text."""
        while True:
            try:
                context = None if text is None else self.context
                reader, writer = await asyncio.open_connection(self.host, 5080, ssl=context)
                writer.write(text or b"")
                self.found[kind]["answered" if await reader.read() else "closed"] += 1
                writer.close()
            except OSError:
                self.found[kind]["closed"] += 1
            await asyncio.sleep(1)

    async def asking(self, kind, method, path, body, user=READER):
        while True:
            try:
                self.found[kind][await self.status(method, path, body, user)] += 1
            except (OSError, asyncio.IncompleteReadError):
                self.found[kind]["closed"] += 1
                await asyncio.sleep(1)

    async def status(self, method, path, body, user):
        reader, writer = await asyncio.open_connection(self.host, 5080, ssl=self.context)
        try:
            content = json.dumps(body).encode() if body else b""
            secret = base64.b64encode(user.encode()).decode()
            head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {secret}\r\nConnection: close\r\n"
            writer.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
            status = int((await reader.readuntil(b"\r\n")).split()[1])
            await reader.read()
            return status
        finally:
            writer.close()


async def main():
    host, job, seconds, *kinds = sys.argv[1:]
    misbehaviour = Misbehaviour(host, int(job))
    works = [asyncio.create_task(work) for kind in kinds for work in misbehaviour.works(kind)]
    await asyncio.wait(works, timeout=float(seconds))
    print(json.dumps(misbehaviour.found))  # noqa: T201 - for whoever runs it


if __name__ == "__main__":
    asyncio.run(main())
