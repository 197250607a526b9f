#!/usr/bin/env python3
# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private PostgreSQL server for tests: own port, own temporary directory, gone when its owner is gone.

    pgcluster.py start --url-file FILE      start one, write its URL to FILE; it ends with the calling process
    pgcluster.py stop  --url-file FILE      end it now
    pgcluster.py run [--url-file FILE] -- COMMAND…
                                            fresh database, COMMAND with ASSISTIV_TEST_POSTGRES=URL, database dropped

`start` and `stop` are the ctest fixture `postgres`; the owner of the server is then ctest itself, so an interrupted run
leaves nothing behind. In Python: `with pgcluster.server() as server, server.database() as url: …`.

Exit code 77 means that PostgreSQL is not installed (ctest shows it as skipped). With CI set in the environment it is 1.
"""

import argparse
import contextlib
import glob
import json
import os
import pwd
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SKIP = 77
START_SECONDS = 60


class NotInstalled(Exception):
    pass


def skip_or_fail(reason):
    """Leaves the program: a missing tool is a skip on a developer's machine and a failure on CI."""
    if os.environ.get("CI"):
        print(f"FAILED (CI is set, so this must not be skipped): {reason}", flush=True)
        sys.exit(1)
    print(f"SKIPPED: {reason}", flush=True)
    sys.exit(SKIP)


def tool(name):
    """Full path of a program of the newest installed PostgreSQL server."""

    def version(path):
        return [int(part) if part.isdigit() else 0 for part in path.split("/")[-3].split("-")[-1].split(".")]

    folders = sorted(
        glob.glob("/usr/lib/postgresql/*/bin/") + glob.glob("/usr/pgsql-*/bin/"), key=version, reverse=True
    )
    found = shutil.which("initdb")
    if found:
        folders.append(os.path.dirname(os.path.realpath(found)) + "/")
    for folder in folders:
        if os.access(folder + "initdb", os.X_OK) and os.access(folder + name, os.X_OK):
            return folder + name
    raise NotInstalled(
        "PostgreSQL's server programs (initdb, postgres) were not found; on Debian: apt install postgresql"
    )


def server_account():
    """The account the server runs as, as arguments of subprocess: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise NotInstalled("running as root and there is no account `postgres` to run the server as")


def with_parent(command):
    """The command, wrapped so that the kernel ends it when this process dies in whatever way."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "INT", *command] if setpriv else command


class Server:
    """A running server, known by its URL (to its maintenance database)."""

    def __init__(self, url):
        self.url = url
        self._base = url.rsplit("/", 1)[0]

    def _maintain(self, program, *args):
        subprocess.run([tool(program), f"--maintenance-db={self.url}", *args], check=True, stdout=subprocess.DEVNULL)

    @contextlib.contextmanager
    def database(self):
        """URL of a new empty database, dropped afterwards whoever is still connected."""
        name = "e2e_" + secrets.token_hex(6)
        self._maintain("createdb", name)
        try:
            yield f"{self._base}/{name}"
        finally:
            self._maintain("dropdb", "--force", "--if-exists", name)


