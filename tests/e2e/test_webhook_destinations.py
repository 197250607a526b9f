# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where webhooks may go: addresses in every spelling when an endpoint is saved, and what an administrator opens."""

import ssl
import subprocess
import tempfile
import unittest

import harness
import hooks
from harness import Case, Gateway, Mock
from hooks import Endpoint, HookCase
from receiver import Receiver

RULE = "webhooks.md, Targets"

# Refused however they are written. Each stands for a range.
ADDRESSES_4 = (
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "169.254.169.254", "0.0.0.0", "0.1.2.3", "100.64.0.1", "100.127.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1",
    "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255",
)  # fmt: skip
ADDRESSES_6 = (
    "::", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe",
    "::127.0.0.1", "fe80::1", "febf::1", "fc00::1", "fdff::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "3fff::1",
    "100::1", "2002:7f00:1::1", "2002:a00:1::", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "5f00::1",
    "fec0::1",
)  # fmt: skip
SPELLINGS = (
    "2130706433", "0x7f000001", "0x7F.0.0.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "0x7f.1", "0177.0x0.1",
    "127.0.0.1.", "127.0.0.1%2e", "%31%32%37.0.0.1", "10.1", "012.0.0.1", "0xa000001", "167772161", "2852039166",
    "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "3232235777", "0", "0x0", "00",
    "１２７.0.0.1", "①②⑦.0.0.1", "127。0。0。1",
)  # fmt: skip
NAMES = ("localhost", "LOCALHOST", "localhost.", "a.localhost", "a.b.LocalHost.")
GOOD = (
    "https://hooks.invalid/x", "https://hooks.invalid:8443/x?y=z", "https://9.9.9.9/x", "https://[2620:fe::9]/x",
    "https://172.15.0.1/", "https://172.32.0.1/", "https://100.63.0.1/", "https://192.167.0.1/", "https://11.0.0.1/",
    "https://localhost.example.invalid/", "https://notlocalhost/",
)  # fmt: skip


def literals():
    for address in (*ADDRESSES_4, *SPELLINGS, *NAMES):
        yield f"https://{address}/hook"
    for address in ADDRESSES_6:
        yield f"https://[{address}]/hook"
    yield "https://[::1]:8443/"
    yield "https://127.0.0.1:443"
    yield "https://127.0.0.1?x"


class Saving(HookCase):
    """A gateway that was started with nothing said about webhooks."""

    options = ()
    slugs = ("acme",)

    def setUp(self):
        self.play("acme")

    def refused(self, answer):
        answer.expect_error(422, "validation_error", RULE, param="url")

    def test_private_addresses_in_every_spelling(self):
        endpoint = self.endpoint(url=GOOD[0])
        before = endpoint.get()
        for url in literals():
            with self.subTest(url=url):
                self.refused(self.server.post(self.base, {"url": url}))
                self.refused(self.server.patch(endpoint.path, {"url": url}))
        self.equal(endpoint.get(), before, RULE, "the endpoint after refused changes")
        endpoint.delete()

    def test_public_ones_are_fine(self):
        for url in GOOD:
            with self.subTest(url=url):
                endpoint = self.endpoint(url=url)
                self.equal(endpoint.made["url"], url, RULE, "url")
                endpoint.delete()
        longest = "https://hooks.invalid/" + "x" * (2048 - 22)
        self.endpoint(url=longest).delete()

    def test_plain_http_is_refused(self):
        for url in ("http://hooks.invalid/", "HTTP://hooks.invalid/", "http://9.9.9.9/", "http://127.0.0.1/"):
            self.refused(self.server.post(self.base, {"url": url}))

    def test_nobody_but_an_administrator_opens_private_addresses(self):
        for more in ({"allow_private": True}, {"allow_private": True, "is_active": True}):
            self.refused(self.server.post(self.base, {"url": "http://127.0.0.1:9/", **more}))
        endpoint = self.endpoint(url=GOOD[0], allow_private=True)
        self.refused(self.server.patch(endpoint.path, {"url": "https://127.0.0.1/", "allow_private": True}))
        endpoint.delete()


