# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line, start and stop, bootstrap file, demo: the contract's headless-and-admin.md sections 1, 2 and 4."""

import copy
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
from decimal import Decimal

import harness
import pgcluster
from harness import Books, Case, Gateway, Mock, bootstrap, chat_body, platform, user, wait_for

OPTIONS_RULE = "headless-and-admin.md 1, an unknown option or bad value"
START_RULE = "headless-and-admin.md 1, start failures"
BOOTSTRAP_RULE = "headless-and-admin.md 2, unknown keys or bad values"


class HeadlessCase(Case):
    """A fresh installation per test."""

    @classmethod
    def setUpClass(cls):
        cls.mock = cls.enterClassContext(Mock())

    def document(self, **members):
        return bootstrap(
            self.mock, [harness.PLAIN.name, harness.SLOW.name], [platform("acme", [user("alice", 10)], **members)]
        )

    def installation(self, document=None, **members):
        """A gateway that is not started yet; removed after the test."""
        database = self.enterContext(harness.fresh_database())
        gateway = Gateway(document or self.document(), database, **members)
        self.addCleanup(gateway.remove)
        self.gateways += (gateway,)
        return gateway

    def refused(self, gateway, code, rule, *args, mentions=(), env=None):
        """Runs a start that must end by itself with that code and one message that names what is wrong."""
        try:
            ended = gateway.run(*args, env=env, timeout=10)
        except subprocess.TimeoutExpired as running:
            raise AssertionError(
                f"expected {args} to be refused with exit code {code} by {rule}; it was still running after 10 s, "
                f"having said {running.stderr!r}"
            ) from None
        said = ended.stderr
        self.holds(
            ended.returncode == code, f"exit code {code} of {args}", rule, (ended.returncode, said, ended.stdout)
        )
        for word in mentions:
            self.holds(
                re.search(word, said, re.IGNORECASE), f"a message on standard error that matches {word!r}", rule, said
            )
        return said