class Cluster:
    """initdb, a postgres process, and the end of both."""

    def __init__(self):
        self._account = server_account()
        self._folder = tempfile.mkdtemp(prefix="agpg-")
        self._process = None
        self._port = None
        self.url = None
        try:
            if self._account:
                os.chown(self._folder, self._account["user"], self._account["group"])
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self):
        initdb = subprocess.run(
            [
                tool("initdb"),
                "--pgdata",
                self._folder + "/data",
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--no-locale",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self._folder,
            **self._account,
        )
        if initdb.returncode:
            raise RuntimeError(f"initdb failed:\n{initdb.stdout}")
        for _ in range(5):  # the free port may be taken by somebody else before postgres binds it
            self._port = self._free_port()
            self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"
            if self._run():
                return
        raise RuntimeError("postgres did not start:\n" + self._log())

    def _run(self):
        """Starts the server on its port; true once it takes connections."""
        with open(self._folder + "/log", "ab") as log:
            self._process = subprocess.Popen(
                with_parent(
                    [
                        tool("postgres"),
                        "-D",
                        self._folder + "/data",
                        "-p",
                        str(self._port),
                        "-c",
                        "listen_addresses=127.0.0.1",
                        "-c",
                        f"unix_socket_directories={self._folder}",
                        "-c",
                        "max_connections=200",
                    ]
                ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                process_group=0,
                **self._account,
            )
        return self._wait_until_ready()

    def _log(self):
        with open(self._folder + "/log", encoding="utf-8", errors="replace") as log:
            return log.read()[-4000:]

    def restart(self, mode, away_seconds=0):
        """What `pg_ctl restart -m fast` or `-m immediate` does; the latter is a crash, recovered from at the start.

        From the main thread only: the server ends with the thread that started it.
        """
        self._process.send_signal({"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode])
        self._process.wait(30)
        time.sleep(away_seconds)
        if not self._run():
            raise RuntimeError("postgres did not start again:\n" + self._log())

    @staticmethod
    def _free_port():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    def _wait_until_ready(self):
        command = [tool("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if subprocess.run(command, check=False).returncode == 0:
                return True
            time.sleep(0.05)
        return False

    def stop(self):
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # "fast" shutdown: disconnects clients
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait(20)
        shutil.rmtree(self._folder, ignore_errors=True)


def serve(owner):
    """Runs a cluster until the owner process ends or somebody asks; prints one JSON line when it is ready."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    watch = os.pidfd_open(owner)
    cluster = Cluster()
    try:
        print(json.dumps({"url": cluster.url, "pid": os.getpid()}), flush=True)
        with open(os.devnull, "w", encoding="ascii") as nothing:
            os.dup2(nothing.fileno(), 1)  # nobody must wait for the end of our output: ctest does, for every test
            os.dup2(nothing.fileno(), 2)
        select.select([watch], [], [])
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        cluster.stop()


def launch(owner):
    """Starts `serve` as a process of its own, so that it outlives a killed owner by just long enough to clean up."""
    tool("postgres")
    server_account()
    process = subprocess.Popen(
        [sys.executable, os.path.abspath(__file__), "serve", "--owner", str(owner)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    line = process.stdout.readline()
    process.stdout.close()
    if not line:
        raise RuntimeError("the PostgreSQL test server did not start, see above")
    return process, json.loads(line)


@contextlib.contextmanager
def server():
    """The server of ASSISTIV_TEST_POSTGRES (a URL) or ASSISTIV_TEST_POSTGRES_FILE (from `start`), else a new one."""
    url = os.environ.get("ASSISTIV_TEST_POSTGRES")
    file = os.environ.get("ASSISTIV_TEST_POSTGRES_FILE")
    if not url and file and os.path.exists(file):
        url = read_url(file)
    if url:
        yield Server(url)
        return
    process, ready = launch(os.getpid())
    try:
        yield Server(ready["url"])
    finally:
        process.terminate()
        process.wait(60)


def read_url(file):
    with open(file, encoding="ascii") as lines:
        return lines.readline().strip()


def start(url_file):
    stop(url_file)
    _, ready = launch(os.getppid())
    with open(url_file + ".part", "w", encoding="ascii") as out:
        out.write(f"{ready['url']}\n{ready['pid']}\n")
    os.replace(url_file + ".part", url_file)
    print(ready["url"])


def stop(url_file):
    """Ends the server of that file, if it is (still) one of ours."""
    try:
        with open(url_file, encoding="ascii") as lines:
            pid = int(lines.read().split()[1])
    except (OSError, ValueError, IndexError):
        return
    os.remove(url_file)
    with contextlib.suppress(OSError):
        watch = os.pidfd_open(pid)
        with open(f"/proc/{pid}/cmdline", "rb") as command:
            if os.path.basename(__file__).encode() not in command.read():
                return
        signal.pidfd_send_signal(watch, signal.SIGTERM)
        select.select([watch], [], [], 60)


def run(url_file, command):
    if url_file and os.path.exists(url_file):
        os.environ["ASSISTIV_TEST_POSTGRES_FILE"] = url_file
    with server() as running, running.database() as url:
        return subprocess.run(command, env={**os.environ, "ASSISTIV_TEST_POSTGRES": url}, check=False).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("start", "stop"):
        verbs.add_parser(verb).add_argument("--url-file", required=True)
    verbs.add_parser("serve").add_argument("--owner", type=int, required=True)
    runner = verbs.add_parser("run")
    runner.add_argument("--url-file")
    runner.add_argument("command", nargs="+")
    args = parser.parse_args()
    try:
        if args.verb == "start":
            start(args.url_file)
        elif args.verb == "stop":
            stop(args.url_file)
        elif args.verb == "serve":
            serve(args.owner)
        else:
            sys.exit(run(args.url_file, args.command))
    except NotInstalled as reason:
        skip_or_fail(str(reason))


if __name__ == "__main__":
    main()
