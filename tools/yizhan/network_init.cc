#include "tools/yizhan/network_init.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/crypto/key_files.h"
#include "adapters/platform/crypto/suite.h"
#include "protos/contract/directory.h"
#include "protos/contract/errors.h"
#include "protos/contract/signing.h"
#include "tools/yizhan/lab_directory.h"
#include "tools/yizhan/lab_files.h"
#include "tools/yizhan/lab_ports.h"

namespace yizhan::tools {
namespace {

using contract::ProvinceCode;

constexpr char kHost[] = "127.0.0.1";
constexpr char kGenesisFile[] = "directory.bin";
constexpr char kPortFile[] = "ports";

struct RoleName {
  v1::CallerRole role;
  const char* name;
};
// The callers that a lab's province has, each with a certificate of its own.
constexpr RoleName kRoles[] = {
    {v1::CALLER_POINT, "point"},       {v1::CALLER_COUNTY, "county"},
    {v1::CALLER_CENTRE, "centre"},     {v1::CALLER_COLLECTION, "collection"},
    {v1::CALLER_OPERATOR, "operator"}, {v1::CALLER_SYSTEM, "system"},
};

std::string AddressOf(int port) { return absl::StrCat(kHost, ":", port); }

// Builds the lab step by step; each step's files are complete when it returns.
class LabBuilder {
 public:
  LabBuilder(const NetworkInitOptions& options, contract::Random& random)
      : options_(options), random_(random), files_(options.dir, options.now) {}

  absl::StatusOr<Lab> Build() {
    if (absl::Status status = RefuseOccupied(options_.dir); !status.ok()) return status;
    for (const auto& step :
         {&LabBuilder::Prepare, &LabBuilder::MakeAuthority, &LabBuilder::MakeBroker,
          &LabBuilder::MakeNodes, &LabBuilder::MakeDirectory, &LabBuilder::WriteConfigs}) {
      if (absl::Status status = (this->*step)(); !status.ok()) return status;
    }
    return lab_;
  }

 private:
  struct NodeParts {
    ProvinceCode province;
    std::string folder;
    platform::Sm2Key sign;
    platform::Sm2Key seal;
    std::unique_ptr<contract::Signer> signer;
    contract::CertificateFingerprint certificate;
    v1::NodeConfig config;
  };

  void Progress(absl::string_view text) const {
    if (options_.on_progress) options_.on_progress(text);
  }

  absl::Status Prepare();
  absl::Status MakeAuthority();
  absl::Status MakeBroker();
  absl::Status MakeNodes();
  absl::Status MakeNode(ProvinceCode province, int port);
  absl::Status MakeCallers(NodeParts& node, v1::LabNode& lab_node);
  absl::Status CopyData(NodeParts& node);
  absl::Status MakeDirectory();
  absl::Status WriteConfigs();

