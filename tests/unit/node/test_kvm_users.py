# SPDX-License-Identifier: BSD-2-Clause
"""Which user a guest's QEMU becomes."""

import pwd
import subprocess
from pathlib import Path

import pytest

from ganeti.errors import HypervisorFailed, WrongInput
from ganeti.host.files import write_atomic
from ganeti.host.paths import Paths
from ganeti.node.hypervisor.kvm import users
from tests.unit.node.qemu import configured, plan_of


def idle(count=2):
    """Users of this machine that run nothing and have groups of their own, the first of them."""
    busy, groups = users._busy(), {0}
    found = []
    for user in sorted(pwd.getpwall(), key=lambda user: user.pw_uid):
        if user.pw_uid not in busy and user.pw_gid not in groups:
            groups.add(user.pw_gid)
            found.append((user.pw_uid, user.pw_name))
    return found[:count]


@pytest.fixture
def pool(tmp_path):
    """Sets the cluster's pool; a plan of a guest that is to run as one of it."""

    def plan(text):
        write_atomic(Paths(tmp_path).ssconf("uid_pool"), f"{text}\n")
        return plan_of(configured(security_model="pool"), root=str(tmp_path))

    return plan


def test_each_guest_gets_a_user_of_its_own_until_there_is_none(pool):
    (first, name), (second, _) = idle()
    plan = pool(f"{first}\n{second}")
    with users.taken(plan) as one:
        assert (one.name, one.uid) == (name, first)
        with users.taken(plan) as two:
            assert two.uid == second
            with pytest.raises(HypervisorFailed, match="All 2 users of the cluster's pool"), users.taken(plan):
                pass
    with users.taken(plan) as again:
        assert again.uid == first


def test_a_process_that_has_inherited_the_lock_keeps_the_user_until_it_ends(pool):
    ((only, _),) = idle(1)
    plan = pool(str(only))
    with users.taken(plan) as user:
        guest = subprocess.Popen(["sleep", "60"], pass_fds=[user.lock])
    with pytest.raises(HypervisorFailed), users.taken(plan):
        pass
    guest.kill()
    guest.wait()
    with users.taken(plan) as user:
        assert user.uid == only


def test_a_user_that_runs_something_else_is_for_no_guest(pool, monkeypatch):
    (first, _), (second, _) = idle()
    monkeypatch.setattr(users, "_busy", lambda: {first})
    with users.taken(pool(f"{first}\n{second}")) as user:
        assert user.uid == second


def test_users_that_share_a_group_are_refused(pool, monkeypatch):
    both = [pwd.struct_passwd((f"gnt{n}", "x", n, 4000, "", "/", "/bin/false")) for n in (4000, 4001)]
    monkeypatch.setattr(pwd, "getpwall", lambda: both)
    with pytest.raises(WrongInput, match=r"the users gnt4000 and gnt4001 .* have the same group"):
        users.ensure_user(pool("4000-4001"))


@pytest.mark.parametrize(
    ("text", "told"), [("", "gnt-cluster modify --uid-pool"), ("4123456789", "this node has no users with IDs")]
)
def test_a_pool_without_users_is_told_before_anything_starts(pool, text, told):
    with pytest.raises(WrongInput, match=told):
        users.ensure_user(pool(text))


def test_without_a_model_qemu_stays_who_it_is():
    with users.taken(plan_of(configured())) as user:
        assert user is None


def test_a_user_who_is_named_is_looked_up():
    plan = plan_of(configured(security_model="user", security_domain="nobody"))
    with users.taken(plan) as user:
        assert (user.uid, user.lock) == (pwd.getpwnam("nobody").pw_uid, None)
    with pytest.raises(WrongInput, match="there is no user 'nosuch'"):
        users.ensure_user(plan_of(configured(security_model="user", security_domain="nosuch")))


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_who_asks_twice_leaves_no_descriptor_open(pool):
    ((only, _),) = idle(1)
    plan, before = pool(str(only)), descriptors()
    for _ in range(3):
        with users.taken(plan):
            pass
    assert descriptors() == before
