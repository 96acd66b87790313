#include "province_nodes/app/node_config.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "adapters/platform/config/config_checker.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/config/text_proto.h"
#include "adapters/platform/keys/key_config.h"
#include "protos/contract/limits.h"
#include "province_nodes/policy/policy_file.h"

namespace yizhan::node {
namespace {

constexpr std::uint64_t kDefaultDiskReserve = std::uint64_t{1} << 30;

using platform::ConfigChecker;

// Moves a loaded value into place, or notes why it could not be loaded.
template <typename T>
void Take(ConfigChecker& check, const char* field, absl::StatusOr<T> loaded, T& place) {
  if (loaded.ok()) {
    place = *std::move(loaded);
  } else {
    check.AddStatus(field, loaded.status());
  }
}

void LoadNetwork(ConfigChecker& check, const v1::NodeConfig& config, NodeSetup& setup) {
  setup.province = contract::ProvinceCode(config.province());
  check.Expect(setup.province.valid(), "province", "is not a province code",
               "give the two digits of GB/T 2260, e.g. 32");
  check.HostPort("broker", config.broker(), false);
  check.HostPort("gateway_listen", config.gateway_listen(), true);
  check.HostPort("metrics_listen", config.metrics_listen(), true);
  const std::string digest = check.Hex("genesis_digest_hex", config.genesis_digest_hex(), 32);
  setup.genesis_digest = contract::Digest::From(digest).value_or(contract::Digest());
  setup.message_life = config.message_life_seconds() == 0
                           ? contract::kDefaultMessageLife
                           : absl::Seconds(config.message_life_seconds());
  check.Expect(setup.message_life >= contract::kMinMessageLife &&
                   setup.message_life <= contract::kMaxMessageLife,
               "message_life_seconds", "is outside 1 hour to 90 days", "give 3600 to 7776000");
  const std::string folder = platform::FolderOf(check.source().path);
  Take(check, "tls", platform::LoadTlsFiles(config.tls(), folder, "tls"), setup.tls);
  Take(check, "gateway_tls", platform::LoadTlsFiles(config.gateway_tls(), folder, "gateway_tls"),
       setup.gateway_tls);
  setup.data_dir = check.Directory("data_dir", config.data_dir());
  setup.disk_reserve_bytes =
      config.disk_reserve_bytes() == 0 ? kDefaultDiskReserve : config.disk_reserve_bytes();
  if (!config.port_file().empty()) setup.port_file = check.Resolve(config.port_file());
}

void LoadKeys(ConfigChecker& check, const v1::NodeConfig& config, NodeSetup& setup) {
  platform::CheckTlsKeyAtRest(config.keys(), config.tls(), "tls", check);
  platform::CheckTlsKeyAtRest(config.keys(), config.gateway_tls(), "gateway_tls", check);
  std::optional<platform::KeySet> keys =
      platform::LoadKeys(config.keys(), platform::KeyNeeds::kSignAndUnseal, check);
  if (!keys.has_value()) return;
  for (const auto& signer : keys->signers) setup.key_ids.push_back(signer->key_id().str());
  for (const contract::KeyId& id : keys->unseal_ids) setup.key_ids.push_back(id.str());
  setup.keys = std::make_unique<platform::KeyRing>(*std::move(keys));
}

void LoadRules(ConfigChecker& check, const v1::NodeConfig& config, NodeSetup& setup) {
  Take(check, "policy", LoadPolicy(check.File("policy", config.policy())), setup.policy);
  Take(check, "points", systems::FilePointRegistry::Load(check.File("points", config.points())),
       setup.points);
  Take(check, "divisions", systems::Divisions::Load(check.File("divisions", config.divisions())),
       setup.divisions);
}

void LoadSystems(ConfigChecker& check, const v1::NodeConfig& config, NodeSetup& setup) {
  const v1::ProvincialSystems& systems = config.systems();
  if (!systems.population_register_file().empty()) {
    constexpr char kField[] = "systems.population_register_file";
    Take(check, kField,
         systems::FilePopulationRegister::Load(
             check.File(kField, systems.population_register_file())),
         setup.population);
  }
  const std::string orders =
      systems.card_centre_file().empty() ? "" : check.Resolve(systems.card_centre_file());
  Take(check, "systems.card_centre_file", systems::FileCardCentre::Open(orders), setup.card_centre);
}

}  // namespace

absl::StatusOr<OwnKeys> LoadOwnKeys(const std::string& path) {
  v1::NodeConfig config;
  platform::TextProtoSource source;
  if (absl::Status read = platform::ReadTextProto(path, &config, &source); !read.ok()) return read;
  ConfigChecker check(std::move(source));
  OwnKeys own;
  platform::CheckTlsKeyAtRest(config.keys(), config.tls(), "tls", check);
  Take(check, "tls", platform::LoadTlsFiles(config.tls(), platform::FolderOf(path), "tls"),
       own.tls);
  std::optional<platform::KeySet> keys =
      platform::LoadKeys(config.keys(), platform::KeyNeeds::kSignAndUnseal, check);
  if (absl::Status status = check.status(); !status.ok()) return status;
  own.keys = *std::move(keys);
  return own;
}

absl::StatusOr<NodeSetup> LoadNodeSetup(const std::string& path) {
  NodeSetup setup;
  setup.path = path;
  platform::TextProtoSource source;
  if (absl::Status read = platform::ReadTextProto(path, &setup.config, &source); !read.ok()) {
    return read;
  }
  ConfigChecker check(std::move(source));
  LoadNetwork(check, setup.config, setup);
  LoadKeys(check, setup.config, setup);
  LoadRules(check, setup.config, setup);
  LoadSystems(check, setup.config, setup);
  setup.callers = CallerRegistry::Create(setup.config, check);
  if (absl::Status status = check.status(); !status.ok()) return status;
  return setup;
}

}  // namespace yizhan::node
