# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""backup, restore, migrate and export: the contract's headless-and-admin.md sections 1 and 3."""

import contextlib
import csv
import datetime
import hashlib
import io
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
from decimal import Decimal

import harness
import load
import pgcluster
from harness import Books, Case, Gateway, Mock, chat_body, wait_for

BACKUP_RULE = "headless-and-admin.md 1, backup"
RESTORE_RULE = "headless-and-admin.md 1, restore"
MIGRATE_RULE = "headless-and-admin.md 1, migrate"
EXPORT_RULE = "headless-and-admin.md 1, export"
ROUTE_RULE = "headless-and-admin.md 3, Backup"
KILLS = 6
MANY_ROWS = 150_000  # make a copy last long enough to be interrupted


class DataCase(Case):
    """Installations with a mock provider behind them, and a folder for their copies."""

    @classmethod
    def setUpClass(cls):
        cls.mock = cls.enterClassContext(Mock())

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="ag-e2e-copies-")))

    def installation(self, database=None, **members):
        """A gateway that is not started yet; removed after the test."""
        document = harness.bootstrap(self.mock, harness.MODELS, [load.PLATFORM])
        gateway = Gateway(document, database, **members)
        self.addCleanup(gateway.remove)
        self.gateways += (gateway,)
        return gateway

    def fresh(self):
        """An installation on the kind of database that is being tested."""
        return self.installation(self.enterContext(harness.fresh_database()))

    @staticmethod
    def run_command(gateway, *args, storage=None, env=None, **options):
        """A command that ends by itself; its output with the line ends that it has."""
        ended = subprocess.run(
            gateway.command(*args, *(gateway.storage if storage is None else storage)),
            env=env or harness.clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
            **options,
        )
        ended.stdout, ended.stderr = ended.stdout.decode(), ended.stderr.decode()
        return ended

    def done(self, gateway, rule, *args, **options):
        """A command that must succeed; what it said on standard output."""
        ended = self.run_command(gateway, *args, **options)
        self.holds(
            ended.returncode == 0, f"exit code 0 of {args}", rule, (ended.returncode, ended.stdout, ended.stderr)
        )
        return ended.stdout

    def refused(self, gateway, code, rule, *args, mentions=(), **options):
        """A command that must fail with that code and one message with these words."""
        ended = self.run_command(gateway, *args, **options)
        self.equal(ended.returncode, code, rule, f"exit code of {args} ({ended.stdout} {ended.stderr})")
        for word in mentions:
            self.holds(word in ended.stderr, f"a message on standard error with {word!r}", rule, ended.stderr)
        return ended.stderr

    def sound(self, gateway, rule, copy):
        """The books in a copy balance."""
        self.done(gateway, rule, "verify", storage=["--data-dir", self.folder, "--database", f"sqlite:{copy}"])

    def run_calls(self, gateway, calls=150, seed=1):
        tenant = gateway.tenant("acme")
        load.Load(tenant, seed, threads=8, calls=calls).start().join()
        gateway.wait_until_quiet()
        return tenant

    def billed_call(self, tenant):
        with tenant.user_client("user-0") as client:
            client.post(load.CHAT, chat_body(harness.PLAIN.name)).expect(200, "inference.md")

    def same_books(self, came, expected, rule):
        for part in ("logs", "wallet", "wallet_rows", "ledgers"):
            self.equal(getattr(came, part), getattr(expected, part), rule, part)


def books_of(gateway, earlier):
    """The books of a running installation, read with the keys that another one handed out."""
    gateway.result = gateway.result or earlier.gateway.result
    gateway.admin_key = gateway.admin_key or earlier.gateway.admin_key
    return Books.read(harness.Tenant(gateway, platform_entry(earlier))).reconcile()


def platform_entry(tenant):
    return {"id": tenant.id, "platform_key": tenant.key, "end_users": list(tenant.users.values())}


def tenant_on(gateway, earlier):
    return harness.Tenant(gateway, platform_entry(earlier))


def number_in(file, statement):
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return connection.execute(statement).fetchone()[0]


def time_of(what):
    """Seconds."""
    start = time.monotonic()
    what()
    return time.monotonic() - start


def digest_of(file):
    """Of everything that a SQLite file holds."""
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return hashlib.sha256("\n".join(connection.iterdump()).encode()).hexdigest()


AUDIT_COLUMNS = "id, actor, action, target, details, created_at"


