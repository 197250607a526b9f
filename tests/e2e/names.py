# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small internet of one process: a network of its own with a public address, and a name server that says what a test
wants. Nothing of it is seen outside, and nothing outside is reached. It takes root."""

import ipaddress
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

from disks import cannot

INSIDE = "E2E_OWN_NETWORK"
PUBLIC = "9.9.9.9"  # anybody's; in here it is ours
PUBLIC_6 = "2620:fe::9"
SERVER = "127.0.0.53"
A, AAAA = 1, 28


def enter():
    """Goes on in a network of its own, in which only loopback and the public addresses are."""
    if os.environ.get(INSIDE):
        return
    if os.geteuid() != 0:
        cannot("a network of one's own takes root")
    tools = {
        name: shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") for name in ("unshare", "ip")
    }
    missing = [name for name, path in tools.items() if not path]
    if missing:
        cannot(f"{' and '.join(missing)} not installed")
    if subprocess.run([tools["unshare"], "--net", "--mount", "true"], capture_output=True, check=False).returncode:
        # Also on CI: many containers do not, and nothing can be installed against that.
        raise unittest.SkipTest("this kernel or container allows no network of one's own")
    os.environ[INSIDE] = "1"
    os.execv(tools["unshare"], ["unshare", "--net", "--mount", "--", sys.executable, "-B", *sys.argv])


def prepare():
    """Addresses and the file that says who knows names; called inside, once."""
    ip = shutil.which("ip", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    for command in (["link", "set", "lo", "up"], ["addr", "add", f"{PUBLIC}/32", "dev", "lo"]):
        subprocess.run([ip, *command], check=True)
    subprocess.run([ip, "-6", "addr", "add", f"{PUBLIC_6}/128", "dev", "lo"], check=False, stderr=subprocess.DEVNULL)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ag-names-"))
    files = {
        "/etc/resolv.conf": f"nameserver {SERVER}\noptions timeout:1 attempts:1\n",
        "/etc/hosts": "127.0.0.1 localhost\n127.0.0.1 in-the-hosts-file.test\n",
        "/etc/nsswitch.conf": "hosts: files dns\n",
    }
    for path, text in files.items():
        mine = folder / pathlib.Path(path).name
        mine.write_text(text, encoding="ascii")
        if os.path.exists(path):
            subprocess.run(["mount", "--bind", str(mine), os.path.realpath(path)], check=True)
    return folder


class NameServer:
    """Answers questions for addresses by UDP: `names` has, for each name, a list of answers that are given in turn; an
    answer is a list of addresses. The last one is given for good."""

    def __init__(self):
        self.names = {}
        self.asked = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._turns = {}

    def __enter__(self):
        self._socket.bind((SERVER, 53))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._socket.close()

    def say(self, name, *answers):
        self.names[name] = list(answers)
        self._turns.pop((name, A), None), self._turns.pop((name, AAAA), None)
        return name

    def _serve(self):
        while True:
            try:
                question, peer = self._socket.recvfrom(4096)
            except OSError:
                return
            self._socket.sendto(self._answer(question), peer)

    def _answer(self, question):
        end, labels = 12, []
        while length := question[end]:
            labels.append(question[end + 1 : end + 1 + length].decode("ascii", "replace"))
            end += 1 + length
        name = ".".join(labels).lower()
        kind = struct.unpack(">H", question[end + 1 : end + 3])[0]
        self.asked.append((name, kind))
        records = [self._record(address) for address in self._addresses(name, kind)]
        code = 0 if name in self.names else 3  # no such name
        head = question[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(records), 0, 0)
        return head + question[12 : end + 5] + b"".join(records)

    def _addresses(self, name, kind):
        """Each kind of question has turns of its own: a resolver asks for both."""
        answers = self.names.get(name)
        if not answers or kind not in (A, AAAA):
            return []
        turn = self._turns.get((name, kind), 0)
        self._turns[name, kind] = turn + 1
        wanted = 4 if kind == A else 6
        given = map(ipaddress.ip_address, answers[min(turn, len(answers) - 1)])
        return [address for address in given if address.version == wanted]

    @staticmethod
    def _record(address):
        kind = A if address.version == 4 else AAAA
        return b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(address.packed)) + address.packed
