// The signing keys of a simulated province, as its process holds them.
#ifndef YIZHAN_TESTS_SIMULATION_NODE_KEYS_H_
#define YIZHAN_TESTS_SIMULATION_NODE_KEYS_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "protos/contract/crypto.h"
#include "protos/contract/directory.h"
#include "tests/support/lab_directory.h"

namespace yizhan::simulation {

// Signs with the last listed key that the node's own copy of the directory lets
// sign now; where there is none, with the one before. One thread; the lab must
// outlive this object.
class NodeKeys final : public contract::Signer {
 public:
  NodeKeys(const testing::LabDirectory* lab, std::uint32_t province)
      : lab_(lab), province_(province), current_(&lab->signer(province)) {}

  void Use(const contract::DirectoryState& directory, absl::Time now) {
    const v1::Member* member = directory.FindMember(contract::ProvinceCode(province_));
    if (member == nullptr) return;
    for (const v1::PublicKey& key : member->keys()) {
      const auto id = contract::KeyId::From(key.key_id());
      if (!id.has_value() || !directory.FindSigner(*id, now).has_value()) continue;
      if (const contract::Signer* signer = lab_->FindSigner(province_, *id)) current_ = signer;
    }
  }

  contract::KeyId key_id() const override { return current_->key_id(); }
  absl::StatusOr<std::string> Sign(absl::string_view message) const override {
    return current_->Sign(message);
  }

 private:
  const testing::LabDirectory* const lab_;
  const std::uint32_t province_;
  const contract::Signer* current_;
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_NODE_KEYS_H_