class CommandLine(HeadlessCase):
    def test_help_and_version_answer_without_a_display(self):
        gateway = self.installation()
        without_display = {
            name: value
            for name, value in harness.clean_environment().items()
            if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
        }
        for option in ("--help", "--version"):
            ended = gateway.run(option, env=without_display)
            self.equal(ended.returncode, 0, "headless-and-admin.md 1, --help and --version", f"exit code of {option}")
        for option in (
            "--headless",
            "--data-dir",
            "--listen",
            "--bootstrap",
            "--bootstrap-out",
            "--ready-file",
            "--database",
            "--workers",
            "--key-source",
            "--demo",
            "--log-format",
            "--log-level",
            "--insecure-listen",
            "--tls-cert",
            "--webhook-networks",
            "--webhook-http",
            "--fast-webhook-retries",
        ):
            said = gateway.run("--help").stdout
            self.holds(
                option in said, f"{option} in the help text", "headless-and-admin.md 1, the table of options", said
            )
        self.holds(
            re.search(r"\d+\.\d+\.\d+", gateway.run("--version").stdout),
            "a version number",
            "headless-and-admin.md 1, --version",
        )

    def test_a_bad_option_is_named_and_ends_with_code_2(self):
        gateway = self.installation()
        for args, name in (
            (["--no-such-option"], "no-such-option"),
            (["--listen", "nonsense"], "listen"),
            (["--listen", "127.0.0.1:65536"], "listen"),
            (["--workers", "many"], "workers"),
            (["--database", "mysql://localhost/x"], "database"),
            (["--key-source", "thin-air"], "key-source"),
            (["--log-format", "xml"], "log-format"),
            (["--log-level", "shouting"], "log-level"),
            (["--bootstrap", "/nonexistent/bootstrap.json"], "bootstrap"),
            (["--public-base-url", "not a url"], "public-base-url"),
            (["--webhook-networks", "10.0.0.0/33"], "webhook-networks"),
            (["--webhook-networks", "::1,localhost"], "localhost"),
        ):
            with self.subTest(args=args):
                self.refused(gateway, 2, OPTIONS_RULE, "--headless", *gateway.storage, *args, mentions=[name])

    def test_a_bad_value_in_environment_or_settings_file_is_named_too(self):
        gateway = self.installation()
        self.refused(
            gateway,
            2,
            OPTIONS_RULE,
            "--headless",
            *gateway.storage,
            mentions=["workers"],
            env={**harness.clean_environment(), "ASSISTIV_WORKERS": "many"},
        )
        gateway.data_dir.mkdir(mode=0o700, exist_ok=True)
        (gateway.data_dir / "settings.json").write_text('{"workers": "many"}', encoding="utf-8")
        self.refused(gateway, 2, OPTIONS_RULE, "--headless", *gateway.storage, mentions=["workers"])

    def test_option_beats_environment_beats_file(self):
        gateway = self.installation()
        gateway.data_dir.mkdir(mode=0o700)
        (gateway.data_dir / "settings.json").write_text('{"workers": 2}', encoding="utf-8")

        def workers(**start):
            gateway.start(**start)
            with gateway.admin as admin:
                number = admin.get("/v1/admin/status").expect_json(200, "headless-and-admin.md 3, status")["workers"]
            gateway.stop()
            return number

        rule = "headless-and-admin.md 1, order: option, environment, file, default"
        self.equal(workers(), 2, rule, "workers from the settings file")
        self.equal(workers(env={"ASSISTIV_WORKERS": "3"}), 3, rule, "workers from the environment")
        self.equal(
            workers(env={"ASSISTIV_WORKERS": "3"}, options=["--workers", "1"]), 1, rule, "workers from the option"
        )


    def test_what_is_opened_to_webhooks_is_said_at_the_start(self):
        rule = "webhooks.md, Targets"
        url = "http://127.0.0.1:9/hook"
        for options, status in (
            ([], 422),
            (["--webhook-http"], 422),
            (["--webhook-networks", "10.0.0.0/8"], 422),
            (["--webhook-http", "--webhook-networks", "::1/128,127.0.0.0/8"], 201),
            (["--fast-webhook-retries"], 422),
        ):
            with self.subTest(options=options):
                gateway = self.installation().start(options=options)
                tenant = gateway.tenant("acme")
                with tenant.client as client:
                    client.post(tenant.path + "/webhook-endpoints", {"url": url}).expect(status, rule)
                warnings = [line for line in gateway.output().splitlines() if "warning" in line and "webhook" in line]
                said = [option for option in options if option.startswith("--")]
                self.equal(
                    sorted(option for option in said if any(option + ":" in line for line in warnings)),
                    sorted(said), rule, "options with a warning",
                )
                self.equal(len(warnings), len(said), rule, "warnings")
                gateway.finish()


