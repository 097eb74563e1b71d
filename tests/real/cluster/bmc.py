# SPDX-License-Identifier: BSD-2-Clause
"""Simulators of management controllers, which run on the master's loopback: OpenIPMI's and OpenStack's.

``ipmi_sim`` (ipmi_lan(5), ipmi_sim_cmd(5)) switches machines by a script, as the power goes in ``switches.py``.
``sushy-emulator --fake`` (sushy-tools) is a Redfish service with machines of its own, which take their time.
"""

import shlex
import shutil
from pathlib import Path

import pytest

from tests.real.cluster.work import eventually

USER, PASSWORD = "ganeti", "secret"
_EMULATOR = Path(__file__).parents[3] / ".cache/sushy-tools/bin/sushy-emulator"
_PORT = 9620

_LAN = """\
name "{name}"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 {port}
    priv_limit admin
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "{place}/chassis"
  user 1 true "" "test" user 10 none md2 md5 straight
  user 2 true "{user}" "{password}" admin 10 none md2 md5 straight
"""
_CHASSIS = """\
#!/bin/sh
cd {power} || exit 1
case "$*" in
"get power") if [ "$(cat is)" = on ]; then echo power:1; else echo power:0; fi;;
"set power 0") echo off >wanted;;
"set power 1") echo on >wanted;;
esac
"""
_NOTHING = "0" * 15  # events that a sensor has
# What it measures, as the SDR has it (IPMI 2.0, tables 42-3 and 43-15), its name, and the value.
_SENSORS = ((0x01, 1, "Ambient Temp", 23), (0x04, 18, "FAN 1", 3), (0x01, 1, "CPU Temp", 85))
_THRESHOLDS = (112, 96, 80, 5, 4, 2)  # from upper non-recoverable to lower non-recoverable


def _sdr(number, kind, unit, name):
    """A full sensor record (IPMI 2.0, table 43-1): the value is what the sensor reads."""
    about = [0x20, 0, number, 7, 1, 0x67, 0x68, kind, 1, 0x95, 0x0A, 0x95, 0x0A, 0x3F, 0x3F, 0, unit, 0, 0, 1]
    ranges = [0, 0, 0, 0, 0, 0, 32, 96, 0, 255, 0, *_THRESHOLDS, 1, 1, 0, 0, 0]
    body = [*about, *ranges, 0xC0 | len(name), *name.encode()]
    return [number, 0, 0x51, 1, len(body), *body]


def _commands():
    yield "mc_setbmc 0x20"
    yield "mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr"
    yield "sel_enable 0x20 1000 0x0a"
    for number, (kind, unit, name, value) in enumerate(_SENSORS, 1):
        yield f"sensor_add 0x20 0 {number} {kind} 1"
        yield f"main_sdr_add 0x20 {' '.join(map(hex, _sdr(number, kind, unit, name)))}"
        yield f"sensor_set_threshold 0x20 0 {number} settable 111111 {' '.join(map(hex, _THRESHOLDS))}"
        yield f"sensor_set_event_support 0x20 0 {number} enable scanning none {' '.join([_NOTHING] * 4)}"
        yield f"sensor_set_value 0x20 0 {number} {value} 0"
    yield "mc_enable 0x20\n"


def start_ipmi(lab, names):
    """A controller for each of these nodes; the settings of the helper for them."""
    if missing := [name for name in ("ipmi_sim", "ipmitool") if not shutil.which(name)]:
        pytest.skip(f"{', '.join(missing)} not installed")
    master, settings = lab.node("node1"), []
    for port, name in enumerate(names, _PORT):
        place, power = f"/root/bmc/{name}", lab.plan.shared / "power" / name
        master.path(f"{place}/state").mkdir(parents=True)
        fill = {"name": name, "port": port, "place": place, "user": USER, "password": PASSWORD}
        master.write(f"{place}/lan.conf", _LAN.format(**fill))
        master.write(f"{place}/commands", "\n".join(_commands()))
        master.write(f"{place}/chassis", _CHASSIS.format(power=f"/srv/ganeti/shared-file-storage/power/{power.name}"))
        master.path(f"{place}/chassis").chmod(0o755)
        words = ("-n", "-c", f"{place}/lan.conf", "-f", f"{place}/commands", "-s", f"{place}/state")
        master.spawn("ipmi_sim", *words, log=f"{place}/log")
        settings.append(f'[nodes."{name}.lab.test"]\nport = {port}\n')
    return _toml(*settings)


def start_redfish(lab, names):
    """One service with a system for each of these nodes; the settings of the helper for them, and what they are."""
    if not _EMULATOR.exists():
        pytest.skip("sushy-tools is not installed; './run test' does it")
    master, place = lab.node("node1"), "/root/redfish"
    master.path(f"{place}/state").mkdir(parents=True)
    systems = {name: f"11111111-0000-4000-8000-0000000000{number:02}" for number, name in enumerate(names)}
    fakes = [{"uuid": uuid, "name": name, "power_state": "On", "nics": []} for name, uuid in systems.items()]
    hashing = f"import bcrypt; print('{USER}:' + bcrypt.hashpw(b'{PASSWORD}', bcrypt.gensalt(4)).decode())"
    hashed = master.run(str(_EMULATOR.with_name("python")), "-c", hashing)
    assert not hashed.failed, hashed.why()
    master.write(f"{place}/users", hashed.output)
    key, certificate = f"{place}/key.pem", f"{place}/certificate.pem"
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=bmc")
    for words in ((*made, "-keyout", key, "-out", certificate), ("chmod", "600", key)):
        done = master.run(*words)
        assert not done.failed, done.why()
    settings = {
        "LISTEN_IP": "127.0.0.1",
        "LISTEN_PORT": _PORT,
        "SSL_CERT": certificate,
        "SSL_KEY": key,
        "AUTH_FILE": f"{place}/users",
        "STATE_DIR": f"{place}/state",
        "FAKE_SYSTEMS": fakes,
    }
    lines = [f"SUSHY_EMULATOR_{name} = {value!r}\n" for name, value in settings.items()]
    master.write(f"{place}/settings.py", "".join(lines))
    master.spawn(str(_EMULATOR), "--fake", "--config", f"{place}/settings.py", log=f"{place}/log")
    eventually(lambda: not master.run(*_get("")).failed)
    printed = master.run("openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha256").output
    common = f'port = {_PORT}\nfingerprint = "{printed.strip().partition("=")[2]}"\n'
    chosen = [f'[nodes."{name}.lab.test"]\n{common}system = "{uuid}"\n' for name, uuid in systems.items()]
    return _toml(*chosen), systems


def redfish_says(lab, uuid):
    done = lab.node("node1").run(*_get(f"/Systems/{uuid}"))
    assert not done.failed, done.why()
    return done.output


def _get(path):
    words = f"curl --silent --fail --insecure --user {USER}:{PASSWORD} https://127.0.0.1:{_PORT}/redfish/v1{path}"
    return shlex.split(words)


def _toml(*settings):
    return "".join((f'[defaults]\naddress = "127.0.0.1"\nuser = "{USER}"\npassword = "{PASSWORD}"\n', *settings))
