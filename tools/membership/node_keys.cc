#include "tools/membership/node_keys.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "adapters/platform/config/config_checker.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/config/text_proto.h"
#include "adapters/platform/crypto/private_files.h"
#include "adapters/platform/keys/key_config.h"
#include "protos/contract/errors.h"
#include "tools/membership/member_paper.h"

namespace yizhan::tools {
namespace {

// The last listed signing key that may sign now and that is at hand.
absl::Status UseCurrentKey(const contract::DirectoryState& directory, const v1::Member& member,
                           absl::Time now, platform::KeyRing& keys) {
  for (int i = member.keys_size() - 1; i >= 0; --i) {
    const auto id = contract::KeyId::From(member.keys(i).key_id());
    if (id && directory.FindSigner(*id, now) && keys.Use(*id)) return absl::OkStatus();
  }
  return contract::MakeError(
      v1::CONFIG_INVALID, v1::SIDE_MINE,
      "none of the signing keys of the configuration may sign for the province now",
      "See `yizhan member show` for the keys that the directory has. Where all are lost, apply "
      "with new ones.");
}

}  // namespace

absl::StatusOr<std::unique_ptr<NodeDesk>> NodeDesk::Open(const FlagSet& flags, absl::Time now) {
  std::unique_ptr<NodeDesk> desk(new NodeDesk());
  auto files = NodeFilesOf(flags);
  if (!files.ok()) return files.status();
  desk->files_ = *std::move(files);
  auto access = AccessOf(desk->files_);
  if (!access.ok()) return access.status();
  desk->access_ = *std::move(access);

  const v1::KeyFiles& keys = desk->files_.config.keys();
  platform::ConfigChecker check(platform::TextProtoSource{desk->files_.path, {}});
  auto loaded = platform::LoadKeys(keys, platform::KeyNeeds::kSign, check);
  if (!loaded.has_value()) return check.status();
  desk->keys_ = std::make_unique<platform::KeyRing>(*std::move(loaded));
  for (const auto& [file, place] :
       {std::pair(keys.passphrase_file(), &desk->passphrase_),
        std::pair(desk->files_.config.tls().passphrase_file(), &desk->tls_passphrase_)}) {
    if (file.empty()) continue;
    auto passphrase = platform::ReadSecretLine(check.Resolve(file));
    if (!passphrase.ok()) return passphrase.status();
    *place = *std::move(passphrase);
  }

  auto client = DirectoryClient::Dial(desk->access_);
  if (!client.ok()) return client.status();
  desk->client_ = *std::move(client);
  const auto directory = desk->client_->Fetch(now);
  if (!directory.ok()) return directory.status();
  const v1::Member* member =
      directory->FindMember(contract::ProvinceCode(desk->files_.config.province()));
  if (member == nullptr) {
    return contract::MakeError(v1::NOT_FOUND, v1::SIDE_MINE, "the directory has no such member yet",
                               "Join first: yizhan member apply.");
  }
  desk->member_ = *member;
  if (absl::Status s = UseCurrentKey(*directory, *member, now, *desk->keys_); !s.ok()) return s;
  return desk;
}

std::string NodeDesk::TlsFolder() const {
  const std::string chain =
      platform::JoinPath(files_.folder, files_.config.tls().certificate_chain());
  return platform::FolderOf(chain);
}

std::string NodeDesk::NextTlsFolder() const { return TlsFolder() + "-next"; }

absl::Status NodeDesk::SignAndSubmit(v1::MemberPaper& paper) const {
  if (absl::Status s = SignAsMember(*keys_, access_.genesis, paper); !s.ok()) return s;
  return client_->Append(paper.entry());
}

absl::Status NodeDesk::SubmitAlone(const v1::Member& next, absl::Time now) const {
  v1::MemberPaper paper = Propose(next, access_.genesis, now);
  return SignAndSubmit(paper);
}

absl::Status NodeDesk::AddToConfig(const std::string& field, const std::string& path) const {
  auto text = platform::ReadFile(files_.path);
  if (!text.ok()) return text.status();
  v1::NodeConfig expected = files_.config;
  if (field == "more_sign_private_keys") {
    expected.mutable_keys()->add_more_sign_private_keys(path);
  } else {
    expected.mutable_keys()->add_unseal_private_keys(path);
  }
  const std::string line = absl::StrCat(field, ": \"", path, "\"");
  // At the end of the block, where the field's last value counts as the newest.
  const std::size_t block = text->find("keys {");
  const std::size_t end = block == std::string::npos ? block : text->find('}', block);
  if (end != std::string::npos) {
    text->insert(end, absl::StrCat("  ", line, "\n"));
    v1::NodeConfig parsed;
    const bool as_meant = platform::ParseTextProto(files_.path, *text, &parsed).ok() &&
                          parsed.SerializeAsString() == expected.SerializeAsString();
    if (as_meant) return platform::WriteFileAtomically(files_.path, *text);
  }
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                             absl::StrCat(files_.path, " could not be changed by itself"),
                             absl::StrCat("Add this line to its keys: ", line));
}

}  // namespace yizhan::tools