class StartAndStop(HeadlessCase):
    def test_ready_file_appears_when_health_answers_and_goes_at_the_end(self):
        gateway = self.installation().start()
        ready = json.loads(gateway.ready_file.read_text(encoding="utf-8"))
        self.equal(sorted(ready), ["origin", "pid", "version"], "headless-and-admin.md 1, --ready-file", "its members")
        self.equal(ready["origin"], gateway.result["origin"], "headless-and-admin.md 2, bootstrap output", "origin")
        with gateway.client() as client:
            health = client.get("/health").expect_json(200, "headless-and-admin.md")
        self.equal((health["status"], health["version"]), ("ok", ready["version"]), "headless-and-admin.md", "health")
        self.holds(ready["version"] in gateway.run("--version").stdout, "the same version", "headless-and-admin.md 1")
        gateway.finish()  # checks exit code and that the file is gone

    def test_sigint_stops_in_order_too(self):
        gateway = self.installation().start()
        gateway.process.send_signal(harness.signal.SIGINT)
        gateway.wait_for_end()
        gateway.finish()

    def test_a_taken_port_is_one_clear_message(self):
        gateway = self.installation()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.refused(
                gateway,
                1,
                START_RULE + " (port taken)",
                "--headless",
                *gateway.storage,
                "--listen",
                f"127.0.0.1:{port}",
                "--ready-file",
                str(gateway.ready_file),
                mentions=[str(port)],
            )
        self.holds(not gateway.ready_file.exists(), "no ready file after a failed start", START_RULE)

    def test_a_second_instance_is_refused_and_the_first_goes_on(self):
        gateway = self.installation().start()
        self.refused(
            gateway,
            1,
            "headless-and-admin.md 1, a second instance",
            "--headless",
            *gateway.storage,
            "--listen",
            "127.0.0.1:0",
            mentions=[r"running|instance|in use|already|lock"],
        )
        with gateway.tenant("acme").user_client("alice") as alice:
            alice.post("/v1/chat/completions", chat_body(harness.PLAIN.name)).expect(200, "the first instance goes on")
        gateway.finish()

    def test_a_lock_left_by_a_kill_does_not_keep_anybody_out(self):
        gateway = self.installation().start()
        gateway.kill()
        gateway.start().finish()

    def test_a_database_newer_than_the_program_is_refused(self):
        gateway = self.installation().start()
        gateway.stop()
        gateway.sql("INSERT INTO schema_migrations (version, applied_at) VALUES (1000000, 0)")
        self.refused(
            gateway,
            1,
            START_RULE + " (database newer)",
            "--headless",
            *gateway.storage,
            "--listen",
            "127.0.0.1:0",
            mentions=["newer"],
        )

    def test_an_open_address_needs_tls_or_the_word_insecure(self):
        gateway = self.installation()
        rule = "headless-and-admin.md 1, --listen on a non-loopback host"
        ended = gateway.run("--headless", *gateway.storage, "--listen", "0.0.0.0:0")
        self.holds(
            ended.returncode in (1, 2) and "--insecure-listen" in ended.stderr,
            "a refusal (code 1 or 2) that names --insecure-listen",
            rule,
            (ended.returncode, ended.stderr),
        )
        gateway.start(listen="0.0.0.0:0", options=["--insecure-listen"])
        port = int(gateway.origin.rsplit(":", 1)[1])
        with harness.Client(f"http://127.0.0.1:{port}") as client:
            client.get("/health").expect(200, rule)
        gateway.finish()

    def test_sigterm_lets_a_running_stream_end(self):
        rule = "architecture.md, Shutdown: let running calls end, settle, close"
        gateway = self.installation().start()
        tenant = gateway.tenant("acme")
        with tenant.user_client("alice") as alice:
            response = alice.request("POST", "/v1/chat/completions", chat_body(harness.SLOW.name, stream=True))
            frames = response.expect(200, rule).data()
            next(frames)
            gateway.process.send_signal(harness.signal.SIGTERM)
            rest = list(frames)
            self.equal(rest[-1:], ["[DONE]"], rule, "the last frame of a stream that ran at SIGTERM")
            response.read()
        gateway.wait_for_end()
        gateway.start()
        books = Books.read(gateway.tenant("acme").adopt(tenant)).reconcile(upstream_calls=1)
        row = books.log_of(response.headers["x-request-id"])
        self.equal((row["status"], row["billing_status"]), ("success", "billed"), rule, "its log row")
        gateway.finish()


class Files(HeadlessCase):
    def test_modes_of_what_is_secret(self):
        gateway = self.installation().start()
        self.equal(
            harness.mode_of(gateway.data_dir),
            "0o700",
            "headless-and-admin.md 1, --data-dir",
            "mode of the data directory",
        )
        self.equal(
            harness.mode_of(gateway.bootstrap_out), "0o600", "headless-and-admin.md 2", "mode of --bootstrap-out"
        )
        for file in key_files(gateway.data_dir):
            self.equal(
                harness.mode_of(file), "0o600", "headless-and-admin.md 1, --key-source file", f"mode of {file.name}"
            )
        gateway.finish()

    def test_a_key_file_others_can_read_is_refused(self):
        gateway = self.installation().start()
        gateway.stop()
        file = key_files(gateway.data_dir)[0]
        file.chmod(0o640)
        self.refused(
            gateway,
            1,
            START_RULE + " (key file)",
            "--headless",
            *gateway.storage,
            "--listen",
            "127.0.0.1:0",
            mentions=["key"],
        )
        file.chmod(0o600)
        gateway.start().finish()

    def test_a_missing_key_file_is_not_silently_replaced(self):
        gateway = self.installation().start()
        gateway.stop()
        file = key_files(gateway.data_dir)[0]
        aside = file.rename(file.with_name("moved"))
        self.refused(
            gateway,
            1,
            START_RULE + " (unreadable key file): the stored provider keys need it",
            "--headless",
            *gateway.storage,
            "--listen",
            "127.0.0.1:0",
            mentions=["key"],
        )
        file.unlink(missing_ok=True)
        aside.rename(file)
        gateway.start().finish()


