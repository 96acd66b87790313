#include "province_nodes/directory/route_office.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "protos/contract/signing.h"

namespace yizhan::node {
namespace {

using contract::Consent;
using contract::ProvinceCode;

absl::Status Malformed(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::REQUEST_MALFORMED, v1::SIDE_MINE, what, next_step);
}

std::string RouteName(const v1::RouteChange& change) {
  return absl::StrCat("route ", change.accepting(), " to ", change.home());
}

// Two provinces want the same when all but who signed first and why agrees.
bool SameTerms(v1::RouteChange one, v1::RouteChange other) {
  for (v1::RouteChange* change : {&one, &other}) {
    change->clear_officer();
    change->clear_reason();
    change->clear_order_number();
  }
  return one.SerializeAsString() == other.SerializeAsString();
}

bool SameRoute(const v1::RouteChange& one, const v1::RouteChange& other) {
  return one.accepting() == other.accepting() && one.home() == other.home();
}

}  // namespace

absl::StatusOr<RouteOffice::Draft> RouteOffice::MakeDraft(
    const v1::ChangeRouteRequest& request) const {
  const v1::RouteChange& wanted = request.change();
  const ProvinceCode accepting(wanted.accepting());
  const ProvinceCode home(wanted.home());
  if (!accepting.valid() || !home.valid() || accepting == home ||
      (accepting != deps_.province && home != deps_.province)) {
    return Malformed(
        absl::StrCat(RouteName(wanted), " is no route of province ", deps_.province.str()),
        "Name two provinces, one of them this node's.");
  }
  if (request.officer().number().empty()) {
    return Malformed("officer.number is missing", "Name the officer who decides.");
  }
  const absl::Time now = deps_.now();
  Draft draft;
  draft.entry.set_format_version(contract::kFormatVersion);
  draft.entry.set_suite(v1::SUITE_SM);
  draft.entry.set_created_unix_us(absl::ToUnixMicros(now));
  v1::RouteChange& change = *draft.entry.mutable_route_change();
  change = wanted;
  *change.mutable_officer() = request.officer();
  const absl::Status read = deps_.read([&](const contract::DirectoryState& directory) {
    const contract::RouteKey key{accepting, home};
    const contract::RouteRecord route = directory.Route(key, now);
    draft.entry.set_network_genesis(directory.genesis_digest().str());
    change.set_version(route.version + 1);
    draft.reads = route.state;
    draft.consent = directory.ConsentNeeded(key, change.state(), now);
  });
  if (!read.ok()) return read;
  if (draft.consent == Consent::kNever) {
    return contract::MakeError(
        v1::DIRECTORY_ENTRY_REFUSED, v1::SIDE_MINE,
        absl::StrCat(RouteName(wanted), " is ", v1::RouteState_Name(draft.reads),
                     " and cannot become ", v1::RouteState_Name(wanted.state())),
        "See `yizhan link list`; a route is certified by the connectivity test alone.");
  }
  if (absl::Status fields = contract::CheckChangeFields(change, now); !fields.ok()) return fields;
  return draft;
}

absl::Status RouteOffice::AddSignature(v1::SignedEntry& entry) const {
  const absl::string_view bytes = entry.entry();
  auto signature = contract::SignOne(*deps_.signer, *deps_.algorithms.hasher,
                                     contract::kDirectoryEntryType, absl::MakeConstSpan(&bytes, 1));
  if (!signature.ok()) return signature.status();
  v1::EntrySignature& added = *entry.add_signatures();
  added.set_role(v1::SIGNER_MEMBER);
  added.set_province(deps_.province.value());
  *added.mutable_signature() = *std::move(signature);
  return absl::OkStatus();
}

absl::StatusOr<v1::ChangeRouteResponse> RouteOffice::Change(const v1::ChangeRouteRequest& request) {
  absl::StatusOr<Draft> draft = MakeDraft(request);
  if (!draft.ok()) return draft.status();
  const v1::RouteChange& change = draft->entry.route_change();
  const bool accepts = change.accepting() == deps_.province.value();
  if (draft->consent == Consent::kBoth) return Agree(*draft);
  if (!contract::Consents(draft->consent, accepts, !accepts)) {
    return contract::MakeError(
        v1::DIRECTORY_ENTRY_REFUSED, v1::SIDE_MINE,
        absl::StrCat(RouteName(change), ": ", contract::WhoMustSign(draft->consent)),
        "Have the other province do it.");
  }
  v1::SignedEntry entry;
  entry.set_entry(draft->entry.SerializeAsString());
  if (absl::Status s = AddSignature(entry); !s.ok()) return s;
  if (absl::Status s = deps_.service->Append(entry); !s.ok()) return s;
  v1::ChangeRouteResponse response;
  response.set_outcome(v1::ROUTE_CHANGED);
  *response.mutable_change() = change;
  return response;
}

absl::StatusOr<v1::ChangeRouteResponse> RouteOffice::Agree(const Draft& draft) {
  absl::StatusOr<v1::ListProposalsResponse> known = deps_.service->ListProposals();
  if (!known.ok()) return known.status();
  v1::ChangeRouteResponse response;
  const v1::RouteChange& mine = draft.entry.route_change();
  for (v1::Proposal& proposal : *known->mutable_proposals()) {
    v1::DirectoryEntry entry;
    const bool of_peer = proposal.by() != deps_.province.value() &&
                         entry.ParseFromString(proposal.entry().entry()) &&
                         entry.has_route_change() && SameRoute(entry.route_change(), mine);
    if (!of_peer) continue;
    if (!SameTerms(entry.route_change(), mine)) {
      *response.mutable_peer_proposes() = entry.route_change();
      continue;
    }
    // Countersigned are the very bytes that the peer signed.
    if (absl::Status s = AddSignature(*proposal.mutable_entry()); !s.ok()) return s;
    if (absl::Status s = deps_.service->Append(proposal.entry()); !s.ok()) return s;
    response.clear_peer_proposes();
    response.set_outcome(v1::ROUTE_CHANGED);
    *response.mutable_change() = entry.route_change();
    return response;
  }
  v1::SignedEntry entry;
  entry.set_entry(draft.entry.SerializeAsString());
  if (absl::Status s = AddSignature(entry); !s.ok()) return s;
  if (absl::Status s = deps_.service->Propose(entry); !s.ok()) return s;
  response.set_outcome(v1::ROUTE_CHANGE_PROPOSED);
  *response.mutable_change() = mine;
  return response;
}

absl::StatusOr<v1::ListRouteProposalsResponse> RouteOffice::Proposals() {
  absl::StatusOr<v1::ListProposalsResponse> known = deps_.service->ListProposals();
  if (!known.ok()) return known.status();
  v1::ListRouteProposalsResponse response;
  for (const v1::Proposal& proposal : known->proposals()) {
    v1::DirectoryEntry entry;
    if (!entry.ParseFromString(proposal.entry().entry())) continue;
    v1::RouteProposal& shown = *response.add_proposals();
    *shown.mutable_change() = entry.route_change();
    shown.set_by(proposal.by());
    shown.set_created_unix_us(entry.created_unix_us());
  }
  return response;
}

}  // namespace yizhan::node
