// The part of the core that keeps the directory's copy, and gives it back to a
// broker that has lost its own.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "province_nodes/app/core_impl.h"

namespace yizhan::node {
namespace {

constexpr absl::Duration kFetchAgain = absl::Seconds(1);
constexpr absl::Duration kRefusedAgain = absl::Minutes(1);

}  // namespace

void CoreImpl::LearnDirectoryHead(const v1::DirectoryHead& head) {
  switch (directory_->Compare(head)) {
    case DirectoryCopy::Told::kSame:
    case DirectoryCopy::Told::kSmaller:  // told before it grew
      return;
    case DirectoryCopy::Told::kLarger:
      if (head.digest() == refused_head_.digest()) return;
      if (head.size() > lane_.told_head.size()) {
        lane_.told_head = head;
        next_fetch_ = absl::InfinitePast();
      }
      return;
    case DirectoryCopy::Told::kFork:
      if (head.digest() == refused_head_.digest()) return;
      refused_head_ = head;
      lane_.ReportSecurity(v1::DIRECTORY_ENTRY_REFUSED, {},
                           absl::StrCat("The directory was shown forked: another log of ",
                                        head.size(), " entries than the verified one"));
      return;
  }
}

// What was refused may be right later: our clock was wrong, or the broker's log is
// mended. Whoever told of it need not tell again.
void CoreImpl::TryRefusedHeadAgain() {
  refused_until_ = std::min(refused_until_, lane_.now + kRefusedAgain);  // the clock may jump
  if (refused_head_.size() <= directory_->head().size() || lane_.now < refused_until_) return;
  refused_until_ = lane_.now + kRefusedAgain;
  lane_.told_head = refused_head_;
  next_fetch_ = absl::InfinitePast();
}

void CoreImpl::FetchDirectoryIfBehind() {
  if (!session_.open() || fetching_ || !lane_.directory_behind() || lane_.now < next_fetch_) {
    return;
  }
  fetching_ = true;
  v1::FetchEntriesRequest request;
  request.set_from(directory_->head().size());
  fetches_.push_back(std::move(request));
}

void CoreImpl::OnDirectoryEntries(const v1::FetchEntriesRequest& request,
                                  const absl::StatusOr<v1::FetchEntriesResponse>& response,
                                  absl::Time now) {
  fetching_ = false;
  if (!BeginEvent(now)) return;
  if (!response.ok()) {
    next_fetch_ = now + kFetchAgain;
    return;
  }
  if (!session_.open() && response->entries().empty()) {
    return OfferDirectoryIfAhead(response->head());
  }
  const absl::Status applied = directory_->Apply(lane_.txn, request.from(), *response, now);
  if (IsStorageError(applied)) return Take(applied);
  NoticeDirectory();
  if (!applied.ok()) {
    // Works on with the last verified copy.
    const bool is_new = refused_head_.digest() != lane_.told_head.digest();
    refused_head_ = lane_.told_head;
    refused_until_ = now + kRefusedAgain;
    lane_.told_head = directory_->head();
    if (is_new) {
      lane_.ReportSecurity(contract::ReasonOf(applied), {}, std::string(applied.message()));
    }
  } else if (response->entries().empty()) {
    lane_.told_head = directory_->head();
  }
  FetchDirectoryIfBehind();
  if (!fetching_ && !offering_.has_value() && fault_.ok()) StartStreams();
}

// Another core of the node may have applied entries as well.
void CoreImpl::NoticeDirectory() {
  if (directory_revision_ == directory_->revision()) return;
  directory_revision_ = directory_->revision();
  lane_.checker.Purge();
  outbox_.OnDirectoryChanged();
  lane_.after_commit.push_back([](NodeObserver& observer) { observer.OnDirectoryChanged(); });
  Take(inbox_.OnDirectoryChanged());
  DrainControls();
}

// The broker does not know this node: it may have lost its directory.
void CoreImpl::AskForBrokersHead() {
  if (lane_.test() || fetching_) return;
  fetching_ = true;
  v1::FetchEntriesRequest request;
  request.set_from(directory_->head().size());
  request.set_limit(1);
  fetches_.push_back(std::move(request));
}

// Entries are verified by whoever takes them, so any node may bring them; the
// longest copy restores the log.
void CoreImpl::OfferDirectoryIfAhead(const v1::DirectoryHead& brokers) {
  if (lane_.test() || directory_->Compare(brokers) != DirectoryCopy::Told::kSmaller) return;
  offering_ = brokers.size();
  lane_.TellRecovery(absl::StrCat("The broker's directory has ", brokers.size(), " entries of ",
                                  directory_->head().size(), " verified ones: it gets the rest"));
  OfferNext();
}

void CoreImpl::OfferNext() {
  absl::StatusOr<v1::SignedEntry> entry = directory_->Entry(lane_.txn, *offering_);
  if (!entry.ok()) return Take(entry.status());
  v1::AppendEntryRequest request;
  *request.mutable_entry() = *std::move(entry);
  appends_.push_back(std::move(request));
}

void CoreImpl::OnEntryAppended(const absl::Status& status, absl::Time now) {
  if (!BeginEvent(now) || !offering_.has_value()) return;
  if (!status.ok() && !absl::IsAlreadyExists(status)) {
    offering_.reset();
    if (contract::ReasonOf(status) == v1::DIRECTORY_ENTRY_REFUSED) {
      lane_.ReportSecurity(
          v1::DIRECTORY_ENTRY_REFUSED, {},
          absl::StrCat("The broker does not take a verified directory entry: ", status.message()));
    }
    // Nothing is sent to a broker that lacks the routes: the next session tries again.
    if (session_.open()) CloseSession(status);
    return;
  }
  if (++*offering_ < directory_->head().size()) return OfferNext();
  offering_.reset();
  if (session_.open() && !fetching_) StartStreams();
}

}  // namespace yizhan::node
