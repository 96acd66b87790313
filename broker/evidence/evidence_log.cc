#include "broker/evidence/evidence_log.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/store/keys.h"
#include "broker/store/stored.pb.h"
#include "protos/contract/directory.h"

namespace yizhan::broker {
namespace {

constexpr char kHead = 'H';
constexpr char kEntries = 'e';
constexpr char kByHeader = 'i';
constexpr char kByMessage = 'j';
constexpr char kByRun = 'k';
constexpr char kCounts = 'n';
// A trace is for people: a message has a handful of steps, a run some hundreds.
constexpr std::size_t kMaxSteps = 20'000;
// Entries of a row: what one group says, in portions that are read as a whole.
constexpr int kMaxRow = 64;
// Losses of the store that are remembered.
constexpr std::size_t kMaxEarlier = 64;

}  // namespace

void EvidenceLog::Load(contract::Random& random) {
  stored::StoredLogHead head;
  if (!records_->Read(OwnKey(kHead, ""), &head)) {
    head_.set_log_id(contract::RandomFixed<contract::LogId>(random).str());
    head_.set_digest(contract::Digest().str());
    head_changed_ = true;
    return;
  }
  head_.set_log_id(head.log_id());
  head_.set_size(head.size());
  head_.set_digest(head.digest());
  for (const v1::LogCheckpoint& earlier : head.earlier()) earlier_[earlier.log_id()] = earlier;
  records_->Scan(
      OwnPrefix(kCounts), OwnPrefix(kCounts), [&](absl::string_view, absl::string_view value) {
        v1::MessageCount count;
        if (!count.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          records_->Fail(absl::DataLossError("a message count does not parse"));
          return false;
        }
        counts_[{count.lane(), count.source(), count.destination(), count.kind()}] = count;
        return true;
      });
}

bool EvidenceLog::NoteEarlier(const v1::LogCheckpoint& shown) {
  const auto known = earlier_.find(shown.log_id());
  if (known == earlier_.end() ? earlier_.size() >= kMaxEarlier
                              : known->second.size() >= shown.size()) {
    return false;
  }
  earlier_[shown.log_id()] = shown;
  head_changed_ = true;
  return true;
}

contract::LogPosition EvidenceLog::Append(v1::TraceStep step) {
  const std::uint64_t position = head_.size() + 1;
  step.set_log_position(position);
  std::string entry = step.SerializeAsString();
  const contract::Digest before = *contract::Digest::From(head_.digest());
  head_.set_digest(contract::ChainDigest(*hasher_, before, entry).str());
  head_.set_size(position);
  head_changed_ = true;
  if (open_.entries().empty()) open_begins_ = position;
  open_.add_entries(std::move(entry));
  Index(step);
  Count(step);
  if (open_.entries_size() == kMaxRow) CloseRow();
  return contract::LogPosition(position);
}

void EvidenceLog::CloseRow() {
  if (open_.entries().empty()) return;
  records_->Write(OwnKey(kEntries, BigEndian(open_begins_)), open_);
  open_.Clear();
}

void EvidenceLog::Index(const v1::TraceStep& step) {
  const std::string at = BigEndian(step.log_position());
  const std::string row = BigEndian(open_begins_);
  const v1::MessageRef& message = step.message();
  if (!message.header_digest().empty()) {
    records_->Put(OwnKey(kByHeader, absl::StrCat(message.header_digest(), at)), row);
  }
  // What was delivered has been accepted before: its message id leads there, and
  // the header digest from there to every step.
  if (!message.message_id().empty() && step.event() != v1::TRACE_DELIVERED) {
    records_->Put(OwnKey(kByMessage, absl::StrCat(message.message_id(), at)), row);
  }
  if (!message.test_run_id().empty()) {
    records_->Put(OwnKey(kByRun, absl::StrCat(message.test_run_id(), at)), row);
  }
}

void EvidenceLog::Count(const v1::TraceStep& step) {
  const v1::MessageRef& message = step.message();
  const CountKey key{message.lane(), message.source(), message.destination(), step.kind()};
  v1::MessageCount& count = counts_[key];
  count.set_lane(message.lane());
  count.set_source(message.source());
  count.set_destination(message.destination());
  count.set_kind(step.kind());
  switch (step.event()) {
    case v1::TRACE_ACCEPTED:
      count.set_accepted(count.accepted() + 1);
      break;
    case v1::TRACE_DELIVERED:
      count.set_delivered(count.delivered() + 1);
      break;
    case v1::TRACE_REFUSED:
      count.set_refused(count.refused() + 1);
      break;
    case v1::TRACE_NOTICE:
      count.set_noticed(count.noticed() + 1);
      break;
    default:
      return;
  }
  counts_changed_[key] = true;
}

std::string EvidenceLog::CountKeyOf(const CountKey& key) const {
  const char rest[] = {static_cast<char>(std::get<0>(key)), static_cast<char>(std::get<1>(key)),
                       static_cast<char>(std::get<2>(key)), static_cast<char>(std::get<3>(key))};
  return OwnKey(kCounts, absl::string_view(rest, sizeof(rest)));
}

void EvidenceLog::Flush() {
  CloseRow();
  if (head_changed_) {
    stored::StoredLogHead head;
    head.set_log_id(head_.log_id());
    head.set_size(head_.size());
    head.set_digest(head_.digest());
    for (const auto& [log_id, earlier] : earlier_) *head.add_earlier() = earlier;
    records_->Write(OwnKey(kHead, ""), head);
    head_changed_ = false;
  }
  for (const auto& [key, changed] : counts_changed_) {
    records_->Write(CountKeyOf(key), counts_.at(key));
  }
  counts_changed_.clear();
}

std::vector<v1::TraceStep> EvidenceLog::Follow(char table, absl::string_view what) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> places;  // row and position
  const std::string prefix = OwnKey(table, what);
  records_->Scan(prefix, prefix, [&](absl::string_view key, absl::string_view value) {
    places.emplace_back(ReadBigEndian(value), ReadBigEndian(key.substr(prefix.size())));
    return places.size() < kMaxSteps;
  });
  std::vector<v1::TraceStep> steps;
  steps.reserve(places.size());
  stored::StoredEvidence stored;
  std::uint64_t stored_begins = 0;
  for (const auto& [begins, position] : places) {
    const bool is_open = begins == open_begins_ && !open_.entries().empty();
    if (!is_open && begins != stored_begins) {
      stored_begins = begins;
      if (!records_->Read(OwnKey(kEntries, BigEndian(begins)), &stored)) stored.Clear();
    }
    const stored::StoredEvidence& row = is_open ? open_ : stored;
    v1::TraceStep step;
    const std::uint64_t at = position - begins;
    if (at >= static_cast<std::uint64_t>(row.entries_size()) ||
        !step.ParseFromString(row.entries(static_cast<int>(at)))) {
      records_->Fail(absl::DataLossError("an entry of the evidence log is lost"));
      return steps;
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

std::vector<v1::TraceStep> EvidenceLog::OfHeader(const contract::Digest& header_digest) {
  return Follow(kByHeader, header_digest.view());
}

std::vector<v1::TraceStep> EvidenceLog::OfMessage(const contract::MessageId& message_id) {
  std::set<contract::Digest> headers;  // of all that claimed this message id
  for (const v1::TraceStep& step : Follow(kByMessage, message_id.view())) {
    if (const auto digest = contract::Digest::From(step.message().header_digest())) {
      headers.insert(*digest);
    }
  }
  std::vector<v1::TraceStep> steps;
  for (const contract::Digest& header : headers) {
    for (v1::TraceStep& step : OfHeader(header)) steps.push_back(std::move(step));
  }
  std::sort(steps.begin(), steps.end(), [](const v1::TraceStep& a, const v1::TraceStep& b) {
    return a.log_position() < b.log_position();
  });
  return steps;
}

std::vector<v1::TraceStep> EvidenceLog::OfRun(const contract::RunId& run) {
  return Follow(kByRun, run.view());
}

std::vector<v1::MessageCount> EvidenceLog::Counts() const {
  std::vector<v1::MessageCount> out;
  out.reserve(counts_.size());
  for (const auto& [key, count] : counts_) out.push_back(count);
  return out;
}

}  // namespace yizhan::broker
