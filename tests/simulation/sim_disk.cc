#include "tests/simulation/sim_disk.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "tests/simulation/toy_suite.h"

namespace yizhan::simulation {
namespace {

void PutNumber(std::string& out, std::uint32_t number) {
  char bytes[4];
  std::memcpy(bytes, &number, 4);
  out.append(bytes, 4);
}

std::optional<std::uint32_t> TakeNumber(absl::string_view& in) {
  if (in.size() < 4) return std::nullopt;
  std::uint32_t number = 0;
  std::memcpy(&number, in.data(), 4);
  in.remove_prefix(4);
  return number;
}

std::optional<std::string> TakeBytes(absl::string_view& in) {
  const std::optional<std::uint32_t> size = TakeNumber(in);
  if (!size || in.size() < *size) return std::nullopt;
  std::string out(in.substr(0, *size));
  in.remove_prefix(*size);
  return out;
}

// As rocks_store.h says it.
absl::Status Failed(absl::string_view what) {
  return contract::MakeError(v1::STORAGE_FAILED, v1::SIDE_MINE,
                             absl::StrCat("simulated disk: ", what), "Start again.");
}

absl::Status Damaged() { return Failed("a block does not fit its checksum"); }

}  // namespace

std::string EncodeBatch(const platform::WriteBatch& batch) {
  std::string body;
  for (const platform::WriteBatch::Change& change : batch.changes) {
    body.push_back(change.value ? 'p' : 'd');
    PutNumber(body, static_cast<std::uint32_t>(change.key.size()));
    body += change.key;
    if (!change.value) continue;
    PutNumber(body, static_cast<std::uint32_t>(change.value->size()));
    body += *change.value;
  }
  std::string record;
  PutNumber(record, static_cast<std::uint32_t>(body.size()));
  const absl::string_view view = body;
  return absl::StrCat(record, ToyDigest(absl::MakeConstSpan(&view, 1)).view(), body);
}

std::optional<platform::WriteBatch> DecodeBatch(absl::string_view record) {
  const std::optional<std::uint32_t> size = TakeNumber(record);
  if (!size || record.size() != contract::Digest::kSize + *size) return std::nullopt;
  const absl::string_view digest = record.substr(0, contract::Digest::kSize);
  absl::string_view body = record.substr(contract::Digest::kSize);
  if (ToyDigest(absl::MakeConstSpan(&body, 1)).view() != digest) return std::nullopt;
  platform::WriteBatch batch;
  while (!body.empty()) {
    const bool put = body[0] == 'p';
    body.remove_prefix(1);
    std::optional<std::string> key = TakeBytes(body);
    std::optional<std::string> value = put ? TakeBytes(body) : std::nullopt;
    if (!key || (put && !value)) return std::nullopt;
    batch.changes.push_back({*std::move(key), std::move(value)});
  }
  return batch;
}

class SimDisk::Iterator final : public platform::KvIterator {
 public:
  Iterator(const SimDisk* disk, absl::string_view begin, absl::string_view end)
      : disk_(disk), content_(disk->content_), end_(end), at_(content_->lower_bound(begin)) {
    damaged_ = disk_->ReadIsDamaged();
  }

  bool Valid() const override {
    return !damaged_ && at_ != content_->end() && (end_.empty() || at_->first < end_);
  }
  void Next() override {
    ++at_;
    damaged_ = disk_->ReadIsDamaged();
  }
  absl::string_view key() const override { return at_->first; }
  absl::string_view value() const override { return at_->second; }
  absl::Status status() const override { return damaged_ ? Damaged() : absl::OkStatus(); }

 private:
  const SimDisk* const disk_;
  const std::shared_ptr<const Content> content_;
  const std::string end_;
  Content::const_iterator at_;
  bool damaged_ = false;
};

void SimDisk::FailWrite(WriteFault fault, std::uint64_t skip, std::uint64_t kept) {
  write_fault_ = PlannedFault{fault, skip, kept};
}

void SimDisk::Reopen() {
  broken_ = false;
  read_damaged_ = false;
  write_fault_.reset();
}

bool SimDisk::ReadIsDamaged() const {
  if (!read_fault_) return false;
  if (*read_fault_ > 0) {
    --*read_fault_;
    return false;
  }
  read_fault_.reset();
  read_damaged_ = true;
  Count("read_damaged");
  return true;
}

absl::StatusOr<std::optional<std::string>> SimDisk::Get(absl::string_view key) const {
  if (ReadIsDamaged()) return Damaged();
  const auto found = content_->find(key);
  if (found == content_->end()) return std::optional<std::string>();
  return std::optional<std::string>(found->second);
}

void SimDisk::Apply(const platform::WriteBatch& batch) {
  if (content_.use_count() > 1) content_ = std::make_shared<Content>(*content_);
  for (const platform::WriteBatch::Change& change : batch.changes) {
    if (change.value) {
      content_->insert_or_assign(change.key, *change.value);
    } else {
      content_->erase(change.key);
    }
  }
}

absl::Status SimDisk::FailNow(const PlannedFault& planned, const platform::WriteBatch& batch) {
  std::string record = EncodeBatch(batch);
  switch (planned.fault) {
    case WriteFault::kLost:
      record.clear();
      Count("write_lost");
      break;
    case WriteFault::kKept:
      Count("write_kept");
      break;
    case WriteFault::kTorn:
      record.resize(record.size() * planned.kept / 1000);
      Count("write_torn");
      break;
  }
  broken_ = true;
  const std::optional<platform::WriteBatch> survivor = DecodeBatch(record);
  survived_ = survivor.has_value();
  if (survivor) Apply(*survivor);
  return Failed("EIO on sync");
}

absl::Status SimDisk::Write(const platform::WriteBatch& batch) {
  survived_ = false;
  if (broken_) return Failed("write after a failure");
  if (full_) {
    broken_ = true;
    Count("disk_full");
    return Failed("no space left");
  }
  if (!write_fault_ || write_fault_->skip-- > 0) {
    Apply(batch);
    return absl::OkStatus();
  }
  const PlannedFault planned = *std::exchange(write_fault_, std::nullopt);
  return FailNow(planned, batch);
}

std::unique_ptr<platform::KvIterator> SimDisk::Scan(absl::string_view begin,
                                                    absl::string_view end) const {
  return std::make_unique<Iterator>(this, begin, end);
}

}  // namespace yizhan::simulation
