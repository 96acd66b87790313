#include "broker/service/store_progress.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "broker/store/keys.h"
#include "protos/contract/errors.h"

namespace yizhan::broker {
namespace {

constexpr char kTable = 'q';
constexpr std::uint32_t kLastProvince = 99;
// Recoveries of one province that are remembered.
constexpr int kMaxEnded = 64;

std::string KeyOf(contract::ProvinceCode province) {
  return TablePrefix(v1::LANE_BUSINESS, province, kTable);
}

absl::Status Restored(contract::ProvinceCode province, absl::string_view what) {
  return contract::MakeError(
      v1::RESTORED, v1::SIDE_MINE,
      absl::StrCat("the store of province ", province.str(), " ", what),
      absl::StrCat("It was restored from a backup, or made anew. Check that no other node of the "
                   "province runs, then: yizhan node recover --node ",
                   province.str()));
}

// In which way the store is behind; empty where it is not.
std::string Behind(const stored::StoredProgress& seen, const v1::StoreProgress& shown) {
  if (shown.session_number() < seen.session_number()) {
    return absl::StrCat("knows of session ", shown.session_number(), ", but has used ",
                        seen.session_number());
  }
  if (shown.issuer_number() < seen.issuer_number()) {
    return absl::StrCat("has signed ", shown.issuer_number(), " control records, but ",
                        seen.issuer_number(), " came here");
  }
  std::map<std::uint32_t, std::uint64_t> counters;
  for (const v1::PairProgress& pair : shown.pairs()) counters[pair.peer()] = pair.pair_counter();
  for (const auto& [peer, counter] : seen.pairs()) {
    if (counters[peer] < counter) {
      return absl::StrCat("has sent ", counters[peer], " messages to ", peer, ", but number ",
                          counter, " came here");
    }
  }
  return "";
}

}  // namespace

void StoreProgresses::Load() {
  for (std::uint32_t code = 0; code <= kLastProvince; ++code) {
    const contract::ProvinceCode province(code);
    stored::StoredProgress progress;
    if (records_->Read(KeyOf(province), &progress)) progresses_[province] = progress;
  }
}

absl::Status StoreProgresses::Judge(contract::ProvinceCode province,
                                    const v1::OpenSessionRequest& request) {
  if (!request.has_progress()) return absl::OkStatus();
  const auto known = progresses_.find(province);
  if (known == progresses_.end()) {
    progresses_[province].set_incarnation(request.incarnation());
    changed_.insert(province);
    return absl::OkStatus();
  }
  stored::StoredProgress& seen = known->second;
  if (seen.incarnation() == request.incarnation()) {
    const std::string behind = Behind(seen, request.progress());
    return behind.empty() ? absl::OkStatus() : Restored(province, behind);
  }
  const auto& ended = seen.ended();
  if (std::find(ended.begin(), ended.end(), request.incarnation()) != ended.end()) {
    return Restored(province, "has an incarnation that a recovery ended");
  }
  if (!request.progress().recovered()) {
    return Restored(province, "is another one than the province had until now");
  }
  stored::StoredProgress anew;
  *anew.mutable_ended() = ended;
  anew.add_ended(seen.incarnation());
  if (anew.ended_size() > kMaxEnded) anew.mutable_ended()->DeleteSubrange(0, 1);
  anew.set_incarnation(request.incarnation());
  seen = std::move(anew);
  changed_.insert(province);
  return absl::OkStatus();
}

bool StoreProgresses::WasEnded(contract::ProvinceCode province, absl::string_view incarnation,
                               absl::string_view now_its) const {
  const auto known = progresses_.find(province);
  if (known == progresses_.end() || known->second.incarnation() != now_its) return false;
  const auto& ended = known->second.ended();
  return std::find(ended.begin(), ended.end(), incarnation) != ended.end();
}

stored::StoredProgress* StoreProgresses::Of(contract::ProvinceCode province,
                                            absl::string_view incarnation) {
  const auto known = progresses_.find(province);
  if (known == progresses_.end()) return nullptr;
  if (!incarnation.empty() && known->second.incarnation() != incarnation) return nullptr;
  return &known->second;
}

void StoreProgresses::SawSession(contract::ProvinceCode province, contract::SessionNumber number) {
  stored::StoredProgress* progress = Of(province, "");
  if (progress == nullptr || progress->session_number() == number.value()) return;
  progress->set_session_number(number.value());
  changed_.insert(province);
}

void StoreProgresses::SawMessage(const contract::ParsedEnvelope& message) {
  const contract::Identity& identity = message.identity;
  if (identity.lane != v1::LANE_BUSINESS) return;
  stored::StoredProgress* progress = Of(identity.source, message.header.store_incarnation());
  if (progress == nullptr) return;
  std::uint64_t& counter = (*progress->mutable_pairs())[identity.destination.value()];
  if (counter >= message.header.pair_counter()) return;
  counter = message.header.pair_counter();
  changed_.insert(identity.source);
}

void StoreProgresses::SawRecord(const v1::Control& control) {
  const contract::ProvinceCode issuer(control.issuer());
  stored::StoredProgress* progress = Of(issuer, control.issuer_incarnation());
  if (progress == nullptr || progress->issuer_number() >= control.issuer_number()) return;
  progress->set_issuer_number(control.issuer_number());
  changed_.insert(issuer);
}

void StoreProgresses::Flush() {
  for (const contract::ProvinceCode province : changed_) {
    records_->Write(KeyOf(province), progresses_.at(province));
  }
  changed_.clear();
}

}  // namespace yizhan::broker
