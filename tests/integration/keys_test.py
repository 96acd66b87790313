#!/usr/bin/python3
"""Keys of real processes: a network whose keys are born apart, and keys that
are exchanged while cases flow.

Usage: keys_test.py BIN_DIR SOURCE_DIR
Waits are bounded; processes that the test started end with it, by their pids.
"""
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

from network_test import BIN, SOURCE, KeptNetwork, eventually, free_port, get, run


PATIENCE_OF_CASES = 120  # seconds


def yizhan(*args, **more):
    return run(BIN / "yizhan", *args, **more)


class BornApart(unittest.TestCase):
    """No lab: broker, authority and two provinces, each with its own folder."""

    @classmethod
    def setUpClass(cls):
        cls.dir = pathlib.Path(tempfile.mkdtemp())
        cls.broker_port, cls.children = free_port(), []
        cls.metrics = {"32": free_port(), "34": free_port()}
        d = cls.dir
        yizhan("broker", "apply", "--dir", d / "broker", "--server-name", "broker.example")
        made = yizhan("authority", "init", "--dir", d / "authority", "--name", "test", "--officers", "2",
                      "--quorum", "2", "--broker", f"127.0.0.1:{cls.broker_port}", "--broker-application",
                      d / "broker/broker.application", "--output=json")
        made = json.loads(made.stdout)
        cls.genesis = made["genesis_digest"]
        for name, place in (("chain.pem", "tls"), ("ca.pem", "tls"), ("genesis.bin", ".")):
            shutil.copy(d / "authority/for-broker" / name, d / "broker" / place)
        (d / "broker/broker.textproto").write_text(f"""
            listen: "127.0.0.1:{cls.broker_port}" metrics_listen: "127.0.0.1:0" data_dir: "data"
            tls {{ certificate_chain: "tls/chain.pem" private_key: "tls/key.pem" trust_anchors: "tls/ca.pem"
                   passphrase_file: "passphrase" }}
            keys {{ sign_private_key: "keys/sign.pem" passphrase_file: "passphrase" }}
            genesis: "genesis.bin" genesis_digest_hex: "{cls.genesis}" port_file: "ports"
            operators {{ name: "authority" certificate_sha256_hex: "{made['operator_certificate']}" }}
        """)
        cls.start("yizhan-broker", "broker/broker.textproto")
        eventually("the broker is up", lambda: (d / "broker/ports").exists())
        for province, name in (("32", "江苏"), ("34", "安徽")):
            cls.join(province, name)

    @classmethod
    def start(cls, binary, config):
        log = open(cls.dir / "log", "ab")
        cls.children.append(subprocess.Popen([str(BIN / binary), "--config", str(cls.dir / config)],
                                             stdout=log, stderr=log))
        return cls.children[-1]

    @classmethod
    def approve(cls, paper, officer, document, check=True):
        folder = cls.dir / "authority" / f"officer-{officer}"
        return yizhan("member", "approve", "--paper", paper, "--authority", cls.dir / "authority",
                      "--officer-key", folder / "sign.pem", "--passphrase-file", folder / "passphrase",
                      "--document", document, check=check)

    @classmethod
    def join(cls, province, name):
        node = cls.dir / f"node-{province}"
        yizhan("member", "apply", "--province", province, "--name", name, "--telephone", "1", "--dir", node)
        paper = node / f"member-{province}.paper"
        submit = ("member", "submit", "--paper", paper, "--dir", node, "--broker",
                  f"127.0.0.1:{cls.broker_port}", "--broker-name", "broker.example", "--genesis", cls.genesis)
        cls.approve(paper, 1, "NO-1")
        early = yizhan(*submit, check=False)
        assert early.returncode == 1 and "1 of 2 officers" in early.stderr, early.stderr
        cls.approve(paper, 2, "NO-1")
        yizhan(*submit)
        cls.write_config(province)

    @classmethod
    def write_config(cls, province):
        node, data = cls.dir / f"node-{province}", SOURCE / "deploy/data"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "30",
            "-subj", "/CN=gateway", "-keyout", node / "gateway.key", "-out", node / "gateway.pem",
            "-passout", f"file:{node}/passphrase")
        os.chmod(node / "gateway.key", 0o600)
        (node / "node.textproto").write_text(f"""
            province: {province} broker: "127.0.0.1:{cls.broker_port}" broker_server_name: "broker.example"
            data_dir: "data" genesis_digest_hex: "{cls.genesis}" gateway_listen: "127.0.0.1:0"
            metrics_listen: "127.0.0.1:{cls.metrics[province]}" policy: "{data}/policy.textproto"
            points: "{SOURCE}/tools/demo/sample/points.jsonl" divisions: "{data}/divisions.csv"
            gateway_tls {{ certificate_chain: "gateway.pem" private_key: "gateway.key" trust_anchors: "gateway.pem"
                           passphrase_file: "passphrase" }}
            tls {{ certificate_chain: "tls/chain.pem" private_key: "tls/key.pem" trust_anchors: "tls/ca.pem"
                   passphrase_file: "passphrase" }}
            keys {{
              sign_private_key: "keys/sign.pem"
              unseal_private_keys: "keys/seal.pem"
              passphrase_file: "passphrase"
            }}
        """)

    @classmethod
    def tearDownClass(cls):
        for child in cls.children:
            child.terminate()
        for child in cls.children:
            child.wait(timeout=30)

    def session_up(self, province, value="1"):
        text = get(f"127.0.0.1:{self.metrics[province]}", "/metrics")
        return re.search(rf"^yizhan_node_session_up\S* {value}$", text, re.M)

    def starts_wrong(self):
        """Runs a node that must refuse to start; what it says."""
        done = run(BIN / "yizhan-node", "--config", self.dir / "node-32/node.textproto", check=False, timeout=60)
        self.assertEqual(done.returncode, 2, done.stderr)
        return done.stderr

    def test_1_nodes_with_keys_of_their_own_hold_sessions(self):
        for province in ("32", "34"):
            self.start("yizhan-node", f"node-{province}/node.textproto")
        for province in ("32", "34"):
            eventually("the session is up", lambda p=province: self.session_up(p))
        listed = yizhan("member", "list", "--config", self.dir / "node-32/node.textproto", "--output=json")
        members = json.loads(listed.stdout)["members"]
        self.assertEqual([m["province"] for m in members], [32, 34])
        self.assertEqual([k["state"] for k in members[1]["keys"]], ["active", "active"])

    def test_2_key_files_in_a_wrong_state_are_refused_with_what_to_do(self):
        node = self.dir / "node-32"
        for name, fix in (("keys/sign.pem", "chmod 600"), ("passphrase", "chmod 600"), ("tls/key.pem", "chmod 600")):
            os.chmod(node / name, 0o644)
            said = self.starts_wrong()
            self.assertIn(fix, said)
            self.assertIn(name, said)
            os.chmod(node / name, 0o600)
        config = node / "node.textproto"
        text = config.read_text()
        config.write_text(re.sub(r'(pem"\s+)passphrase_file: "passphrase"(\s+}\s+)$', r"\1lab_unencrypted: true\2", text))
        self.assertNotEqual(config.read_text(), text)
        self.assertIn("is encrypted", self.starts_wrong())
        config.write_text(text)
        key = (node / "keys/seal.pem").read_bytes()
        (node / "keys/seal.pem").write_bytes(key[:len(key) // 2])
        self.assertIn("seal.pem", self.starts_wrong())
        (node / "keys/seal.pem").write_bytes(key)

    def test_3_two_officers_suspend_a_member_and_one_does_not(self):
        paper, authority = self.dir / "suspend.paper", self.dir / "authority"
        access = authority / "access.textproto"
        folder = authority / "officer-1"
        yizhan("member", "suspend", "--province", "34", "--document", "NO-7", "--paper", paper, "--authority",
               authority, "--officer-key", folder / "sign.pem", "--passphrase-file", folder / "passphrase",
               "--access", access)
        submit = ("member", "submit", "--paper", paper, "--access", access)
        alone = yizhan(*submit, check=False)
        self.assertEqual(alone.returncode, 1)
        self.assertIn("1 of 2 officers", alone.stderr)
        self.assertNotEqual(self.approve(paper, 2, "NO-8", check=False).returncode, 0)
        self.approve(paper, 2, "NO-7")
        yizhan(*submit)
        shown = yizhan("member", "show", "--province", "34", "--access", access, "--output=json")
        self.assertEqual(json.loads(shown.stdout)["status"], "SUSPENDED")
        eventually("the broker ends the session", lambda: self.session_up("34", "0"))


class ExchangedKeys(KeptNetwork):
    """Keys of province 34 are exchanged while 32 sends it cases."""

    def approve_and_submit(self, paper):
        authority = self.dir / "authority"
        yizhan("member", "approve", "--paper", paper, "--authority", authority, "--officer-key",
               authority / "sign.pem", "--document", "NO-1")
        yizhan("member", "submit", "--paper", paper, "--network", self.dir, "--node", "34")

    def key(self, *args):
        return json.loads(yizhan("key", *args, "--network", self.dir, "--node", "34", "--output=json").stdout)

    def reload(self):
        os.kill(self.pid_of("node-34/node.textproto"), signal.SIGHUP)

    def log(self):
        return "".join(p.read_text(errors="replace") for p in (self.dir / "log").iterdir())

    def test_keys_exchanged_in_mid_traffic(self):
        accepted, failed, stop = [], [], threading.Event()

        def flow():
            for row in itertools.cycle(self.rows()):  # however long the keys take
                if stop.is_set():
                    return
                client = self.apply(row)
                out, err = client.communicate(timeout=PATIENCE_OF_CASES)
                (accepted if re.search(r"CASE_(ACCEPTED|UNDER_REVIEW) \d{22}", out) else failed).append(out + err)

        traffic = threading.Thread(target=flow)
        traffic.start()
        try:
            eventually("the first case is accepted", lambda: accepted or failed)
            for use in ("seal", "sign"):
                paper = self.dir / f"{use}.paper"
                self.key("stage", "--use", use, "--paper", paper)
                self.reload()  # has the key before anybody seals to it
                self.approve_and_submit(paper)
                member = self.key("activate", "--use", use)
                before = len(accepted)
                eventually(f"cases flow with the new {use} key", lambda: len(accepted) > before or failed)
                self.assertEqual(failed, [])
            self.assertRegex(self.log(), "signs with another key")
            for key in member["keys"]:
                if key["state"] == "valid":
                    member = self.key("retire", "--key", key["key_id"][:16])
            self.assertEqual(sorted(k["state"] for k in member["keys"]).count("retired"), 2)
            before = len(accepted)
            eventually("cases flow after the old keys have ended", lambda: len(accepted) > before or failed)
        finally:
            stop.set()
            traffic.join(timeout=PATIENCE_OF_CASES)
        self.assertEqual(failed, [])


def load_tests(loader, _tests, _pattern):
    suite = loader.loadTestsFromTestCase(BornApart)
    suite.addTest(ExchangedKeys("test_keys_exchanged_in_mid_traffic"))
    return suite


if __name__ == "__main__":
    unittest.main(argv=["keys_test.py", "-v"])