  const NetworkInitOptions& options_;
  contract::Random& random_;
  LabFiles files_;
  Lab lab_;
  std::map<std::string, std::string> names_;
  platform::Sm2Key authority_;
  std::unique_ptr<contract::Signer> authority_signer_;
  platform::Sm2Key broker_;
  contract::CertificateFingerprint broker_certificate_;
  v1::BrokerConfig broker_config_;
  std::vector<NodeParts> nodes_;
};

absl::Status LabBuilder::Prepare() {
  auto names = ProvinceNames(options_.data.divisions);
  if (!names.ok()) return names.status();
  names_ = *std::move(names);
  for (const ProvinceCode province : options_.provinces) {
    if (!names_.contains(province.str())) {
      return contract::MakeError(
          v1::CONFIG_INVALID, v1::SIDE_MINE,
          absl::StrCat(province.str(), " is no province of ", options_.data.divisions, "."),
          "Use codes of GB/T 2260, for example 32,34.");
    }
  }
  lab_.dir = options_.dir;
  return platform::MakeDirectories(options_.dir, 0700);
}

absl::Status LabBuilder::MakeAuthority() {
  Progress("authority");
  if (absl::Status status = files_.MakeAuthority(); !status.ok()) return status;
  auto key = files_.NewKey("authority/sign.pem");
  if (!key.ok()) return key.status();
  authority_ = *std::move(key);
  auto signer = platform::MakeSigner(authority_.private_pem, "authority");
  if (!signer.ok()) return signer.status();
  authority_signer_ = *std::move(signer);
  return absl::OkStatus();
}

absl::Status LabBuilder::MakeBroker() {
  Progress("broker");
  const int ports = 2 + 2 * static_cast<int>(options_.provinces.size());
  const auto base = FreePorts(options_.base_port, ports, random_);
  if (!base.ok()) return base.status();
  auto key = files_.NewKey("broker/keys/sign.pem");
  if (!key.ok()) return key.status();
  broker_ = *std::move(key);
  const auto certificate = files_.NewCertificate("broker/tls", "broker.lab", /*server=*/true);
  if (!certificate.ok()) return certificate.status();
  broker_certificate_ = *certificate;
  const auto admin =
      files_.NewCertificate("broker-operator", "broker-operator.lab", /*server=*/false);
  if (!admin.ok()) return admin.status();

  broker_config_.set_listen(AddressOf(*base));
  broker_config_.set_metrics_listen(AddressOf(*base + 1));
  *broker_config_.mutable_tls() = TlsFilesIn("tls");
  broker_config_.mutable_keys()->set_sign_private_key("keys/sign.pem");
  broker_config_.mutable_keys()->set_lab_unencrypted(true);
  broker_config_.set_data_dir("data");
  broker_config_.set_genesis(kGenesisFile);
  broker_config_.set_port_file(kPortFile);
  v1::OperatorCaller& caller = *broker_config_.add_operators();
  caller.set_name("lab operator");
  caller.set_certificate_sha256_hex(admin->hex());

  lab_.network.set_broker(broker_config_.listen());
  lab_.network.set_broker_server_name("broker.lab");
  lab_.network.set_broker_config("broker/broker.textproto");
  lab_.network.set_broker_metrics(broker_config_.metrics_listen());
  *lab_.network.mutable_broker_operator() = TlsFilesIn("broker-operator");
  int port = *base + 2;
  for (const ProvinceCode province : options_.provinces) {
    v1::LabNode& node = *lab_.network.add_nodes();
    node.set_province(province.value());
    node.set_name(names_[province.str()]);
    node.set_gateway(AddressOf(port));
    node.set_metrics(AddressOf(port + 1));
    port += 2;
  }
  return absl::OkStatus();
}

absl::Status LabBuilder::MakeNodes() {
  for (int i = 0; i < lab_.network.nodes_size(); ++i) {
    if (absl::Status status = MakeNode(options_.provinces[i], i); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status LabBuilder::MakeNode(ProvinceCode province, int index) {
  Progress(absl::StrCat("node ", province.str()));
  v1::LabNode& lab_node = *lab_.network.mutable_nodes(index);
  NodeParts node;
  node.province = province;
  node.folder = absl::StrCat("node-", province.str());
  auto sign = files_.NewKey(node.folder + "/keys/sign.pem");
  if (!sign.ok()) return sign.status();
  auto seal = files_.NewKey(node.folder + "/keys/seal.pem");
  if (!seal.ok()) return seal.status();
  node.sign = *std::move(sign);
  node.seal = *std::move(seal);
  auto signer = platform::MakeSigner(node.sign.private_pem, node.folder);
  if (!signer.ok()) return signer.status();
  node.signer = *std::move(signer);
  const auto to_broker = files_.NewCertificate(node.folder + "/tls", node.folder + ".lab", false);
  if (!to_broker.ok()) return to_broker.status();
  node.certificate = *to_broker;
  const std::string server_name = absl::StrCat("gateway-", province.str(), ".lab");
  const auto gateway = files_.NewCertificate(node.folder + "/gateway-tls", server_name, true);
  if (!gateway.ok()) return gateway.status();

  lab_node.set_gateway_server_name(server_name);
  lab_node.set_config(node.folder + "/node.textproto");
  v1::NodeConfig& config = node.config;
  config.set_province(province.value());
  config.set_broker(lab_.network.broker());
  config.set_broker_server_name(lab_.network.broker_server_name());
  *config.mutable_tls() = TlsFilesIn("tls");
  config.mutable_keys()->set_sign_private_key("keys/sign.pem");
  config.mutable_keys()->set_lab_unencrypted(true);
  config.mutable_keys()->add_unseal_private_keys("keys/seal.pem");
  config.set_data_dir("data");
  config.set_gateway_listen(lab_node.gateway());
  *config.mutable_gateway_tls() = TlsFilesIn("gateway-tls");
  config.set_metrics_listen(lab_node.metrics());
  config.set_port_file(kPortFile);
  absl::Status status = MakeCallers(node, lab_node);
  status.Update(CopyData(node));
  nodes_.push_back(std::move(node));
  return status;
}

absl::Status LabBuilder::MakeCallers(NodeParts& node, v1::LabNode& lab_node) {
  const std::string province = node.province.str();
  for (const auto& [role, name] : kRoles) {
    const std::string folder = absl::StrCat("client-", province, "/", name);
    const auto certificate =
        files_.NewCertificate(folder, absl::StrCat(name, "-", province, ".lab"), /*server=*/false);
    if (!certificate.ok()) return certificate.status();
    v1::GatewayCaller& caller = *node.config.add_callers();
    caller.set_name(absl::StrCat(name, "-", province));
    caller.set_certificate_sha256_hex(certificate->hex());
    caller.add_roles(role);
    const bool all = role == v1::CALLER_OPERATOR || role == v1::CALLER_SYSTEM;
    if (role != v1::CALLER_COUNTY) caller.add_points(all ? "*" : province);
    if (role == v1::CALLER_COUNTY || all) caller.add_divisions(all ? "*" : province);
    v1::LabCredential& credential = *lab_node.add_credentials();
    credential.set_role(role);
    *credential.mutable_tls() = TlsFilesIn(folder);
  }
  return absl::OkStatus();
}

absl::Status LabBuilder::CopyData(NodeParts& node) {
  v1::NodeConfig& config = node.config;
  config.set_policy("policy.textproto");
  config.set_points("points.jsonl");
  config.set_divisions("divisions.csv");
  config.mutable_systems()->set_population_register_file("register.jsonl");
  config.mutable_systems()->set_doubles(true);
  config.mutable_systems()->set_card_centre_file("card-centre.jsonl");
  absl::Status status = files_.Copy(options_.data.policy, node.folder + "/policy.textproto");
  status.Update(files_.Copy(options_.data.points, node.folder + "/points.jsonl"));
  status.Update(files_.Copy(options_.data.divisions, node.folder + "/divisions.csv"));
  // A province without a register file knows nobody, rather than never answers.
  const std::string source = options_.data.RegisterOf(node.province);
  const std::string target = node.folder + "/register.jsonl";
  status.Update(source.empty() ? files_.Write(target, "") : files_.Copy(source, target));
  return status;
}

absl::Status LabBuilder::MakeDirectory() {
  Progress("directory");
  const contract::Hasher& hasher = *platform::SmSuite().hasher;
  const auto public_key = [&](const platform::Sm2Key& key, v1::KeyUse use) {
    return MakePublicKey(key.id, key.spki_der, use, options_.now);
  };
  LabDirectoryPlan plan;
  plan.network = "lab";
  plan.now = options_.now;
  plan.authority = {public_key(authority_, v1::KEY_USE_SIGN), authority_signer_.get()};
  plan.broker = public_key(broker_, v1::KEY_USE_SIGN);
  plan.broker_certificate = broker_certificate_;
  for (const NodeParts& node : nodes_) {
    plan.members.push_back({.province = node.province,
                            .name = names_[node.province.str()],
                            .sign = {public_key(node.sign, v1::KEY_USE_SIGN), node.signer.get()},
                            .seal = public_key(node.seal, v1::KEY_USE_SEAL),
                            .certificate = node.certificate});
  }
  const auto directory = BuildLabDirectory(hasher, plan);
  if (!directory.ok()) return directory.status();

  // What broker and nodes will do with it: a lab that they refuse is not made.
  contract::DirectoryState state;
  contract::SignatureChecker checker(&hasher, platform::SmSuite().verifier);
  for (const v1::SignedEntry& entry : directory->entries.entries()) {
    absl::Status status =
        state.Apply(hasher, checker, entry, directory->genesis, options_.now + absl::Seconds(1));
    if (!status.ok()) return status;
  }
  lab_.network.set_genesis_digest_hex(directory->genesis.hex());
  broker_config_.set_genesis_digest_hex(directory->genesis.hex());
  for (NodeParts& node : nodes_) node.config.set_genesis_digest_hex(directory->genesis.hex());
  return files_.Write(absl::StrCat("broker/", kGenesisFile),
                      directory->entries.SerializeAsString());
}

absl::Status LabBuilder::WriteConfigs() {
  absl::Status status =
      files_.WriteConfig("broker/broker.textproto", "yizhan-broker --config THIS", broker_config_);
  for (const NodeParts& node : nodes_) {
    status.Update(files_.WriteConfig(node.folder + "/node.textproto", "yizhan-node --config THIS",
                                     node.config));
  }
  status.Update(files_.WriteConfig(kLabFile, "yizhan ... --network THIS_FOLDER", lab_.network));
  return status;
}

}  // namespace

absl::StatusOr<Lab> InitNetwork(const NetworkInitOptions& options, contract::Random& random) {
  return LabBuilder(options, random).Build();
}

absl::StatusOr<std::vector<ProvinceCode>> ParseProvinces(absl::string_view flag,
                                                         const std::vector<std::string>& texts) {
  std::vector<ProvinceCode> provinces;
  for (const std::string& text : texts) {
    const auto province = ParseProvince(flag, text);
    if (!province.ok()) return province.status();
    if (std::find(provinces.begin(), provinces.end(), *province) != provinces.end()) {
      return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                                 absl::StrCat("--", flag, " names ", text, " twice."),
                                 "Name each province once.");
    }
    provinces.push_back(*province);
  }
  if (provinces.empty()) {
    return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                               absl::StrCat("--", flag, " names no province."),
                               absl::StrCat("For example --", flag, "=32,34."));
  }
  return provinces;
}

}  // namespace yizhan::tools
