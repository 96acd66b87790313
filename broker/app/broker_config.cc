#include "broker/app/broker_config.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "adapters/platform/config/config_checker.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/config/text_proto.h"
#include "adapters/platform/keys/key_config.h"
#include "yizhan/v1/config.pb.h"

namespace yizhan::broker {
namespace {

void LoadGenesis(const v1::BrokerConfig& config, platform::ConfigChecker& check,
                 BrokerSetup& setup) {
  const std::string digest =
      check.Hex("genesis_digest_hex", config.genesis_digest_hex(), contract::Digest::kSize);
  if (const auto parsed = contract::Digest::From(digest)) setup.genesis_digest = *parsed;
  if (config.genesis().empty()) return;  // the store may have the directory already
  const auto bytes = platform::ReadFile(check.Resolve(config.genesis()));
  if (!bytes.ok()) return check.AddStatus("genesis", bytes.status());
  v1::DirectoryEntries entries;
  if (!check.Expect(entries.ParseFromString(*bytes) && entries.entries_size() > 0, "genesis",
                    "is not a file of directory entries",
                    "give the file that `yizhan network init` or the authority made")) {
    return;
  }
  setup.genesis.assign(entries.entries().begin(), entries.entries().end());
  v1::DirectoryEntry first;
  check.Expect(!config.keys().lab_unencrypted() ||
                   (first.ParseFromString(setup.genesis.front().entry()) && first.genesis().lab()),
               "keys.lab_unencrypted", "the network is not a lab",
               "encrypt the key files and name passphrase_file");
}

void LoadOperators(const v1::BrokerConfig& config, platform::ConfigChecker& check,
                   BrokerSetup& setup) {
  for (int i = 0; i < config.operators_size(); ++i) {
    const v1::OperatorCaller& one = config.operators(i);
    const std::string field = absl::StrCat("operators[", i, "]");
    check.Expect(!one.name().empty(), field + ".name", "is missing", "name the operator");
    const std::string digest =
        check.Hex(field + ".certificate_sha256_hex", one.certificate_sha256_hex(),
                  contract::CertificateFingerprint::kSize);
    if (const auto parsed = contract::CertificateFingerprint::From(digest)) {
      setup.operators[*parsed] = one.name();
    }
  }
}

BrokerLimits LimitsOf(const v1::BrokerLimits& config, platform::ConfigChecker& check) {
  BrokerLimits limits;
  const auto set = [](auto& limit, auto value) {
    if (value != 0) limit = value;
  };
  set(limits.mailbox_messages, config.mailbox_messages());
  set(limits.mailbox_bytes, config.mailbox_bytes());
  set(limits.park_after_attempts, config.park_after_attempts());
  set(limits.asymmetric_per_second, config.asymmetric_per_second());
  set(limits.disk_reserve_bytes, config.disk_reserve_bytes());
  if (config.lease_ms() != 0) limits.lease = absl::Milliseconds(config.lease_ms());
  if (config.retention_days() != 0) limits.retention = absl::Hours(24) * config.retention_days();
  check.Expect(limits.lease >= absl::Seconds(1) && limits.lease <= absl::Hours(1),
               "limits.lease_ms", "is outside 1 second to 1 hour", "correct it, in milliseconds");
  check.Expect(limits.mailbox_bytes > contract::kMaxBodyBytes, "limits.mailbox_bytes",
               "is smaller than one message", "allow at least some megabytes");
  return limits;
}

}  // namespace

absl::StatusOr<BrokerSetup> LoadBrokerConfig(absl::string_view path) {
  platform::TextProtoSource source;
  absl::StatusOr<v1::BrokerConfig> config =
      platform::LoadTextProto<v1::BrokerConfig>(path, &source);
  if (!config.ok()) return config.status();
  platform::ConfigChecker check(std::move(source));
  BrokerSetup setup;
  check.HostPort("listen", config->listen(), true);
  check.HostPort("metrics_listen", config->metrics_listen(), true);
  setup.listen = config->listen();
  setup.metrics_listen = config->metrics_listen();

  absl::StatusOr<platform::TlsMaterial> tls =
      platform::LoadTlsFiles(config->tls(), platform::FolderOf(path));
  if (tls.ok()) {
    setup.tls = *std::move(tls);
  } else {
    check.AddStatus("tls", tls.status());
  }
  platform::CheckTlsKeyAtRest(config->keys(), config->tls(), "tls", check);
  if (auto keys = platform::LoadKeys(config->keys(), platform::KeyNeeds::kSign, check)) {
    setup.signer = std::make_unique<platform::KeyRing>(*std::move(keys));
  }
  setup.data_dir = check.Directory("data_dir", config->data_dir());
  LoadGenesis(*config, check, setup);
  LoadOperators(*config, check, setup);
  setup.limits = LimitsOf(config->limits(), check);
  if (!config->port_file().empty()) setup.port_file = check.Resolve(config->port_file());
  if (!check.status().ok()) return check.status();
  return setup;
}

}  // namespace yizhan::broker
