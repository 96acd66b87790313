#include "broker/store/boxes.h"

namespace yizhan::broker {
namespace {

constexpr char kTable = 'b';
constexpr std::size_t kRunAt = 4;
constexpr std::uint32_t kLastProvince = 99;

}  // namespace

void Boxes::Load() {
  for (const v1::Lane lane : {v1::LANE_BUSINESS, v1::LANE_TEST}) {
    for (std::uint32_t code = 0; code <= kLastProvince; ++code) {
      const contract::ProvinceCode province(code);
      const std::string prefix = TablePrefix(lane, province, kTable);
      records_->Scan(prefix, prefix, [&](absl::string_view key, absl::string_view value) {
        const auto run = contract::RunId::From(key.substr(kRunAt));
        stored::StoredBox head;
        if (!run || !head.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          records_->Fail(absl::DataLossError("the head of a mailbox does not parse"));
          return false;
        }
        heads_[{lane, province, *run}] = head;
        return true;
      });
    }
  }
}

stored::StoredBox& Boxes::Change(const BoxKey& box) {
  changed_.insert(box);
  const auto [at, begun] = heads_.try_emplace(box);
  if (begun) {
    at->second.set_next_position(1);
    at->second.set_first_position(1);
    at->second.set_next_cursor(1);
    at->second.set_first_cursor(1);
  }
  return at->second;
}

const stored::StoredBox* Boxes::Find(const BoxKey& box) const {
  const auto found = heads_.find(box);
  return found == heads_.end() ? nullptr : &found->second;
}

void Boxes::Forget(const BoxKey& box) {
  heads_.erase(box);
  changed_.insert(box);
}

void Boxes::Flush() {
  for (const BoxKey& box : changed_) {
    const auto head = heads_.find(box);
    if (head == heads_.end()) {
      records_->Delete(BoxPrefix(box, kTable));
    } else {
      records_->Write(BoxPrefix(box, kTable), head->second);
    }
  }
  changed_.clear();
}

stored::StoredUse TotalUse(const stored::StoredBox& box) {
  stored::StoredUse total;
  for (const auto& [source, use] : box.use()) {
    total.set_messages(total.messages() + use.messages());
    total.set_bytes(total.bytes() + use.bytes());
  }
  return total;
}

}  // namespace yizhan::broker
