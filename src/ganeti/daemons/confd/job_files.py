# SPDX-License-Identifier: BSD-2-Clause
"""Files of jobs, ``queue/job-N`` and ``queue/archive/N/job-N``, for programs that read Ganeti's.

They are written while the cluster's setting ``job_files`` is on, and never read back. What has ended is written
once, and moved when the job is archived.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ganeti.config.following import Writes
from ganeti.config.ganeti_job import job_file
from ganeti.config.sqlite import reader_of
from ganeti.config.store import ARCHIVED_JOB, JOB, JOB_LOG
from ganeti.errors import StoreFailed
from ganeti.host.files import Stamp, stamp, write_atomic
from ganeti.host.paths import Paths
from ganeti.model.job import Job, LogEntry

_log = logging.getLogger(__name__)

_MODE = 0o640
# In one look at the state. The others follow in the next ones, a quarter of a second apart.
MOST_WRITTEN = 500
MOST_COMPARED = 500


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was written. ``content``: a hash of the job's records; ``final``: they do not change any more."""

    archived: bool
    content: int
    final: bool
    stamp: Stamp | None


class JobFiles:
    """``update`` writes what has changed, and again what somebody has changed."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._writes = Writes(paths.store)
        self._files: dict[int, _File] = {}
        self._to_compare: list[int] = []
        self._active: bool | None = None  # not known what an earlier daemon has left
        self._more = False

    def update(self, *, wanted: bool) -> None:
        """Raises OSError or StoreFailed."""
        if wanted is not self._active:
            self._begin(wanted=wanted)
        if not wanted:
            return
        self._compare()
        if self._writes.look() or self._more:
            try:
                self._follow()
            except BaseException:
                self._writes.forget()
                raise

    def _begin(self, *, wanted: bool) -> None:
        """What an earlier daemon has written is not trusted, but stays readable until it is replaced."""
        self._files, self._active = {}, None
        self._writes.forget()
        for path in self._paths.job_files():
            number = int(path.name.removeprefix("job-"))
            archived = path.parent != self._paths.queue
            if wanted and path == self._paths.job_file(number, archived=archived) and number not in self._files:
                self._files[number] = _File(archived, 0, final=False, stamp=stamp(path))
            else:
                path.unlink(missing_ok=True)
        self._active = wanted

    def _follow(self) -> None:
        try:
            with closing(reader_of(self._paths.store)) as reader:
                reader.execute("BEGIN")
                self._bring_up_to_date(reader)
        except sqlite3.Error as error:
            raise StoreFailed(f"The jobs in {self._paths.store} cannot be read: {error}") from None

    def _bring_up_to_date(self, reader: sqlite3.Connection) -> None:
        archived = {
            **dict.fromkeys(_numbers(reader, ARCHIVED_JOB), True),
            **dict.fromkeys(_numbers(reader, JOB), False),
        }
        for number in self._files.keys() - archived.keys():
            self._path(number).unlink(missing_ok=True)
            del self._files[number]
        open_first = sorted(
            (number for number in archived if self._stale(number, archived)), key=lambda n: (archived[n], -n)
        )
        written = 0
        for number in open_first:
            if written == MOST_WRITTEN:
                break
            written += self._renew(reader, number, archived=archived[number])
        self._more = written == MOST_WRITTEN

    def _stale(self, number: int, archived: Mapping[int, bool]) -> bool:
        known = self._files.get(number)
        return known is None or not known.final or known.archived is not archived[number]

    def _renew(self, reader: sqlite3.Connection, number: int, *, archived: bool) -> bool:
        """Whether there was something to do."""
        known = self._files.get(number)
        if known and known.final:
            self._move(number, known, archived=archived)
            return True
        rows = _rows(reader, ARCHIVED_JOB if archived else JOB, number)
        content = hash(rows)
        if known and (known.content, known.archived) == (content, archived):
            return False
        try:
            job = msgspec.json.decode(rows[0], type=Job)
            log = [msgspec.json.decode(row, type=LogEntry) for row in rows[1:]]
        except msgspec.MsgspecError:  # the master names it
            return False
        path = self._paths.job_file(number, archived=archived)
        write_atomic(path, job_file(job, log), mode=_MODE, durable=False)
        if known and known.archived is not archived:
            self._path(number).unlink(missing_ok=True)
        self._files[number] = _File(archived, content, job.status.final, stamp(path))
        return True

    def _move(self, number: int, known: _File, *, archived: bool) -> None:
        path = self._paths.job_file(number, archived=archived)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._path(number).rename(path)
        except FileNotFoundError:
            del self._files[number]  # written again in the next look
            return
        self._files[number] = _File(archived, known.content, known.final, stamp(path))

    def _compare(self) -> None:
        """A part of the files at a time, each of them in its turn."""
        if not self._to_compare:
            self._to_compare = list(self._files)
        some, self._to_compare = self._to_compare[:MOST_COMPARED], self._to_compare[MOST_COMPARED:]
        for number in some:
            known = self._files.get(number)
            if known is None or stamp(path := self._path(number)) == known.stamp:
                continue
            _log.warning("%s was changed by somebody; nothing reads it, and it is written again", path)
            self._files[number] = _File(known.archived, 0, final=False, stamp=None)
            self._more = True

    def _path(self, number: int) -> Path:
        return self._paths.job_file(number, archived=self._files[number].archived)


def _numbers(reader: sqlite3.Connection, kind: str) -> Iterable[int]:
    return [int(key) for (key,) in reader.execute("SELECT key FROM record WHERE kind = ?", (kind,)) if key.isdecimal()]


def _rows(reader: sqlite3.Connection, kind: str, number: int) -> tuple[str, ...]:
    """The record of a job, then the lines of its log."""
    record = reader.execute("SELECT body FROM record WHERE kind = ? AND key = ?", (kind, str(number)))
    lines = reader.execute(
        "SELECT body FROM record WHERE kind = ? AND key > ? AND key < ? ORDER BY key",
        (JOB_LOG, f"{number}/", f"{number}0"),
    )
    return tuple(body for (body,) in (*record, *lines))