def grow(gateway):
    """Many rows that no rule of the books is about, in a database that nobody works with."""
    if gateway.database:
        fill = (
            f"INSERT INTO audit_log ({AUDIT_COLUMNS}) SELECT 'x', 'x', 'x', 'x', '{{}}', n "
            f"FROM generate_series(1, {MANY_ROWS}) n"
        )
        subprocess.run([pgcluster.tool("psql"), gateway.database, "-q", "-c", fill], check=True)
        return
    with contextlib.closing(sqlite3.connect(gateway.data_dir / "gateway.db")) as connection:
        rows = (("x", "x", "x", "x", "{}", n) for n in range(MANY_ROWS))
        connection.executemany(f"INSERT INTO audit_log ({AUDIT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.commit()


class Backup(DataCase):
    def test_a_copy_made_under_load_is_sound_and_complete(self):
        gateway = self.fresh().start()
        tenant = gateway.tenant("acme")
        running = load.Load(tenant, load.seed(), threads=8).start()
        wait_for("some answered calls", lambda: running.failures or running.count() > 30, 30)
        for number in range(3):
            copy = self.folder / f"{number}.db"
            before = running.count()
            said = self.done(gateway, BACKUP_RULE, "backup", str(copy))
            self.holds("master key" in said and str(copy) in said, "a word about the master key", BACKUP_RULE, said)
            self.equal(harness.mode_of(copy), "0o600", BACKUP_RULE, "mode of the copy")
            self.sound(gateway, BACKUP_RULE, copy)
            rows = number_in(copy, "SELECT count(*) FROM request_logs")
            self.holds(rows >= before * 0.8, f"the calls of before ({before})", BACKUP_RULE, rows)
        running.stop()
        self.equal(sorted(os.listdir(self.folder)), ["0.db", "1.db", "2.db"], BACKUP_RULE, "what is left in the folder")
        gateway.finish()

    def test_restored_with_the_same_key_the_installation_goes_on(self):
        gateway = self.fresh().start()
        tenant = self.run_calls(gateway)
        before = Books.read(tenant).reconcile()
        copy = self.folder / "copy.db"
        self.done(gateway, BACKUP_RULE, "backup", str(copy))
        self.billed_call(tenant)  # after the copy: it is not in there
        gateway.stop()

        other = self.fresh()
        other.data_dir.mkdir(mode=0o700)
        shutil.copy(gateway.data_dir / "master.key", other.data_dir)
        self.done(other, RESTORE_RULE, "restore", str(copy))
        other.start(bootstrap=None)
        self.same_books(books_of(other, tenant), before, RESTORE_RULE)
        self.billed_call(tenant_on(other, tenant))  # keys of users, sealed keys of providers, growing keys of rows
        after = books_of(other, tenant)
        self.equal(len(after.logs), len(before.logs) + 1, RESTORE_RULE, "log rows after one more call")
        self.holds(after.wallet["balance"] < before.wallet["balance"], "a debited wallet", RESTORE_RULE, after.wallet)
        other.finish()

    def test_places_that_will_not_do(self):
        gateway = self.fresh().start()
        there = self.folder / "there.db"
        there.write_text("dear")
        self.refused(gateway, 1, BACKUP_RULE, "backup", str(there), mentions=[str(there), "exists"])
        self.equal(there.read_text(), "dear", BACKUP_RULE, "the file that was there")
        for place in (self.folder / "nowhere" / "copy.db", pathlib.Path("/proc/copy.db")):
            self.refused(gateway, 1, BACKUP_RULE, "backup", str(place), mentions=[str(place)])
        self.equal(os.listdir(self.folder), ["there.db"], BACKUP_RULE, "what is left in the folder")
        gateway.finish()

    def test_a_full_disk_leaves_nothing(self):
        gateway = self.fresh().start()
        gateway.stop()
        grow(gateway)
        copy = self.folder / "copy.db"
        self.refused(
            gateway,
            1,
            BACKUP_RULE,
            "backup",
            str(copy),
            mentions=[str(copy)],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)),
        )
        self.equal(os.listdir(self.folder), [], BACKUP_RULE, "what is left in the folder")
        with small_disk(self.folder) as disk:
            if disk:
                copy = f"{disk}/copy.db"
                self.refused(gateway, 1, BACKUP_RULE, "backup", copy, mentions=["no space", copy])
                self.equal(os.listdir(disk), [], BACKUP_RULE, "what is left on the full disk")
        gateway.verify()

    def test_an_end_in_the_middle_leaves_nothing(self):
        gateway = self.fresh().start()
        gateway.stop()
        grow(gateway)
        copy = self.folder / "copy.db"
        process = subprocess.Popen(
            gateway.command("backup", str(copy), *gateway.storage),
            env=harness.clean_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for("a copy in the making", lambda: (self.folder / "copy.db.part").exists() or process.poll() is not None)
        process.send_signal(signal.SIGTERM)
        self.equal(process.wait(20), 1, BACKUP_RULE, "exit code after SIGTERM")
        self.equal(os.listdir(self.folder), [], BACKUP_RULE, "what is left in the folder")

    def test_wrong_words_are_named(self):
        gateway = self.fresh()
        for args, word in (
            (["backup"], "backup"),
            (["restore"], "restore"),
            (["backup", "a", "b"], "backup"),
            (["migrate"], "to"),
            (["migrate", "--to", "sqlite:x.db"], "to"),
            (["migrate", "x", "--to", "postgresql://u:p@h/n"], "migrate"),
            (["export"], "export"),
            (["export", "secrets", "--platform", "a", "--since", "2026-01-01T00:00:00Z"], "secrets"),
            (["export", "logs", "--since", "2026-01-01T00:00:00Z"], "platform"),
            (["export", "logs", "--platform", "acme"], "since"),
            (["export", "logs", "--platform", "acme", "--since", "yesterday"], "yesterday"),
            (["export", "logs", "--platform", "a", "--since", "2026-01-01T00:00:00Z", "--format", "xls"], "xls"),
        ):
            with self.subTest(args=args):
                self.refused(gateway, 2, "headless-and-admin.md 1, a bad value", *args, mentions=[word])
        said = self.refused(gateway, 2, MIGRATE_RULE, "migrate", "--to", "mysql://me:hidden@host/n", mentions=["to"])
        self.holds("hidden" not in said, "no password in the message", MIGRATE_RULE, said)


@contextlib.contextmanager
def small_disk(folder):
    """A file system of one megabyte, where this process may mount one; None otherwise."""
    place = folder / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], stderr=subprocess.DEVNULL, check=False
    )
    if mounted.returncode != 0:
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


