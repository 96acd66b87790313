#include "tools/yizhan/lab_directory.h"

#include <utility>

#include "protos/contract/limits.h"
#include "protos/contract/signing.h"

namespace yizhan::tools {
namespace {

v1::DirectoryEntry NewEntry(const LabDirectoryPlan& plan, const contract::Digest& genesis) {
  v1::DirectoryEntry entry;
  entry.set_format_version(contract::kFormatVersion);
  entry.set_suite(v1::SUITE_SM);
  if (!genesis.is_zero()) entry.set_network_genesis(genesis.str());
  entry.set_created_unix_us(absl::ToUnixMicros(plan.now));
  return entry;
}

absl::Status AddSignature(const contract::Hasher& hasher, v1::SignerRole role,
                          contract::ProvinceCode province, const contract::Signer& signer,
                          v1::SignedEntry& entry) {
  const absl::string_view bytes = entry.entry();
  auto signature = contract::SignOne(signer, hasher, contract::kDirectoryEntryType, {bytes});
  if (!signature.ok()) return signature.status();
  v1::EntrySignature& added = *entry.add_signatures();
  added.set_role(role);
  added.set_province(province.value());
  *added.mutable_signature() = *std::move(signature);
  return absl::OkStatus();
}

v1::Member MemberOf(const LabMember& plan) {
  v1::Member member;
  member.set_province(plan.province.value());
  member.set_version(1);
  member.set_name(plan.name);
  member.set_status(v1::MEMBER_ACTIVE);
  *member.add_keys() = plan.sign.public_key;
  *member.add_keys() = plan.seal;
  member.add_certificate_sha256(plan.certificate.str());
  for (int kind = v1::MessageKind_MIN + 1; kind <= v1::MessageKind_MAX; ++kind) {
    member.add_capabilities(static_cast<v1::MessageKind>(kind));
  }
  member.set_duty_telephone("lab");
  return member;
}

}  // namespace

v1::PublicKey MakePublicKey(const contract::KeyId& id, const std::string& spki_der, v1::KeyUse use,
                            absl::Time now) {
  v1::PublicKey key;
  key.set_key_id(id.str());
  key.set_suite(v1::SUITE_SM);
  key.set_use(use);
  key.set_spki_der(spki_der);
  key.set_not_before_unix_us(absl::ToUnixMicros(now - absl::Hours(1)));
  return key;
}

absl::StatusOr<LabDirectory> BuildLabDirectory(const contract::Hasher& hasher,
                                               const LabDirectoryPlan& plan) {
  LabDirectory directory;
  v1::DirectoryEntry first = NewEntry(plan, contract::Digest());
  v1::Genesis& genesis = *first.mutable_genesis();
  genesis.set_network(plan.network);
  genesis.set_lab(true);
  *genesis.add_authority_keys() = plan.authority.public_key;
  *genesis.add_broker_keys() = plan.broker;
  genesis.add_broker_certificate_sha256(plan.broker_certificate.str());
  v1::SignedEntry& signed_genesis = *directory.entries.add_entries();
  signed_genesis.set_entry(first.SerializeAsString());
  if (absl::Status status = AddSignature(hasher, v1::SIGNER_AUTHORITY, contract::ProvinceCode(),
                                         *plan.authority.signer, signed_genesis);
      !status.ok()) {
    return status;
  }
  directory.genesis = hasher.Hash(absl::string_view(signed_genesis.entry()));

  for (const LabMember& member : plan.members) {
    v1::DirectoryEntry entry = NewEntry(plan, directory.genesis);
    *entry.mutable_member() = MemberOf(member);
    v1::SignedEntry& signed_entry = *directory.entries.add_entries();
    signed_entry.set_entry(entry.SerializeAsString());
    absl::Status status =
        AddSignature(hasher, v1::SIGNER_MEMBER, member.province, *member.sign.signer, signed_entry);
    status.Update(AddSignature(hasher, v1::SIGNER_AUTHORITY, contract::ProvinceCode(),
                               *plan.authority.signer, signed_entry));
    if (!status.ok()) return status;
  }
  return directory;
}

}  // namespace yizhan::tools
