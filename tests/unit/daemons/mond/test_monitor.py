# SPDX-License-Identifier: BSD-2-Clause
"""The collectors at work, and their reports over HTTP."""

import asyncio

import aiohttp
import pytest

from ganeti.daemons.mond.http import server
from ganeti.daemons.mond.monitor import Monitor, Sight
from ganeti.errors import NodeUnreachable
from ganeti.model.collectors import COLLECTORS, CollectorSetting
from ganeti.node.monitoring.status import FINE


class Clock:
    def now(self):
        return 1351607182.5


class Looks:
    """How often each has looked; ``broken`` ones fail."""

    def __init__(self):
        self.counts = dict.fromkeys(COLLECTORS, 0)
        self.broken = {}

    def all(self):
        return {name: self._look(name) for name in COLLECTORS}

    def _look(self, name):
        async def look():
            self.counts[name] += 1
            if name in self.broken:
                raise self.broken[name]
            return Sight({"device": [self.counts[name]]}, FINE if name in ("drbd", "inst-status-kvm") else None)

        return look


class Settings:
    def __init__(self):
        self.now = {}

    async def __call__(self):
        if self.now is None:
            raise NodeUnreachable("nobody is there")
        return {name: self.now.get(name, CollectorSetting()) for name in COLLECTORS}


@pytest.fixture
def looks():
    return Looks()


@pytest.fixture
def settings():
    return Settings()


@pytest.fixture
async def monitor(looks, settings):
    made = Monitor(looks.all(), settings, Clock())
    work = asyncio.create_task(made.work())
    yield made
    work.cancel()
    await asyncio.wait([work])


@pytest.fixture
async def get(monitor):
    serving = server(monitor)
    port = await serving.open(0, "127.0.0.1")
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:

        async def get(path, method="GET"):
            async with session.request(method, path) as answer:
                content = answer.content_type == "application/json"
                return answer.status, await (answer.json() if content else answer.text())

        yield get
    await serving.close()


@pytest.mark.parametrize("path", ["/1/list/collectors", "/1/list/collectors/"])
async def test_the_collectors_are_listed(get, path):
    status, listed = await get(path)
    assert status == 200
    assert ["cpu-avg-load", "default", 0] in listed
    assert ["drbd", "storage", 1] in listed
    assert len(listed) == len(COLLECTORS)


async def test_the_versions_of_the_protocol_are_told(get):
    assert await get("/") == (200, [1])
    assert await get("/1") == (200, None)


async def test_a_report_has_all_that_the_format_asks_for(get):
    assert await get("/1/report/default/cpu-avg-load") == (
        200,
        {
            "name": "cpu-avg-load",
            "version": "B",
            "format_version": 1,
            "timestamp": 1351607182500000000,
            "category": None,
            "kind": 0,
            "data": {"device": [1]},
        },
    )


async def test_what_tells_a_status_tells_only_that_unless_more_is_wanted(get):
    _, short = await get("/1/report/storage/drbd")
    _, long = await get("/1/report/storage/drbd?verbose=1")
    assert (short["category"], short["kind"]) == ("storage", 1)
    assert short["data"] == {"status": {"code": 0, "message": ""}}
    assert long["data"] == {"device": [1], "status": {"code": 0, "message": ""}}


async def test_all_reports_come_in_one_answer(get):
    status, reports = await get("/1/report/all")
    assert (status, [report["name"] for report in reports]) == (200, list(COLLECTORS))


@pytest.mark.parametrize(
    "path", ["/2", "/nothing", "/1/report", "/1/report/storage", "/1/report/storage/nothing", "/1/report/default/drbd"]
)
async def test_what_is_not_there_is_not_found(get, path):
    assert (await get(path))[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_nothing_can_be_changed(get, method):
    assert (await get("/1/report/all", method))[0] == 405


async def test_however_often_one_asks_a_collector_looks_at_its_own_pace(get, looks):
    for _ in range(5):
        await get("/1/report/storage/lv")
    assert looks.counts["lv"] == 1


async def test_a_collector_that_is_switched_off_neither_looks_nor_is_listed(looks, settings):
    settings.now = {"lv": CollectorSetting(active=False)}
    monitor = Monitor(looks.all(), settings, Clock())
    work = asyncio.create_task(monitor.work())
    for _ in range(5):
        await asyncio.sleep(0)
    assert "lv" not in [collector.name for collector in monitor.active]
    assert (looks.counts["lv"], looks.counts["drbd"]) == (0, 1)
    work.cancel()
    await asyncio.wait([work])


async def test_as_long_as_nobody_tells_the_settings_all_are_at_work(looks, settings):
    settings.now = None
    monitor = Monitor(looks.all(), settings, Clock())
    work = asyncio.create_task(monitor.work())
    for _ in range(5):
        await asyncio.sleep(0)
    assert set(looks.counts.values()) == {1}
    work.cancel()
    await asyncio.wait([work])


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NodeUnreachable("nobody is there"), "nobody is there"),
        (OSError(2, "No such file or directory", "/proc/x"), "/proc/x: No such file or directory"),
        (ValueError("odd"), "an error in the program; the log of ganeti-mond says more"),
    ],
)
async def test_a_collector_that_fails_says_so_and_the_others_go_on(looks, settings, error, told):
    looks.broken = {"drbd": error}
    monitor = Monitor(looks.all(), settings, Clock())
    report = await monitor.report(COLLECTORS["drbd"], verbose=True)
    assert report.data == {"error": told, "status": {"code": 2, "message": told}}
    assert (await monitor.report(COLLECTORS["lv"], verbose=True)).data == {"device": [1]}
