#include "broker/service/route_proposals.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "broker/service/link_arming.h"
#include "broker/store/keys.h"
#include "protos/contract/errors.h"
#include "protos/contract/signing.h"

namespace yizhan::broker {
namespace {

using contract::ProvinceCode;

constexpr char kProposals = 'q';
constexpr std::size_t kMaxProposalBytes = 64 * 1024;
constexpr absl::Duration kProposalLife = absl::Hours(24 * 30);

absl::Status Refused(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::DIRECTORY_ENTRY_REFUSED, v1::SIDE_MINE, what, next_step);
}

std::string KeyOf(const v1::RouteChange& change, ProvinceCode by) {
  const char rest[] = {static_cast<char>(change.accepting()), static_cast<char>(change.home()),
                       static_cast<char>(by.value())};
  return OwnKey(kProposals, absl::string_view(rest, sizeof(rest)));
}

bool IsParty(const v1::RouteChange& change, ProvinceCode province) {
  return change.accepting() == province.value() || change.home() == province.value();
}

}  // namespace

bool RouteProposals::IsCurrent(const v1::DirectoryEntry& entry, absl::Time now) const {
  const v1::RouteChange& change = entry.route_change();
  const contract::RouteRecord route = directory_->state().Route(
      {ProvinceCode(change.accepting()), ProvinceCode(change.home())}, now);
  return change.version() == route.version + 1 &&
         absl::FromUnixMicros(entry.created_unix_us()) + kProposalLife > now;
}

absl::Status RouteProposals::Propose(ProvinceCode caller, const v1::SignedEntry& entry,
                                     absl::Time now) {
  v1::DirectoryEntry parsed;
  if (entry.ByteSizeLong() > kMaxProposalBytes || !parsed.ParseFromString(entry.entry()) ||
      !parsed.has_route_change()) {
    return Refused("the proposal is no change of a route, or too large",
                   "Propose one change of one route; other entries are appended at once.");
  }
  const v1::RouteChange& change = parsed.route_change();
  if (!IsParty(change, caller) || !ProvinceCode(change.accepting()).valid() ||
      !ProvinceCode(change.home()).valid()) {
    return Refused(absl::StrCat("province ", caller.str(), " is no party of route ",
                                change.accepting(), " to ", change.home()),
                   "Propose changes of your own routes.");
  }
  if (parsed.network_genesis() != directory_->state().genesis_digest().view()) {
    return Refused("network_genesis names another network", "Make the entry for this network.");
  }
  if (!IsCurrent(parsed, now)) {
    return Refused(absl::StrCat("version ", change.version(),
                                " does not follow the route's, or the entry is 30 days old"),
                   "Fetch the directory and make the change from the current version.");
  }
  if (entry.signatures_size() != 1 || entry.signatures(0).role() != v1::SIGNER_MEMBER ||
      entry.signatures(0).province() != caller.value()) {
    return Refused("the proposal must carry the caller's signature alone",
                   "Sign it, and let the other province add its own.");
  }
  if (absl::Status signer = CheckMemberSignature(directory_->state(), directory_->checker(), caller,
                                                 entry.signatures(0).signature(),
                                                 contract::kDirectoryEntryType, entry.entry(), now);
      !signer.ok()) {
    return signer;
  }
  records_->Write(KeyOf(change, caller), entry);
  return absl::OkStatus();
}

v1::ListProposalsResponse RouteProposals::List(ProvinceCode caller, absl::Time now) {
  v1::ListProposalsResponse response;
  records_->Scan(OwnPrefix(kProposals), OwnPrefix(kProposals),
                 [&](absl::string_view, absl::string_view value) {
                   v1::SignedEntry entry;
                   v1::DirectoryEntry parsed;
                   if (!entry.ParseFromArray(value.data(), static_cast<int>(value.size())) ||
                       !parsed.ParseFromString(entry.entry())) {
                     records_->Fail(absl::DataLossError("a stored proposal does not parse"));
                     return false;
                   }
                   if (!IsParty(parsed.route_change(), caller) || !IsCurrent(parsed, now)) {
                     return true;
                   }
                   v1::Proposal& proposal = *response.add_proposals();
                   proposal.set_by(entry.signatures(0).province());
                   *proposal.mutable_entry() = std::move(entry);
                   return true;
                 });
  return response;
}

}  // namespace yizhan::broker