class BackupRoute(DataCase):
    def test_a_backup_while_the_gateway_works(self):
        gateway = self.fresh().start()
        tenant = gateway.tenant("acme")
        running = load.Load(tenant, load.seed(), threads=8).start()
        wait_for("some answered calls", lambda: running.failures or running.count() > 30, 30)
        with gateway.client(gateway.admin_key) as admin:
            made = admin.post("/v1/admin/backup", {"file": "/tmp/elsewhere.db"}).expect_json(200, ROUTE_RULE)
            entries = admin.rows("/v1/admin/audit")
        running.stop()
        self.shape(made, {"file": str, "bytes": int, "rows": int, "created_at": harness.is_time}, ROUTE_RULE)
        folder = gateway.data_dir / "backups"
        self.equal(os.listdir(folder), [made["file"]], ROUTE_RULE, "the folder of backups")
        file = folder / made["file"]
        self.equal(file.stat().st_size, made["bytes"], ROUTE_RULE, "bytes")
        self.equal((harness.mode_of(folder), harness.mode_of(file)), ("0o700", "0o600"), ROUTE_RULE, "modes")
        self.holds(not os.path.exists("/tmp/elsewhere.db"), "no file that the caller names", ROUTE_RULE)
        noted = [entry for entry in entries if entry["action"] == "backup.create"]
        self.equal([entry["target"] for entry in noted], [made["file"]], ROUTE_RULE, "targets in the audit log")
        self.sound(gateway, ROUTE_RULE, file)
        self.equal(
            number_in(file, "SELECT count(*) FROM audit_log WHERE action = 'backup.create'"),
            1,
            ROUTE_RULE,
            "its own entry in it",
        )
        gateway.finish()

    def test_only_for_administrators(self):
        gateway = self.fresh().start()
        tenant = gateway.tenant("acme")
        for key, status, code in (
            (None, 401, "unauthorized"),
            (tenant.key, 403, "forbidden"),
            (tenant.users["user-0"]["end_user_key"], 403, "forbidden"),
        ):
            with gateway.client(key) as client:
                client.post("/v1/admin/backup").expect_error(status, code, ROUTE_RULE)
        with gateway.client(gateway.admin_key) as admin:
            admin.get("/v1/admin/backup").expect_error(405, "method_not_allowed", ROUTE_RULE)
        self.holds(not (gateway.data_dir / "backups").exists(), "no backup", ROUTE_RULE)
        gateway.finish()

    def test_others_are_answered_meanwhile_and_a_second_one_is_refused(self):
        gateway = self.fresh().start()
        gateway.stop()
        grow(gateway)
        gateway.start(bootstrap=None)
        tenant = gateway.tenant("acme")
        answers = []

        def ask():
            with gateway.client(gateway.admin_key, timeout=60) as admin:
                answers.append(admin.post("/v1/admin/backup"))

        first = threading.Thread(target=ask)
        first.start()
        wait_for("a backup in the making", lambda: list(gateway.data_dir.glob("backups/*.part")), 20)
        with gateway.client(gateway.admin_key) as admin:
            admin.post("/v1/admin/backup").expect_error(409, "conflict", ROUTE_RULE)
            admin.post("/v1/admin/verify").expect(200, ROUTE_RULE)
            admin.post("/v1/admin/platforms", {"name": "New", "slug": "new"}).expect(201, ROUTE_RULE)
        self.billed_call(tenant)
        first.join(60)
        answers[0].expect(200, ROUTE_RULE)
        gateway.finish()

    def test_an_orderly_stop_does_not_wait_for_it(self):
        gateway = self.fresh().start()
        gateway.stop()
        grow(gateway)
        gateway.start(bootstrap=None)
        sender = threading.Thread(target=self._ask_and_forget, args=(gateway,))
        sender.start()
        wait_for("a backup in the making", lambda: list(gateway.data_dir.glob("backups/*.part")), 20)
        gateway.stop()
        sender.join(60)
        self.holds(not list(gateway.data_dir.glob("backups/*.part")), "nothing half-made", ROUTE_RULE)
        gateway.verify()

    @staticmethod
    def _ask_and_forget(gateway):
        with contextlib.suppress(harness.Disconnected, OSError), gateway.client(gateway.admin_key, timeout=60) as admin:
            admin.post("/v1/admin/backup").read()


