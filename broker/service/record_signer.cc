#include "broker/service/record_signer.h"

#include <algorithm>
#include <utility>

#include "protos/contract/control.h"
#include "protos/contract/signing.h"

namespace yizhan::broker {
namespace {

// Leaves of one batch. Each level of the tree adds a digest to every receipt, on
// the wire and on disk; a signature costs what hashing some hundred leaves does.
constexpr std::size_t kMaxLeaves = 256;

}  // namespace

void RecordSigner::Add(const v1::Control& control, const std::vector<std::string>& keys,
                       const std::vector<v1::ControlRecord*>& copies) {
  for (const std::string& key : keys) by_key_[key] = waiting_.size();
  waiting_.push_back({control.SerializeAsString(), keys, copies});
}

bool RecordSigner::CopyTo(const std::string& key, v1::ControlRecord* copy) {
  const auto waiting = by_key_.find(key);
  if (waiting == by_key_.end()) return records_->Read(key, copy);
  waiting_[waiting->second].copies.push_back(copy);
  return true;
}

void RecordSigner::PutSigned(const std::string& key, const v1::ControlRecord& record) {
  by_key_.erase(key);
  records_->Write(key, record);
}

absl::Status RecordSigner::SignSome(std::size_t begin, std::size_t end) {
  std::vector<contract::Digest> leaves;
  leaves.reserve(end - begin);
  for (std::size_t i = begin; i < end; ++i) {
    leaves.push_back(contract::ControlLeaf(*hasher_, waiting_[i].record));
  }
  absl::StatusOr<std::vector<v1::Signature>> signatures =
      contract::SignBatch(*signer_, *hasher_, leaves);
  if (!signatures.ok()) return signatures.status();
  ++signatures_;
  for (std::size_t i = begin; i < end; ++i) {
    v1::ControlRecord record;
    record.set_record(std::move(waiting_[i].record));
    *record.mutable_signature() = std::move((*signatures)[i - begin]);
    for (v1::ControlRecord* copy : waiting_[i].copies) *copy = record;
    for (const std::string& key : waiting_[i].keys) {
      // A key may have been given to a later record since.
      const auto owner = by_key_.find(key);
      if (owner != by_key_.end() && owner->second == i) records_->Write(key, record);
    }
  }
  return absl::OkStatus();
}

absl::Status RecordSigner::SignAll() {
  for (std::size_t begin = 0; begin < waiting_.size(); begin += kMaxLeaves) {
    const std::size_t end = std::min(begin + kMaxLeaves, waiting_.size());
    if (absl::Status s = SignSome(begin, end); !s.ok()) return s;
  }
  waiting_.clear();
  by_key_.clear();
  return absl::OkStatus();
}

}  // namespace yizhan::broker
