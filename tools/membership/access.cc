#include "tools/membership/access.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/config/text_proto.h"
#include "adapters/platform/crypto/suite.h"
#include "adapters/platform/rpc/channel.h"
#include "protos/contract/errors.h"
#include "tools/yizhan/lab.h"
#include "tools/yizhan/rpc_call.h"
#include "yizhan/v1/directory.grpc.pb.h"
#include "yizhan/v1/membership.pb.h"

namespace yizhan::tools {
namespace {

absl::StatusOr<Access> MakeAccess(const std::string& broker, const std::string& server_name,
                                  const v1::TlsFiles& tls, absl::string_view folder,
                                  absl::string_view genesis_hex) {
  Access access;
  access.broker = broker;
  access.server_name = server_name;
  auto material = platform::LoadTlsFiles(tls, folder);
  if (!material.ok()) return material.status();
  access.tls = *std::move(material);
  auto genesis = ParseDigest("genesis_digest_hex", genesis_hex);
  if (!genesis.ok()) return genesis.status();
  access.genesis = *genesis;
  return access;
}

}  // namespace

absl::StatusOr<contract::Digest> ParseDigest(absl::string_view field, absl::string_view hex) {
  const auto digest = contract::Digest::From(absl::HexStringToBytes(hex));
  if (hex.size() == 2 * contract::Digest::kSize && digest.has_value() && digest->hex() == hex) {
    return *digest;
  }
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                             absl::StrCat(field, " is not 64 lower-case hex digits"),
                             "Copy it from the authority's notice.");
}

absl::StatusOr<NodeFiles> LoadNodeFiles(const std::string& path) {
  NodeFiles node;
  node.path = path;
  node.folder = platform::FolderOf(path);
  absl::Status read = platform::ReadTextProto(path, &node.config);
  if (!read.ok()) return read;
  return node;
}

void DeclareNodeFlags(FlagSet& flags) {
  flags.AddText("config", "FILE", "", "The node's configuration, node.textproto.");
  DeclareNetworkFlag(flags);
  flags.AddText("node", "NN", "", "In a lab: the province whose files are meant.");
}

absl::StatusOr<NodeFiles> NodeFilesOf(const FlagSet& flags) {
  if (!flags.Text("config").empty()) return LoadNodeFiles(flags.Text("config"));
  const auto lab = LoadLab(flags);
  if (!lab.ok()) return lab.status();
  const auto province = ParseProvince("node", flags.Text("node"));
  if (!province.ok()) return province.status();
  const v1::LabNode* node = lab->Find(*province);
  if (node == nullptr) {
    return contract::MakeError(v1::NOT_FOUND, v1::SIDE_MINE,
                               absl::StrCat("Province ", province->str(), " has no node here."),
                               "See `yizhan node status` for those that there are.");
  }
  return LoadNodeFiles(platform::JoinPath(lab->dir, node->config()));
}

absl::StatusOr<Access> AccessOf(const NodeFiles& node) {
  return MakeAccess(node.config.broker(), node.config.broker_server_name(), node.config.tls(),
                    node.folder, node.config.genesis_digest_hex());
}

void DeclareAccessFlags(FlagSet& flags) {
  flags.AddText("access", "FILE", "", "The authority's access.textproto.");
  DeclareNodeFlags(flags);
}

absl::StatusOr<Access> AccessOf(const FlagSet& flags) {
  const std::string& path = flags.Text("access");
  if (!path.empty()) {
    const auto file = platform::LoadTextProto<v1::NetworkAccess>(path);
    if (!file.ok()) return file.status();
    return MakeAccess(file->broker(), file->broker_server_name(), file->tls(),
                      platform::FolderOf(path), file->genesis_digest_hex());
  }
  if (!flags.Text("config").empty() || !flags.Text("node").empty()) {
    const auto node = NodeFilesOf(flags);
    if (!node.ok()) return node.status();
    return AccessOf(*node);
  }
  const auto lab = LoadLab(flags);
  if (!lab.ok()) return lab.status();
  return MakeAccess(lab->network.broker(), lab->network.broker_server_name(),
                    lab->network.broker_operator(), lab->dir, lab->network.genesis_digest_hex());
}

absl::StatusOr<std::unique_ptr<DirectoryClient>> DirectoryClient::Dial(const Access& access) {
  platform::DialOptions options;
  options.target = access.broker;
  options.server_name = access.server_name;
  options.tls = access.tls;
  auto channel = platform::Dial(options);
  if (!channel.ok()) return channel.status();
  return std::unique_ptr<DirectoryClient>(new DirectoryClient(
      *std::move(channel), absl::StrCat("The broker at ", access.broker), access.genesis));
}

absl::StatusOr<contract::DirectoryState> DirectoryClient::Fetch(absl::Time now) const {
  const auto stub = v1::Directory::NewStub(channel_);
  const contract::SuiteAlgorithms& sm = platform::SmSuite();
  contract::SignatureChecker checker(sm.hasher, sm.verifier);
  contract::DirectoryState state;
  for (;;) {
    v1::FetchEntriesRequest request;
    request.set_from(state.head().size());
    const auto fetched = Call(*stub, broker_, &v1::Directory::StubInterface::FetchEntries, request);
    if (!fetched.ok()) return fetched.status();
    for (const v1::SignedEntry& entry : fetched->entries()) {
      const absl::Status good = state.Apply(*sm.hasher, checker, entry, genesis_, now);
      if (!good.ok()) return good;
    }
    if (fetched->entries().empty()) return state;
  }
}

absl::Status DirectoryClient::Append(const v1::SignedEntry& entry) const {
  const auto stub = v1::Directory::NewStub(channel_);
  v1::AppendEntryRequest request;
  *request.mutable_entry() = entry;
  return Call(*stub, broker_, &v1::Directory::StubInterface::AppendEntry, request).status();
}

}  // namespace yizhan::tools
