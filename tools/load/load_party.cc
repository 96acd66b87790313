#include "tools/load/load_party.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/config/text_proto.h"
#include "adapters/platform/crypto/key_files.h"
#include "adapters/platform/rpc/channel.h"
#include "adapters/platform/rpc/tls_files.h"
#include "protos/contract/errors.h"
#include "yizhan/v1/config.pb.h"

namespace yizhan::tools {

absl::StatusOr<LoadParty> OpenLoadParty(const Lab& lab, contract::ProvinceCode province) {
  const v1::LabNode* const node = lab.Find(province);
  if (node == nullptr) {
    return contract::MakeError(
        v1::NOT_FOUND, v1::SIDE_MINE,
        absl::StrCat("Province ", province.str(), " has no node in ", lab.dir, "."),
        "Make a lab with more provinces: `yizhan network init`.");
  }
  const std::string path = platform::JoinPath(lab.dir, node->config());
  const std::string folder = platform::FolderOf(path);
  const auto config = platform::LoadTextProto<v1::NodeConfig>(path);
  if (!config.ok()) return config.status();
  if (config->keys().unseal_private_keys().empty()) {
    return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                               absl::StrCat(path, " names no key in keys.unseal_private_keys."),
                               "Name the node's sealing key, current first.");
  }
  LoadParty party;
  party.province = province;
  auto signer = platform::LoadSigner(platform::JoinPath(folder, config->keys().sign_private_key()));
  if (!signer.ok()) return signer.status();
  party.signer = *std::move(signer);
  auto sealing =
      platform::LoadSm2Key(platform::JoinPath(folder, config->keys().unseal_private_keys(0)));
  if (!sealing.ok()) return sealing.status();
  party.sealing_key = sealing->id;
  party.sealing_spki_der = std::move(sealing->spki_der);
  auto tls = platform::LoadTlsFiles(config->tls(), folder);
  if (!tls.ok()) return tls.status();
  platform::DialOptions dial;
  dial.target = config->broker();
  dial.server_name = config->broker_server_name();
  dial.tls = *std::move(tls);
  auto channel = platform::Dial(dial);
  if (!channel.ok()) return channel.status();
  party.channel = *std::move(channel);
  return party;
}

}  // namespace yizhan::tools