class Bootstrap(HeadlessCase):
    def test_every_mistake_is_named_by_its_path_and_nothing_is_applied(self):
        good = self.document()
        good["platforms"].append(platform("second", [user("bob", 5), user("carol", 5)]))

        def broken(*path, value):
            document = copy.deepcopy(good)
            place = document
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = value
            return document, path

        user_path = ("platforms", 1, "end_users", 1)
        gateway = self.installation()
        for document, path in (
            broken("platfroms", value=[]),
            broken("providers", 0, "colour", value="red"),
            broken("providers", 0, "kind", value="telepathy"),
            broken("providers", 0, "base_url", value="not a url"),
            broken("models", 0, "mappings", 0, "provider", value="nobody"),
            broken("models", 0, "mappings", 0, "input_usd_per_mtok", value="0.1234567"),
            broken("models", 0, "mappings", 0, "output_usd_per_mtok", value="-1"),
            broken("platforms", 1, "slug", value="Not A Slug"),
            broken("platforms", 1, "wallet_usd", value=-1),
            broken("platforms", 1, "llm_configs", 0, "provider", value="nobody"),
            broken("platforms", 1, "settings", value={"default_budget_usd": -5}),
            broken(*user_path, "external_id", value=7),
            broken(*user_path, "budget", "max_usd", value=0),
            broken(*user_path, "budget", "max_usd", value=1.1234567),
            broken(*user_path, "budget", "period", value="weekly"),
            broken(*user_path, "budget", "maximum", value=3),
            broken(*user_path, "nickname", value="C"),
        ):
            with self.subTest(path=path):
                self.refused_document(gateway, json.dumps(document), r"\W+".join(map(str, path)))
        self.refused_document(gateway, '{"platforms": [', "json|parse|bootstrap")
        self.holds(not gateway.bootstrap_out.exists(), "no --bootstrap-out after a refused file", BOOTSTRAP_RULE)
        gateway.start(bootstrap={**good, "platforms": [platform("other")]})
        with gateway.admin as admin:
            slugs = [row["slug"] for row in admin.rows("/v1/admin/platforms")]
        self.equal(
            slugs, ["other"], BOOTSTRAP_RULE + ": nothing applied", "platforms after refused files and a good one"
        )
        gateway.finish()

    def refused_document(self, gateway, text, path):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(text)
            file.flush()
            self.refused(
                gateway,
                2,
                BOOTSTRAP_RULE,
                "--headless",
                *gateway.storage,
                "--listen",
                "127.0.0.1:0",
                "--bootstrap",
                file.name,
                "--bootstrap-out",
                str(gateway.bootstrap_out),
                mentions=[path],
            )

    def test_applied_twice_it_changes_nothing_and_shows_no_key_again(self):
        document = self.document()
        gateway = self.installation(document).start()
        first, tenant = gateway.result, gateway.tenant("acme")
        before = Books.read(tenant)
        gateway.stop()
        gateway.start(bootstrap=document)
        rule = "headless-and-admin.md 2, declarative and idempotent"
        (old,), (new,) = first["platforms"], gateway.result["platforms"]
        self.equal(
            (new["id"], [entry["id"] for entry in new["end_users"]]),
            (old["id"], [entry["id"] for entry in old["end_users"]]),
            rule,
            "ids in the second run",
        )
        self.equal(
            (new["platform_key"], new["end_users"][0]["end_user_key"], gateway.result.get("admin_key")),
            (None, None, None),
            "headless-and-admin.md 2, a key that already existed is null",
            "keys of the second run",
        )
        after = Books.read(gateway.tenant("acme").adopt(tenant)).reconcile()
        self.equal(
            (after.wallet["balance"], after.wallet_rows, after.ledgers),
            (before.wallet["balance"], before.wallet_rows, before.ledgers),
            rule,
            "the books",
        )
        with tenant.client as client:
            for what in ("api-keys", "llm-configs", "end-users"):
                self.equal(len(client.rows(f"{tenant.path}/{what}")), 1, rule, f"number of {what}")
        gateway.stop()
        document["platforms"][0] |= {"wallet_usd": 130, "name": "Acme Two"}
        document["platforms"][0]["end_users"].append(user("bob"))
        gateway.start(bootstrap=document)
        tenant = gateway.tenant("acme").adopt(tenant)
        with tenant.client as client:
            self.equal(
                client.get(f"{tenant.path}/wallet").json()["balance"],
                130,
                "headless-and-admin.md 2, wallet_usd",
                "balance",
            )
            self.equal(client.get(tenant.path).json()["name"], "Acme Two", rule + ": updated", "name")
        self.holds(
            re.fullmatch("sk-eu_[0-9a-f]{64}", tenant.users["bob"]["end_user_key"] or ""),
            "a key for the new user",
            rule,
            tenant.users["bob"],
        )
        gateway.finish()


