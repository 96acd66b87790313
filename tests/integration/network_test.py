#!/usr/bin/python3
"""A network of real processes: the demo's variants, a client in another
language, processes killed and back, a spoofed sender, a real Prometheus.

Usage: network_test.py BIN_DIR SOURCE_DIR
Waits are bounded; processes that the test started end with it, by their pids.
"""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

BIN = pathlib.Path(sys.argv[1])
SOURCE = pathlib.Path(sys.argv[2])
PATIENCE = 90  # seconds, for what takes one on a quiet machine


def run(*args, timeout=300, check=True):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        raise AssertionError(f"{args} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done


def eventually(what, look, patience=PATIENCE):
    """Looks until `look` gives something true; its value."""
    end = time.monotonic() + patience
    while True:
        try:
            value = look()
            error = None
        except (AssertionError, OSError, http.client.HTTPException, KeyError, ValueError) as e:
            value, error = None, e
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {patience} s; {error}")
        # A pause between two looks at another process, with an end.
        signal.sigtimedwait([], 0.05)


def lines(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(address, path):
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return body


class DemoVariants(unittest.TestCase):
    """demo with three provinces; the outcomes come from the nodes alone."""

    def demo(self, *flags):
        out = tempfile.mkdtemp()
        done = run(BIN / "yizhan", "demo", "--provinces", "32,34,51", "--out", out, *flags, check=False)
        return done, lines(pathlib.Path(out) / "outcomes.jsonl")

    def sample(self):
        folder = SOURCE / "tools/demo/sample"
        return (folder / "applications.jsonl").read_text().splitlines(), lines(folder / "expected.jsonl")

    def within(self):
        """Lines of the sample with their provinces, and what the whole network would do."""
        for index, (line, wanted) in enumerate(zip(*self.sample())):
            try:
                application = json.loads(line)
                yield index, application["accepting_point"][:2], application["applicant"]["home_division"][:2], wanted
            except ValueError:
                continue

    def test_all_links_lines_of_the_three_end_as_expected(self):
        done, outcomes = self.demo()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(len(outcomes), 240)
        compared = 0
        for index, accepting, home, wanted in self.within():
            if accepting in ("32", "34", "51") and home in ("32", "34", "51"):
                self.assertEqual(outcomes[index], wanted)
                compared += 1
        self.assertGreater(compared, 15)

    def test_no_links_every_case_between_provinces_ends_in_link_not_open(self):
        done, outcomes = self.demo("--links", "none")
        closed = 0
        for index, accepting, home, wanted in self.within():
            if accepting not in ("32", "34", "51"):
                continue
            reaches_link_rule = wanted["final_state"] != "INVALID" and wanted["reason"] != "POINT_NOT_DESIGNATED"
            if reaches_link_rule and accepting != home:
                self.assertEqual(outcomes[index]["reason"], "LINK_NOT_OPEN")
                closed += 1
            else:
                self.assertEqual(outcomes[index], wanted)
        self.assertGreater(closed, 100)

    def test_stopped_home_node_its_cases_wait_in_applied(self):
        done, outcomes = self.demo("--stop-node", "34")
        waiting = 0
        for index, accepting, home, wanted in self.within():
            if accepting == "32" and home == "34" and wanted["final_state"] == "HANDED_OVER":
                self.assertEqual(outcomes[index]["final_state"], "APPLIED")
                self.assertEqual(outcomes[index]["fee_fen"], 0)
                waiting += 1
        self.assertGreater(waiting, 3)


class KeptNetwork(unittest.TestCase):
    """Two provinces that go on running, with their link open."""

    @classmethod
    def setUpClass(cls):
        cls.dir = pathlib.Path(tempfile.mkdtemp()) / "net"
        applications = pathlib.Path(tempfile.mkdtemp())
        (applications / "applications.jsonl").write_text("")
        run(BIN / "yizhan", "demo", "--provinces", "32,34", "--applications", applications,
            "--dir", cls.dir, "--keep")
        cls.pids = {"all": [int(p) for p in (cls.dir / "pids").read_text().split()]}
        text = (cls.dir / "network.textproto").read_text()
        cls.gateways = dict(zip(re.findall(r"province: (\d+)", text), re.findall(r'gateway: "([^"]+)"', text)))
        cls.metrics = re.findall(r'metrics: "([^"]+)"', text)
        cls.broker_address = re.search(r'broker: "([^"]+)"', text).group(1)
        cls.children = []
        cls.generated = tempfile.mkdtemp()
        protos = sorted(str(p.relative_to(SOURCE / "protos")) for p in (SOURCE / "protos/yizhan/v1").glob("*.proto"))
        plugin = run("which", "grpc_python_plugin").stdout.strip()
        run("protoc", f"-I{SOURCE}/protos", f"--python_out={cls.generated}", f"--grpc_python_out={cls.generated}",
            f"--plugin=protoc-gen-grpc_python={plugin}", *protos)
        sys.path.insert(0, cls.generated)

    @classmethod
    def tearDownClass(cls):
        for pid in cls.pids["all"] + [c.pid for c in cls.children]:
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        for child in cls.children:
            child.wait(timeout=30)

    def pid_of(self, config):
        """Process of this network that runs with that configuration."""
        for pid in self.pids["all"] + [c.pid for c in self.children]:
            try:
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if any(word.endswith(config) for word in words):
                return pid
        raise AssertionError(f"no process runs with {config}")

    def kill(self, config):
        pid = self.pid_of(config)
        os.kill(pid, signal.SIGKILL)
        for child in self.children:
            if child.pid == pid:
                child.wait(timeout=30)
        eventually(f"{config} is gone", lambda: self.gone(pid))

    def gone(self, pid):
        try:
            return pathlib.Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] == "Z"
        except OSError:
            return True

    def start(self, binary, config):
        with open(self.dir / "log" / "again.log", "ab") as log:
            self.children.append(subprocess.Popen([str(BIN / binary), "--config", str(self.dir / config)],
                                                  stdout=log, stderr=log))

    def apply(self, row):
        """The README's client hands in a line of the sample; the process."""
        application = dict(row)
        folder = SOURCE / "tools/demo/sample"
        document = {
            "applied_at": application.pop("applied_at"),
            "portrait": str(folder / application.pop("portrait")),
            "fingerprints": [str(folder / f) for f in application.pop("fingerprints")],
        }
        for drop in ("ref", "_about", "old_card_surrendered"):
            application.pop(drop, None)
        application["phone"] = application["applicant"].pop("phone")
        application["card_script"] = application["applicant"].pop("card_script")
        document["application"] = application
        path = pathlib.Path(tempfile.mkdtemp()) / "application.json"
        path.write_text(json.dumps(document))
        keys = self.dir / "client-32/point"
        return subprocess.Popen(
            ["/usr/bin/python3", SOURCE / "deploy/examples/apply.py", self.gateways["32"], keys / "ca.pem",
             keys / "chain.pem", keys / "key.pem", path],
            env={**os.environ, "PYTHONPATH": self.generated}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def rows(self):
        folder = SOURCE / "tools/demo/sample"
        for line, wanted in zip((folder / "applications.jsonl").read_text().splitlines(), lines(folder / "expected.jsonl")):
            if wanted["final_state"] == "HANDED_OVER":
                row = json.loads(line)
                if row["accepting_point"].startswith("32") and row["applicant"]["home_division"].startswith("34"):
                    yield row

    def row(self, number):
        return list(self.rows())[number]

    def assert_accepted(self, client):
        out, err = client.communicate(timeout=PATIENCE)
        self.assertRegex(out, r"CASE_(ACCEPTED|UNDER_REVIEW) \d{22}", err)

    def test_client_in_python_gets_an_acceptance_number(self):
        self.assert_accepted(self.apply(self.row(0)))

    def test_broker_killed_application_waits_and_arrives_when_it_is_back(self):
        self.kill("broker/broker.textproto")
        client = self.apply(self.row(1))
        eventually("the application waits", lambda: "APPLIED" in run(
            BIN / "yizhan", "case", "list", "--network", self.dir, "--node", "32", "--output=json", check=False).stdout)
        self.start("yizhan-broker", "broker/broker.textproto")
        self.assert_accepted(client)

    def test_home_node_killed_application_arrives_when_it_is_back(self):
        self.kill("node-34/node.textproto")
        client = self.apply(self.row(2))
        eventually("the query lies at the broker", lambda: '"messages":1' in run(
            BIN / "yizhan", "mailbox", "list", "--network", self.dir, "--output=json", check=False).stdout)
        self.start("yizhan-node", "node-34/node.textproto")
        self.assert_accepted(client)

    def status(self, node):
        out = run(BIN / "yizhan", "node", "status", "--network", self.dir, "--node", node, "--output=json", check=False)
        return json.loads(out.stdout.splitlines()[-1])["nodes"][0]

    def numbers(self, node):
        out = run(BIN / "yizhan", "case", "list", "--network", self.dir, "--node", node, "--output=json")
        return sorted(re.findall(r'"acceptance_number":"(\d{22})"', out.stdout))

    def stop(self, config):
        pid = self.pid_of(config)
        os.kill(pid, signal.SIGTERM)
        for child in self.children:
            if child.pid == pid:
                child.wait(timeout=30)
        eventually(f"{config} has ended", lambda: self.gone(pid))

    def restore_and_recover(self, node, backup):
        """Puts the copy back, starts, and recovers what is said to be restored."""
        config = f"node-{node}/node.textproto"
        data = self.dir / f"node-{node}" / "data"
        self.stop(config)
        shutil.rmtree(data)
        shutil.copytree(backup, data)
        self.start("yizhan-node", config)
        eventually("RESTORED is said", lambda: self.status(node)["recovery"]["restored"])
        self.assertFalse(self.status(node)["connected"])
        run(BIN / "yizhan", "node", "recover", "--network", self.dir, "--node", node, "--officer", f"{node}0017")
        eventually("the recovery has ended", lambda: self.status(node)["connected"]
                   and not self.status(node)["recovery"]["recovering"])

    def test_nodes_restored_from_a_backup_recover_what_was_exchanged(self):
        self.assert_accepted(self.apply(self.row(3)))
        backups = {}
        for node in ("32", "34"):
            config = f"node-{node}/node.textproto"
            self.stop(config)
            backups[node] = pathlib.Path(tempfile.mkdtemp()) / "data"
            shutil.copytree(self.dir / f"node-{node}" / "data", backups[node])
            self.start("yizhan-node", config)
        for number in (4, 5):
            self.assert_accepted(self.apply(self.row(number)))
        before = {node: self.numbers(node) for node in backups}
        for node, backup in backups.items():
            eventually("nothing waits", lambda n=node: self.status(n)["outbox_waiting"] == 0)
            self.restore_and_recover(node, backup)
            eventually("every case is back", lambda n=node: self.numbers(n) == before[n])
        self.assertGreater(self.status("32")["recovery"]["own_returned"], 0)
        self.assert_accepted(self.apply(self.row(6)))
        self.assertEqual(len(self.numbers("32")), len(set(before["32"])) + 1)
        for node in backups:
            eventually("nothing waits", lambda n=node: self.status(n)["outbox_waiting"] == 0)

    def test_brokers_data_deleted_routes_come_back_and_everything_arrives(self):
        config = "broker/broker.textproto"
        before = len(self.numbers("34"))
        self.kill("node-34/node.textproto")
        client = self.apply(self.row(7))
        eventually("the query lies at the broker", lambda: '"messages":1' in run(
            BIN / "yizhan", "mailbox", "list", "--network", self.dir, "--output=json", check=False).stdout)
        self.kill(config)
        shutil.rmtree(self.dir / "broker" / "data")
        self.start("yizhan-broker", config)
        self.start("yizhan-node", "node-34/node.textproto")
        self.assert_accepted(client)
        self.assertEqual(len(self.numbers("34")), before + 1)
        links = run(BIN / "yizhan", "link", "list", "--network", self.dir, "--output=json").stdout
        self.assertIn("OPEN", links)

    def test_spoofed_sender_is_refused(self):
        import grpc
        from yizhan.v1 import exchange_pb2 as ex, exchange_pb2_grpc
        keys = self.dir / "node-34/tls"
        credentials = grpc.ssl_channel_credentials((keys / "ca.pem").read_bytes(), (keys / "key.pem").read_bytes(),
                                                   (keys / "chain.pem").read_bytes())
        with grpc.secure_channel(self.broker_address, credentials,
                                 [("grpc.ssl_target_name_override", "broker.lab")]) as channel:
            request = ex.OpenSessionRequest(protocol_version=1, province=32, lane=1, incarnation=b"i" * 16,
                                            boot_nonce=b"b" * 16, now_unix_us=int(time.time() * 1e6), build="forger")
            with self.assertRaises(grpc.RpcError) as refused:
                exchange_pb2_grpc.ExchangeStub(channel).OpenSession(request, timeout=20)
        self.assertEqual(refused.exception.code(), grpc.StatusCode.PERMISSION_DENIED)
        details = dict(refused.exception.trailing_metadata())["grpc-status-details-bin"]
        self.assertIn(b"SPOOFED_SOURCE", details)

    def test_metrics_are_clean_and_a_prometheus_scrapes_them(self):
        for address in self.metrics:
            checked = subprocess.run(["promtool", "check", "metrics"], input=get(address, "/metrics"),
                                     capture_output=True, text=True, timeout=30)
            self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        folder = pathlib.Path(tempfile.mkdtemp())
        rules = SOURCE / "deploy/monitoring/alerts.yml"
        run("promtool", "check", "rules", rules)
        (folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: ['{rules}']\n"
            "scrape_configs:\n- job_name: yizhan\n  static_configs:\n"
            f"  - targets: {json.dumps(self.metrics)}\n")
        port = free_port()
        server = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.children.append(server)
        address = f"127.0.0.1:{port}"

        def healthy():
            targets = json.loads(get(address, "/api/v1/targets"))["data"]["activeTargets"]
            return [t["health"] for t in targets] == ["up"] * len(self.metrics)

        eventually("Prometheus has scraped broker and nodes", healthy)
        routes = eventually("the open routes are there", lambda: json.loads(get(
            address, "/api/v1/query?query=yizhan_node_directory_entries"))["data"]["result"])
        self.assertEqual(len(routes), 2)


if __name__ == "__main__":
    sys.argv = sys.argv[:1]
    unittest.main(verbosity=2)