class Restore(DataCase):
    def copy_of(self, gateway, name="copy.db"):
        file = self.folder / name
        self.done(gateway, BACKUP_RULE, "backup", str(file))
        return str(file)

    def test_the_state_of_then_comes_back_and_that_of_now_is_kept(self):
        gateway = self.fresh().start()
        tenant = self.run_calls(gateway, 60)
        then = Books.read(tenant).reconcile()
        copy = self.copy_of(gateway)
        self.run_calls(gateway, 30, seed=2)
        now = Books.read(tenant).reconcile()
        gateway.stop()
        journal = gateway.data_dir / "settlements.journal"
        journal.write_text("{}\n")
        said = self.done(gateway, RESTORE_RULE, "restore", copy)
        kept = sorted(path.name for path in gateway.data_dir.glob("*.before-restore-*"))
        self.equal(len(kept), 2, RESTORE_RULE, f"what was kept ({kept})")
        for name in kept:
            self.holds(name in said, f"the name {name}", RESTORE_RULE, said)
        self.holds(not journal.exists(), "no journal of the replaced database", RESTORE_RULE)
        gateway.start(bootstrap=None)
        self.same_books(Books.read(tenant).reconcile(), then, RESTORE_RULE)
        self.billed_call(tenant)
        gateway.stop()
        gateway.verify()

        # And back again: what was kept is a backup like any other.
        (file,) = [name for name in kept if not name.startswith("settlements")]
        self.done(gateway, RESTORE_RULE, "restore", str(gateway.data_dir / file))
        gateway.start(bootstrap=None)
        self.same_books(Books.read(tenant).reconcile(), now, RESTORE_RULE)
        gateway.finish()

    def test_a_running_instance_is_left_alone(self):
        gateway = self.fresh().start()
        copy = self.copy_of(gateway)
        self.refused(gateway, 1, RESTORE_RULE, "restore", copy, mentions=["Stop it"])
        self.billed_call(gateway.tenant("acme"))
        gateway.finish()

    def test_what_is_no_backup_changes_nothing(self):
        gateway = self.fresh().start()
        tenant = self.run_calls(gateway, 20)
        before = Books.read(tenant).reconcile()
        copy = self.copy_of(gateway)
        gateway.stop()
        garbage = self.folder / "garbage"
        garbage.write_bytes(random.randbytes(100_000))
        recipes = self.folder / "recipes"
        with contextlib.closing(sqlite3.connect(recipes)) as connection:
            connection.execute("CREATE TABLE recipes (id TEXT)")
            connection.commit()
        for name, statement in (
            ("newer", "INSERT INTO schema_migrations (version, applied_at) VALUES (1000000, 0)"),
            ("broken", "UPDATE wallets SET balance = balance + 1"),
        ):
            shutil.copy(copy, self.folder / name)
            with contextlib.closing(sqlite3.connect(self.folder / name)) as connection:
                connection.execute(statement)
                connection.commit()
        for name, word in (
            ("garbage", "no backup"),
            ("recipes", "no backup"),
            ("missing", "no file"),
            ("newer", "1000000"),
            ("broken", "books do not balance"),
        ):
            with self.subTest(name=name):
                self.refused(gateway, 1, RESTORE_RULE, "restore", str(self.folder / name), mentions=[name, word])
        left = [path.name for path in gateway.data_dir.iterdir() if "restor" in path.name]
        self.equal(left, [], RESTORE_RULE, "rests in the data directory")
        gateway.start(bootstrap=None)
        self.same_books(Books.read(tenant).reconcile(), before, RESTORE_RULE)
        gateway.finish()

    def test_another_master_key_is_told_before_and_after(self):
        gateway = self.fresh().start()
        copy = self.copy_of(gateway)
        tenant = gateway.tenant("acme")
        gateway.stop()
        other = self.fresh().start()
        own = other.tenant("acme")
        other.stop()
        said = self.refused(other, 1, RESTORE_RULE, "restore", copy, mentions=["master key"])
        self.holds("nothing was changed" in said, "the word that nothing was changed", RESTORE_RULE, said)
        other.start(bootstrap=None)
        self.billed_call(own)
        other.stop()

        # The key is not there yet: restored, but not started on anything else than the right one.
        wrong = (other.data_dir / "master.key").rename(self.folder / "wrong.key")
        said = self.done(other, RESTORE_RULE, "restore", copy)
        self.holds("master key" in said, "the master key that is needed", RESTORE_RULE, said)
        start = ["--headless", *other.storage, "--listen", "127.0.0.1:0"]
        self.refused(other, 1, RESTORE_RULE, *start, storage=[], mentions=["master key"])
        shutil.copy(wrong, other.data_dir / "master.key")
        self.refused(other, 1, RESTORE_RULE, *start, storage=[], mentions=["master key does not belong"])
        shutil.copy(gateway.data_dir / "master.key", other.data_dir / "master.key")
        other.start(bootstrap=None)
        self.billed_call(tenant_on(other, tenant))
        other.finish()

    def test_killed_at_any_moment_the_old_or_the_new_state_works(self):
        gateway = self.fresh().start()
        tenant = self.run_calls(gateway, 40)
        gateway.stop()
        grow(gateway)
        copy = self.copy_of(gateway)
        lasts = time_of(lambda: self.done(gateway, RESTORE_RULE, "restore", copy))
        gateway.start(bootstrap=None)
        then = Books.read(tenant).reconcile()
        self.billed_call(tenant)
        now = Books.read(tenant).reconcile()
        gateway.stop()
        dice = random.Random(load.seed())
        states = []
        for _ in range(KILLS):
            process = subprocess.Popen(
                gateway.command("restore", copy, *gateway.storage),
                env=harness.clean_environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(dice.choice((dice.uniform(0, lasts), dice.uniform(0.85 * lasts, 1.1 * lasts))))
            process.kill()
            process.wait()
            gateway.verify()
            gateway.start(bootstrap=None)
            came = Books.read(tenant).reconcile()
            states.append(len(came.logs) == len(then.logs))
            self.same_books(came, then if states[-1] else now, RESTORE_RULE + ": the old or the new state")
            self.billed_call(tenant)
            now = Books.read(tenant).reconcile()
            gateway.stop()
            self.drop_kept(gateway)
        print(f"a restore lasts {lasts:.2f} s; killed {KILLS} times, new state {sum(states)} times", flush=True)
        self.done(gateway, RESTORE_RULE, "restore", copy)
        gateway.start(bootstrap=None)
        self.same_books(Books.read(tenant).reconcile(), then, RESTORE_RULE)
        gateway.finish()

    @staticmethod
    def drop_kept(gateway):
        for path in gateway.data_dir.glob("*.before-restore-*"):
            path.unlink()


class Migrate(DataCase):
    """From SQLite to the PostgreSQL server that this test is given."""

    def setUp(self):
        if os.environ.get("E2E_DATABASE", "sqlite") != "postgresql":
            self.skipTest("run with E2E_DATABASE=postgresql")
        super().setUp()

    def target(self):
        """An empty database, with a password in its URL that must not be shown."""
        url = self.enterContext(harness.postgres().database())
        return url.replace("postgres@", "postgres:hidden-word@")

    def settings_of(self, gateway):
        return json.loads((gateway.data_dir / "settings.json").read_text(encoding="utf-8"))

    def test_everything_moves_and_works_there(self):
        gateway = self.installation().start()
        tenant = self.run_calls(gateway)
        before = Books.read(tenant).reconcile()
        with gateway.client(gateway.admin_key) as admin:
            platforms = admin.rows("/v1/admin/platforms")
        gateway.stop()
        settings = gateway.data_dir / "settings.json"
        settings.write_text('{"workers": 2, "log_level": "info"}', encoding="utf-8")
        left = digest_of(gateway.data_dir / "gateway.db")
        target = self.target()
        ended = gateway.run("migrate", *gateway.storage, env={**harness.clean_environment(), "ASSISTIV_TO": target})
        self.equal(ended.returncode, 0, MIGRATE_RULE, f"exit code ({ended.stderr})")
        self.holds("hidden-word" not in ended.stdout + ended.stderr, "no password", MIGRATE_RULE, ended)
        self.equal(
            self.settings_of(gateway),
            {"workers": 2, "log_level": "info", "database": target},
            MIGRATE_RULE,
            "settings.json",
        )
        self.equal(harness.mode_of(settings), "0o600", MIGRATE_RULE, "mode of settings.json")
        self.equal(digest_of(gateway.data_dir / "gateway.db"), left, MIGRATE_RULE, "what the SQLite file holds")

        gateway.start(bootstrap=None)
        with gateway.client(gateway.admin_key) as admin:
            status = admin.get("/v1/admin/status").expect_json(200, MIGRATE_RULE)
            self.equal(admin.rows("/v1/admin/platforms"), platforms, MIGRATE_RULE, "platforms")
        self.equal(
            (status["database"]["kind"], status["workers"]), ("postgresql", 2), MIGRATE_RULE, "database and workers"
        )
        self.same_books(Books.read(tenant).reconcile(), before, MIGRATE_RULE)
        self.run_calls(gateway, 50, seed=3)
        after = Books.read(tenant).reconcile()
        self.holds(len(after.logs) > len(before.logs), "more log rows", MIGRATE_RULE, len(after.logs))
        self.equal(after.logs[-len(before.logs) :], before.logs, MIGRATE_RULE, "older log rows, in their order")
        gateway.finish()
        self.holds("hidden-word" not in gateway.output(), "no password in the log", MIGRATE_RULE)
        self.refused(gateway, 1, MIGRATE_RULE, "migrate", "--to", target, mentions=["PostgreSQL already"])

    def test_refusals_change_nothing(self):
        gateway = self.installation().start()
        target = self.target()
        self.refused(gateway, 1, MIGRATE_RULE, "migrate", "--to", target, mentions=["Stop it"])
        gateway.stop()
        unreachable = "postgresql://postgres:hidden-word@127.0.0.1:1/gateway"
        said = self.refused(gateway, 1, MIGRATE_RULE, "migrate", "--to", unreachable, mentions=["127.0.0.1:1"])
        self.holds("hidden-word" not in said, "no password", MIGRATE_RULE, said)

        url = self.enterContext(harness.postgres().database())
        subprocess.run([pgcluster.tool("psql"), url, "-q", "-c", "CREATE TABLE recipes (id TEXT)"], check=True)
        self.refused(gateway, 1, MIGRATE_RULE, "migrate", "--to", url, mentions=["holds data"])
        other = self.installation(self.enterContext(harness.postgres().database())).start()
        other.stop()
        self.refused(gateway, 1, MIGRATE_RULE, "migrate", "--to", other.database, mentions=["holds data"])
        other.start(bootstrap=None)
        self.billed_call(other.tenant("acme"))
        other.finish()

        self.holds(not (gateway.data_dir / "settings.json").exists(), "no setting", MIGRATE_RULE)
        gateway.start(bootstrap=None)
        self.billed_call(gateway.tenant("acme"))
        gateway.finish()

    def test_killed_at_any_moment_the_old_or_the_new_state_works(self):
        gateway = self.installation().start()
        tenant = self.run_calls(gateway, 60)
        before = Books.read(tenant).reconcile()
        gateway.stop()
        grow(gateway)
        settings = gateway.data_dir / "settings.json"
        elsewhere = self.target()
        lasts = time_of(lambda: self.done(gateway, MIGRATE_RULE, "migrate", "--to", elsewhere))
        settings.unlink()
        target = self.target()
        dice = random.Random(load.seed())
        for number in range(KILLS):
            process = subprocess.Popen(
                gateway.command("migrate", "--to", target, *gateway.storage),
                env=harness.clean_environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(dice.uniform(0, 1.1 * lasts))
            process.kill()
            process.wait()
            gateway.verify()
            switched = settings.exists()
            gateway.start(bootstrap=None)
            self.same_books(Books.read(tenant).reconcile(), before, MIGRATE_RULE + ": the old or the new state")
            gateway.stop()
            if switched:
                break
        print(f"a move lasts {lasts:.2f} s; killed {number + 1} times, in the end switched: {switched}", flush=True)
        if not switched:
            self.done(gateway, MIGRATE_RULE, "migrate", "--to", target)
        gateway.start(bootstrap=None)
        self.billed_call(tenant)
        with gateway.client(gateway.admin_key) as admin:
            status = admin.get("/v1/admin/status").expect_json(200, MIGRATE_RULE)
        self.equal(status["database"]["kind"], "postgresql", MIGRATE_RULE, "kind of database")
        gateway.finish()

    def test_one_that_was_ended_before_the_switch_is_finished(self):
        gateway = self.installation().start()
        tenant = self.run_calls(gateway, 20)
        gateway.stop()
        target = self.target()
        self.done(gateway, MIGRATE_RULE, "migrate", "--to", target)
        (gateway.data_dir / "settings.json").unlink()  # as if it had been killed just before
        self.done(gateway, MIGRATE_RULE, "migrate", "--to", target)
        self.equal(self.settings_of(gateway), {"database": target}, MIGRATE_RULE, "settings.json")
        (gateway.data_dir / "settings.json").unlink()
        gateway.start(bootstrap=None)
        self.billed_call(tenant)  # on SQLite: now the two differ
        gateway.stop()
        self.refused(gateway, 1, MIGRATE_RULE, "migrate", "--to", target, mentions=["holds data"])


EPOCH = "1970-01-01T00:00:00Z"


class Export(DataCase):
    def setUp(self):
        super().setUp()
        self.gateway = self.fresh().start()
        self.tenant = self.run_calls(self.gateway)
        with self.tenant.client as client:
            for description in ('Invoice "42", paid', "=cmd|' /C calc'!A0", "two\nlines", "'quoted'"):
                client.post(f"{self.tenant.path}/wallet/topup", {"amount": 1.5, "description": description}).expect(
                    200, "wallet.md"
                )
        self.books = Books.read(self.tenant).reconcile()

    def export(self, what, *args, platform="acme", since=EPOCH, **options):
        return self.done(
            self.gateway, EXPORT_RULE, "export", what, "--platform", platform, "--since", since, *args, **options
        )

    def as_the_api_has_them(self):
        """By name of the export, oldest first."""
        ledger = [row for _, rows in self.books.ledgers.values() for row in rows]
        return {"logs": self.books.logs[::-1], "wallet": self.books.wallet_rows, "ledger": ledger}

    def test_the_rows_of_the_api(self):
        for what, rows in self.as_the_api_has_them().items():
            with self.subTest(what=what):
                lines = self.export(what, "--format", "jsonl").splitlines()
                came = [harness.parse_json(line) for line in lines]
                self.same_rows(what, came, rows)
                for line in lines:
                    amounts = amounts_of(json.loads(line, parse_float=str, parse_int=str))
                    self.holds(
                        amounts and all(len(text.partition(".")[2]) == 6 for text in amounts),
                        "amounts with six places",
                        EXPORT_RULE,
                        line,
                    )
                table = list(csv.DictReader(io.StringIO(self.export(what), newline="")))
                self.same_rows(what, [self.from_csv(row, like) for row, like in zip(table, came)], came)
                self.equal(len(table), len(came), EXPORT_RULE, f"number of CSV rows of {what}")
        self.gateway.finish()

    def same_rows(self, what, came, rows):
        """The ledgers are read user by user from the API and as they were booked from the export."""
        if what == "ledger":
            came, rows = (sorted(part, key=lambda row: row["id"]) for part in (came, rows))
        self.equal(len(came), len(rows), EXPORT_RULE, f"number of rows of {what}")
        for one, other in zip(came, rows):
            self.equal(one, other, EXPORT_RULE, f"row of {what}")

    @staticmethod
    def from_csv(row, like):
        """A CSV row with the types of a JSON one."""

        def value(text, model):
            if model is None or (model == "" and text == ""):
                return model if text == "" else text
            if isinstance(model, dict):
                return harness.parse_json(text)
            if isinstance(model, str):
                return text[1:] if text.startswith("'") else text
            return Decimal(text)

        return {name: value(row[name], like[name]) for name in like}

    def test_spreadsheets_see_no_formula(self):
        text = self.export("wallet")
        guarded = "\"'=cmd|' /C calc'!A0\""
        self.holds(guarded in text, "an apostrophe before what looks like a formula", EXPORT_RULE, text)
        lines = text.startswith("id,platform_id,") and text.endswith("\r\n")
        self.holds(lines, "lines as RFC 4180 has them", EXPORT_RULE, text)
        self.gateway.finish()

    def test_since_platform_and_environment(self):
        rows = self.books.wallet_rows
        since = rows[len(rows) // 2]["created_at"]
        wanted = [row["id"] for row in rows if row["created_at"] >= since]

        def ids(text):
            return [json.loads(line)["id"] for line in text.splitlines()]

        self.equal(ids(self.export("wallet", "--format", "jsonl", since=since)), wanted, EXPORT_RULE, "rows since then")
        self.equal(
            ids(self.export("wallet", "--format", "jsonl", since=since, platform=self.tenant.id)),
            wanted,
            EXPORT_RULE,
            "rows of the platform by its id",
        )
        said = self.done(
            self.gateway,
            EXPORT_RULE,
            "export",
            "wallet",
            env={
                **harness.clean_environment(),
                "ASSISTIV_PLATFORM": "acme",
                "ASSISTIV_SINCE": since,
                "ASSISTIV_FORMAT": "jsonl",
            },
        )
        self.equal(ids(said), wanted, EXPORT_RULE, "rows by options from the environment")
        tomorrow = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)).isoformat()
        self.equal(self.export("logs", "--format", "jsonl", since=tomorrow), "", EXPORT_RULE, "rows of the future")
        self.refused(
            self.gateway,
            1,
            EXPORT_RULE,
            *("export", "logs", "--platform", "nobody", "--since", EPOCH),
            mentions=["nobody"],
        )
        self.gateway.finish()

    def test_a_reader_that_leaves_and_a_disk_that_is_full(self):
        command = self.gateway.command(
            "export", "logs", "--platform", "acme", "--since", EPOCH, *self.gateway.storage
        )
        self.gateway.stop()
        self.multiply_logs()
        process = subprocess.Popen(
            command, env=harness.clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        process.stderr.close()
        self.equal((process.wait(20), said), (0, b""), EXPORT_RULE, "the end behind a closed pipe")
        with open("/dev/full", "wb") as full:
            ended = subprocess.run(
                command, env=harness.clean_environment(), stdout=full, stderr=subprocess.PIPE, text=True, check=False
            )
        self.equal(ended.returncode, 1, EXPORT_RULE, "exit code on a full disk")
        self.holds("No space left" in ended.stderr, "the reason", EXPORT_RULE, ended.stderr)

    def multiply_logs(self):
        """Enough rows that no pipe holds them all."""
        names = (
            "id, platform_id, request_id, request_type, prompt_tokens, completion_tokens, latency_ms, cost, status, "
            "token_count_method, billing_status, metadata, created_at"
        )
        statement = f"INSERT INTO request_logs ({names}) SELECT {names} FROM request_logs"
        for _ in range(5):
            if self.gateway.database:
                subprocess.run([pgcluster.tool("psql"), self.gateway.database, "-q", "-c", statement], check=True)
            else:
                with contextlib.closing(sqlite3.connect(self.gateway.data_dir / "gateway.db")) as connection:
                    connection.execute(statement)
                    connection.commit()


def amounts_of(row):
    return [value for name, value in row.items() if name in ("amount", "balance_after") or "_usd" in name]


if __name__ == "__main__":
    harness.main()