class Demo(HeadlessCase):
    RULE = "headless-and-admin.md 1, Demo"

    def setUp(self):
        if not shutil.which("curl"):
            pgcluster.skip_or_fail("curl is not installed, so the demo's line cannot be run")

    def demo(self, gateway, **start):
        """One start with --demo: what this run has said, and the line in it. An admin key outlives the run that made it."""
        before = len(gateway.output())
        if start.get("bootstrap") is None:
            start["options"] = ["--demo", "--bootstrap-out", str(gateway.bootstrap_out)]
        gateway.start(**{"bootstrap": None, **start})
        line = wait_for(f"a curl line ({self.RULE})", lambda: curl_line(gateway.output()[before:]))
        gateway.result = json.loads(gateway.bootstrap_out.read_text(encoding="utf-8"))
        gateway.admin_key = gateway.result.get("admin_key") or gateway.admin_key
        return gateway.output()[before:], line

    def run_line(self, line):
        ended = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=30, check=False)
        self.equal(ended.returncode, 0, self.RULE, "exit code of curl")
        return ended.stdout

    def answers(self, line):
        said = self.run_line(line)
        self.holds(
            "chat.completion" in said and "sandbox-echo" in said, "a chat completion of sandbox-echo", self.RULE, said
        )

    def test_the_printed_curl_line_works_and_the_money_moves(self):
        rule = self.RULE
        gateway = self.installation()
        said, line = self.demo(gateway, storage=[])
        self.holds("refused" not in said, "no word of trouble", rule, said)
        tenant = gateway.tenant(gateway.result["platforms"][0]["slug"])
        before = Books.read(tenant)
        self.answers(line)
        after = Books.read(tenant).reconcile()
        (row,) = after.logs
        cost = Decimal(row["estimated_cost_usd"])
        self.holds(cost > 0, "a billed call", rule, row)
        self.equal(row["metadata"].get("sandbox"), True, "headless-and-admin.md 4", "metadata.sandbox of the log row")
        self.equal(before.wallet["balance"] - after.wallet["balance"], cost, rule, "change of the wallet")
        ((budget, ledger),) = after.ledgers.values()
        self.equal((budget["used_usd"], ledger[-1]["amount_usd"]), (cost, cost), rule, "budget used, last ledger row")
        gateway.stop()

    def test_every_start_prints_a_line_that_works_and_ends_the_last_one(self):
        gateway = self.installation()
        printed, first, by_hand = [], None, None
        for number in range(3):
            said, line = self.demo(gateway)
            self.holds("refused" not in said, "no word of trouble", self.RULE, said)
            key = harness.RAW_KEY.search(line).group()
            self.holds(key not in printed, "a fresh key", self.RULE, number)
            for earlier in printed:
                with gateway.client(earlier) as client:
                    refused = client.post("/v1/chat/completions", chat_body("sandbox-echo"))
                    refused.expect_error(401, "unauthorized", self.RULE)
            self.answers(line)
            tenant = gateway.tenant("demo")
            self.equal(tenant.users["demo"]["end_user_key"], key, self.RULE, "the key in --bootstrap-out")
            first = first or tenant
            tenant.adopt(first)
            if by_hand is None:
                with tenant.client as client:
                    made = client.post(f"{tenant.user_path('demo')}/api-keys", {"name": "by hand"})
                    by_hand = made.expect_json(201, self.RULE)["raw_key"]
            with gateway.client(by_hand) as client:
                client.post("/v1/chat/completions", chat_body("sandbox-echo")).expect(200, self.RULE)
            with tenant.client as client:
                keys = client.rows(f"{tenant.user_path('demo')}/api-keys")
            self.equal(
                sorted(row["name"] for row in keys if row["is_active"]),
                ["Made by --demo", "by hand"], self.RULE, "active keys of the user",
            )
            printed.append(key)
            books = Books.read(tenant).reconcile(2 * len(printed))
            gifts = [row["amount"] for row in books.wallet_rows if row["type"] == "top_up"]
            self.equal(gifts, [100], self.RULE, "money that was given")
            gateway.stop()
        gateway.verify()

    def test_what_the_operator_changed_stays_and_is_said(self):
        gateway = self.installation()
        _, line = self.demo(gateway)
        first = gateway.tenant("demo")
        with first.client as client:
            client.patch(first.user_path("demo"), {"is_active": False}).expect(200, self.RULE)
        gateway.stop()
        said, line = self.demo(gateway)
        self.holds("would be refused" in said and "deactivated" in said, "what is wrong", self.RULE, said)
        self.holds("end_user_inactive" in self.run_line(line), "a refusal", self.RULE)
        tenant = gateway.tenant("demo").adopt(first)
        with tenant.client as client:
            client.patch(tenant.user_path("demo"), {"is_active": True}).expect(200, self.RULE)
        self.answers(line)

        left = Books.read(tenant).wallet["balance"]
        path = f"/v1/admin/platforms/{tenant.id}/wallet/transactions"
        with gateway.admin as admin:
            admin.post(path, {"type": "adjustment", "amount": -float(left), "description": "Out"}).expect(200, self.RULE)
        gateway.stop()
        said, line = self.demo(gateway)
        self.holds("would be refused" in said and "no balance" in said, "what is wrong", self.RULE, said)
        self.holds("wallet_insufficient" in self.run_line(line), "a refusal", self.RULE)
        self.equal(Books.read(gateway.tenant("demo").adopt(first)).wallet["balance"], 0, self.RULE, "the empty wallet")
        gateway.stop()
        gateway.verify()

    def test_it_goes_together_with_a_bootstrap_file(self):
        gateway = self.installation()
        _, line = self.demo(gateway, bootstrap=self.document(), options=["--demo"])
        self.equal([entry["slug"] for entry in gateway.result["platforms"]], ["acme", "demo"], self.RULE, "platforms")
        self.holds(gateway.admin_key, "the admin key", "headless-and-admin.md 2")
        self.answers(line)
        with gateway.tenant("acme").user_client("alice") as alice:
            alice.post("/v1/chat/completions", chat_body(harness.PLAIN.name)).expect(200, self.RULE)
        gateway.stop()


def curl_line(output):
    """The first curl command in what a program printed, with its continuation lines."""
    found = re.search(r"^\s*(curl\s(?:.*\\\n)*.*)$", output, re.MULTILINE)
    return found and found.group(1)


def key_files(data_dir):
    """Files of the data directory that hold the master key."""
    files = [path for path in pathlib.Path(data_dir).iterdir() if path.is_file() and "key" in path.name.lower()]
    if not files:
        raise AssertionError(
            "expected a key file in the data directory by headless-and-admin.md 1, --key-source file; there is "
            f"{sorted(os.listdir(data_dir))}"
        )
    return files


if __name__ == "__main__":
    harness.main()