class Opened(Case):
    """What an administrator may open: for one endpoint by the bootstrap file, or networks for all."""

    def setUp(self):
        self.mock = self.enterContext(Mock())
        self.receiver = self.enterContext(Receiver())

    def start(self, *options, endpoints=()):
        database = self.enterContext(harness.fresh_database())
        acme = harness.platform("acme", [harness.user("u", 100)], webhook_endpoints=list(endpoints))
        self.gateway = Gateway(harness.bootstrap(self.mock, [harness.PLAIN.name], [acme]), database, options)
        self.gateways = (self.gateway,)
        self.addCleanup(self.gateway.remove)
        self.gateway.start()
        self.tenant = self.gateway.tenant("acme")
        self.server = self.enterContext(self.tenant.client)
        self.base = self.tenant.path + "/webhook-endpoints"
        self.desk = hooks.Desk(self.tenant, self.server, "u")

    def made(self):
        """The endpoints of the bootstrap file."""
        entries = next(entry for entry in self.gateway.result["platforms"] if entry["slug"] == "acme")
        rule = "headless-and-admin.md 2, bootstrap-out"
        self.holds(entries["webhook_endpoints"], "endpoints with id and secret", rule, entries)
        return entries["webhook_endpoints"]

    def refused(self, **body):
        self.server.post(self.base, body).expect_error(422, "validation_error", RULE, param="url")

    def test_an_endpoint_of_the_bootstrap_file_may_be_private(self):
        rule = "headless-and-admin.md 2, webhook_endpoints"
        hook = self.receiver.hook("bootstrap")
        entry = {"url": hook.url, "event_types": ["budget.topped_up", "budget.debited"], "allow_private": True}
        self.start("--fast-webhook-retries", endpoints=[entry])
        (made,) = self.made()
        self.exact(
            made, {"url": harness.one_of(hook.url), "id": harness.is_uuid, "secret": hooks.SECRET.fullmatch}, rule
        )
        endpoint = Endpoint(self.server, self.tenant, made, hook)
        self.exact(endpoint.get(), hooks.ENDPOINT, rule)
        self.equal(endpoint.get()["event_types"], entry["event_types"], rule, "event_types")
        up, down = self.desk.top_up(1), self.desk.debit(1)
        hook.wait_for_events(2)
        endpoint.check_arrivals()
        self.equal(
            set(hook.by_event()), {f"{up['id']}:budget.topped_up", f"{down['id']}:budget.debited"}, rule, "events"
        )
        self.refused(url=hook.url)  # others not

        elsewhere = self.receiver.hook("elsewhere")
        endpoint.patch(url=elsewhere.url)  # the same scheme, host and port
        self.desk.top_up(1)
        elsewhere.wait(1)
        for url in (hook.url.replace("127.0.0.1", "127.0.0.2"), "http://127.0.0.1:9/", "https://127.0.0.1/"):
            self.server.patch(endpoint.path, {"url": url}).expect_error(422, "validation_error", RULE, param="url")
        endpoint.patch(url="https://hooks.invalid/")
        self.server.patch(endpoint.path, {"url": hook.url}).expect_error(422, "validation_error", RULE, param="url")

        self.gateway.stop()  # and what exists is left alone, but for what the file says
        self.gateway.start(bootstrap=self.gateway.document)
        (again,) = [row for row in self.made() if row["url"] == hook.url]
        self.gateway.secrets |= {row["secret"] for row in self.made() if row["secret"]}
        with self.tenant.gateway.client(self.tenant.key) as server:
            rows = server.rows(self.base)
            self.equal(sorted(row["url"] for row in rows), sorted([hook.url, "https://hooks.invalid/"]), rule, "urls")
            self.equal({row["id"] for row in rows if row["url"] == hook.url}, {again["id"]}, rule, "id")
        self.gateway.stop()
        self.gateway.start(bootstrap=self.gateway.document)
        with self.tenant.gateway.client(self.tenant.key) as server:
            self.equal(len(server.rows(self.base)), 2, rule + ": idempotent", "endpoints after another start")
        secret = next(row for row in self.made() if row["url"] == hook.url)["secret"]
        self.holds(secret in (None, again["secret"]), "null, or the same secret", rule)
        self.gateway.finish()

    def test_a_bootstrap_file_with_a_private_address_must_say_so(self):
        rule = "headless-and-admin.md 2, bad values: exit code 2 and the JSON path"
        acme = harness.platform("acme", webhook_endpoints=[{"url": "http://127.0.0.1:9/"}])
        gateway = Gateway(harness.bootstrap(self.mock, [], [acme]))
        self.addCleanup(gateway.remove)
        gateway.launch(gateway.document)
        self.equal(gateway.process.wait(30), 2, rule, "exit code")
        self.holds("webhook_endpoints[0]" in gateway.output(), "the path in the message", rule, gateway.output())

    def test_networks_open_for_all(self):
        hook = self.receiver.hook("network")
        self.start(
            "--webhook-networks", "127.0.0.1/32,10.1.0.0/16,fd00::/8", "--webhook-http", "--fast-webhook-retries"
        )
        self.gateway.check_output()
        made = self.server.post(self.base, {"url": hook.url}).expect_json(201, RULE)
        endpoint = Endpoint(self.server, self.tenant, made, hook)
        self.desk.top_up(1)
        hook.wait(1)
        endpoint.check_arrivals()
        for url in ("https://10.1.255.1/", "http://[fd12::1]/", "http://[::ffff:10.1.0.1]/", "http://2130706433/"):
            made = self.server.post(self.base, {"url": url}).expect_json(201, RULE + ", networks that are open")
            self.gateway.secrets.add(made["secret"])
            self.server.delete(f"{self.base}/{made['id']}").expect(204, RULE)
        for url in (
            "http://127.0.0.2/",
            "http://10.2.0.1/",
            "https://192.168.1.1/",
            "http://[::1]/",
            "http://[fc00::1]/",
        ):
            self.refused(url=url)
        self.gateway.finish()

    def test_what_was_opened_can_be_closed_again(self):
        hook = self.receiver.hook("closed")
        self.start(*hooks.OPEN)
        made = self.server.post(self.base, {"url": hook.url}).expect_json(201, RULE)
        self.gateway.stop()
        for options in (["--webhook-networks", "127.0.0.0/8"], ["--webhook-http"]):
            self.gateway.options = options
            self.gateway.start()
            with self.tenant.client as server:
                hooks.Desk(self.tenant, server, "u").top_up(1)
                endpoint = Endpoint(server, self.tenant, made, hook)
                attempt = endpoint.attempted(endpoint.deliveries()[0]["id"], 1)["attempts"][0]
            self.equal(
                (attempt["error"], attempt["response_status"]), ("address not allowed", None), RULE, f"with {options}"
            )
            self.gateway.stop()
        self.equal(hook.requests, [], RULE, "requests")

    def test_open_networks_do_not_open_plain_http(self):
        self.start("--webhook-networks", "127.0.0.0/8")
        self.refused(url=self.receiver.hook("x").url)
        self.gateway.finish()

    def test_bad_networks_are_no_networks(self):
        for value in ("127.0.0.1/33", "nowhere", "10.0.0.0/-1", "::1/129", "10.0.0.0/8;::1/128", "300.0.0.0/8"):
            gateway = Gateway(harness.bootstrap(self.mock, [], []), options=["--webhook-networks", value])
            self.addCleanup(gateway.remove)
            gateway.launch()
            with self.subTest(value=value):
                self.equal(gateway.process.wait(30), 2, "headless-and-admin.md 1, a bad value", "exit code")
                self.holds("webhook-networks" in gateway.output(), "the option named", "headless-and-admin.md 1")

    def test_the_fast_schedule_is_a_warning(self):
        self.start("--fast-webhook-retries")
        self.holds("webhook" in gateway_warning(self.gateway.output()), "a warning at start", "headless-and-admin.md 1")
        self.gateway.finish()

    def test_certificates_are_verified(self):
        with tempfile.TemporaryDirectory() as folder:
            context = self_signed(folder)
            with Receiver(tls=context) as safe:
                hook = safe.hook("tls")
                self.start(*hooks.FAST)
                made = self.server.post(self.base, {"url": hook.url}).expect_json(201, RULE)
                endpoint = Endpoint(self.server, self.tenant, made, hook)
                self.desk.top_up(1)
                delivery = endpoint.attempted(endpoint.deliveries()[0]["id"], 1)
                attempt = delivery["attempts"][0]
                rule = "webhooks-delivery.md 4, TLS verification always on"
                self.equal(attempt["response_status"], None, rule, "response_status")
                self.holds(attempt["error"].startswith("TLS failed"), "an error of TLS", rule, attempt)
                self.equal(hook.requests, [], rule, "requests")
                self.gateway.finish()


def gateway_warning(output):
    return "\n".join(line.lower() for line in output.splitlines() if "warn" in line.lower())


def self_signed(folder):
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/key", "-out", f"{folder}/cert"]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        raise unittest.SkipTest("openssl is not installed") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/cert", f"{folder}/key")
    return context


if __name__ == "__main__":
    harness.main()
