#include "tools/yizhan/lab.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/config/text_proto.h"
#include "adapters/platform/rpc/channel.h"
#include "adapters/platform/rpc/tls_files.h"
#include "protos/contract/errors.h"

namespace yizhan::tools {
namespace {

absl::Status ConfigError(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, what, next_step);
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> DialWith(const Lab& lab, const std::string& target,
                                                        const std::string& server_name,
                                                        const v1::TlsFiles& files) {
  absl::StatusOr<platform::TlsMaterial> tls = platform::LoadTlsFiles(files, lab.dir);
  if (!tls.ok()) return tls.status();
  platform::DialOptions options;
  options.target = target;
  options.server_name = server_name;
  options.tls = *std::move(tls);
  options.max_backoff = absl::Seconds(1);
  return platform::Dial(options);
}

}  // namespace

const v1::LabNode* Lab::Find(contract::ProvinceCode province) const {
  for (const v1::LabNode& node : network.nodes()) {
    if (node.province() == province.value()) return &node;
  }
  return nullptr;
}

std::vector<contract::ProvinceCode> Lab::Provinces() const {
  std::vector<contract::ProvinceCode> all;
  for (const v1::LabNode& node : network.nodes()) all.emplace_back(node.province());
  return all;
}

absl::StatusOr<Lab> LoadLab(absl::string_view dir) {
  Lab lab;
  lab.dir = std::string(dir);
  const std::string path = platform::JoinPath(dir, kLabFile);
  if (absl::Status status = platform::ReadTextProto(path, &lab.network); !status.ok()) {
    return ConfigError(
        absl::StrCat("'", dir, "' is not the folder of a network: ", status.message()),
        "Name the folder that `yizhan network init` or the demo made, by --network or "
        "YIZHAN_NETWORK.");
  }
  return lab;
}

void DeclareNetworkFlag(FlagSet& flags) {
  const char* const from_environment = std::getenv("YIZHAN_NETWORK");
  flags.AddText("network", "DIR", from_environment == nullptr ? "" : from_environment,
                "Folder that `network init` or the demo made; else YIZHAN_NETWORK.");
}

absl::StatusOr<Lab> LoadLab(const FlagSet& flags) {
  if (flags.Text("network").empty()) {
    return ConfigError("No network is named.",
                       "Give --network=DIR, or set YIZHAN_NETWORK to the folder.");
  }
  return LoadLab(flags.Text("network"));
}

absl::StatusOr<contract::ProvinceCode> ParseProvince(absl::string_view flag,
                                                     absl::string_view text) {
  std::uint32_t code = 0;
  const bool digits = text.size() == 2 && absl::SimpleAtoi(text, &code);
  const contract::ProvinceCode province(digits ? code : 0);
  if (!province.valid()) {
    return ConfigError(absl::StrCat("--", flag, ": '", text, "' is not a province code."),
                       "Use the two digits of GB/T 2260, for example 32 for Jiangsu.");
  }
  return province;
}

absl::StatusOr<std::vector<contract::ProvinceCode>> ChosenNodes(
    const Lab& lab, const std::vector<std::string>& of_flag, absl::string_view flag) {
  if (of_flag.empty()) return lab.Provinces();
  std::vector<contract::ProvinceCode> chosen;
  for (const std::string& text : of_flag) {
    absl::StatusOr<contract::ProvinceCode> province = ParseProvince(flag, text);
    if (!province.ok()) return province.status();
    if (lab.Find(*province) == nullptr) {
      std::vector<std::string> known;
      for (const contract::ProvinceCode other : lab.Provinces()) known.push_back(other.str());
      return contract::MakeError(v1::NOT_FOUND, v1::SIDE_MINE,
                                 absl::StrCat("Province ", text, " has no node in this network."),
                                 absl::StrCat("Its nodes are ", absl::StrJoin(known, ", "), "."));
    }
    chosen.push_back(*province);
  }
  return chosen;
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> DialNode(const Lab& lab,
                                                        contract::ProvinceCode province,
                                                        v1::CallerRole role) {
  const v1::LabNode* node = lab.Find(province);
  if (node == nullptr) {
    return contract::MakeError(v1::NOT_FOUND, v1::SIDE_MINE,
                               absl::StrCat("Province ", province.str(), " has no node here."),
                               "See `yizhan node status` for those that there are.");
  }
  for (const v1::LabCredential& credential : node->credentials()) {
    if (credential.role() == role) {
      return DialWith(lab, node->gateway(), node->gateway_server_name(), credential.tls());
    }
  }
  return ConfigError(absl::StrCat(kLabFile, " has no ", v1::CallerRole_Name(role),
                                  " credential for province ", province.str(), "."),
                     "Make the network again with `yizhan network init`.");
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> DialBroker(const Lab& lab) {
  return DialWith(lab, lab.network.broker(), lab.network.broker_server_name(),
                  lab.network.broker_operator());
}

}  // namespace yizhan::tools
