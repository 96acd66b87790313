#include "tools/membership/entry_building.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/crypto/suite.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "protos/contract/signing.h"

namespace yizhan::tools {

v1::DirectoryEntry NewEntry(const contract::Digest& genesis, absl::Time now) {
  v1::DirectoryEntry entry;
  entry.set_format_version(contract::kFormatVersion);
  entry.set_suite(v1::SUITE_SM);
  if (!genesis.is_zero()) entry.set_network_genesis(genesis.str());
  entry.set_created_unix_us(absl::ToUnixMicros(now));
  return entry;
}

v1::SignedEntry EntryOf(const v1::Member& member, const contract::Digest& genesis, absl::Time now) {
  v1::DirectoryEntry entry = NewEntry(genesis, now);
  *entry.mutable_member() = member;
  v1::SignedEntry made;
  made.set_entry(entry.SerializeAsString());
  return made;
}

absl::Status AddSignature(const contract::Signer& signer, v1::SignerRole role,
                          contract::ProvinceCode province, v1::SignedEntry& entry) {
  const absl::string_view bytes = entry.entry();
  auto signature = contract::SignOne(signer, *platform::SmSuite().hasher,
                                     contract::kDirectoryEntryType, {bytes});
  if (!signature.ok()) return signature.status();
  for (const v1::EntrySignature& there : entry.signatures()) {
    if (there.signature().key_id() == signature->key_id()) {
      return contract::MakeError(
          v1::CONFIG_INVALID, v1::SIDE_MINE,
          absl::StrCat("key ", absl::BytesToHexString(signature->key_id()), " has signed already"),
          "Have another officer sign; one officer counts once.");
    }
  }
  v1::EntrySignature& added = *entry.add_signatures();
  added.set_role(role);
  added.set_province(province.value());
  *added.mutable_signature() = *std::move(signature);
  return absl::OkStatus();
}

v1::PublicKey NewPublicKey(absl::string_view spki_der, v1::KeyUse use, absl::Time not_before) {
  v1::PublicKey key;
  key.set_key_id(platform::KeyIdOf(spki_der).str());
  key.set_suite(v1::SUITE_SM);
  key.set_use(use);
  key.set_spki_der(std::string(spki_der));
  key.set_not_before_unix_us(absl::ToUnixMicros(not_before));
  return key;
}

std::string FingerprintText(absl::string_view digest) {
  const std::string hex = absl::BytesToHexString(digest);
  std::string text;
  for (std::size_t at = 0; at < hex.size(); at += 4) {
    if (at > 0) text += at % 32 == 0 ? "  " : " ";
    text += hex.substr(at, 4);
  }
  return text;
}

}  // namespace yizhan::tools
