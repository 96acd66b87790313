#include "province_nodes/directory/route_history.h"

#include <algorithm>

#include "province_nodes/directory/directory_copy.h"

namespace yizhan::node {
namespace {

constexpr std::uint32_t kBrokerSigned = 0;
constexpr std::uint32_t kAuthoritySigned = 1;

bool Certifies(const v1::LinkReport& report, const contract::RouteKey& route) {
  return std::any_of(report.routes().begin(), report.routes().end(),
                     [&](const v1::RouteCertification& certified) {
                       return certified.accepting() == route.accepting.value() &&
                              certified.home() == route.home.value();
                     });
}

void TakeReport(const v1::LinkReport& report, v1::RouteEvent& event) {
  event.set_state(report.smoke() ? v1::ROUTE_TESTING : v1::ROUTE_CERTIFIED);
  event.set_effective_unix_us(report.open_at_unix_us());
  event.set_run_id(report.run_id());
  event.set_certified_until_unix_us(report.certified_until_unix_us());
}

void TakeChange(const v1::RouteChange& change, v1::RouteEvent& event) {
  event.set_state(change.state());
  event.set_effective_unix_us(change.effective_unix_us());
  event.set_order_number(change.order_number());
  event.set_reason(change.reason());
  event.set_group(change.group());
  *event.mutable_officer() = change.officer();
}

std::uint32_t SignerCode(const v1::EntrySignature& signature) {
  if (signature.role() == v1::SIGNER_MEMBER) return signature.province();
  return signature.role() == v1::SIGNER_BROKER ? kBrokerSigned : kAuthoritySigned;
}

}  // namespace

absl::StatusOr<v1::ListRouteHistoryResponse> RouteHistory(const platform::KeyValueStore& store,
                                                          const contract::RouteKey& route) {
  v1::ListRouteHistoryResponse response;
  const absl::Status read = DirectoryCopy::ForEachStored(
      store, [&](std::uint64_t position, const v1::SignedEntry& signed_entry) {
        v1::DirectoryEntry entry;
        if (!entry.ParseFromString(signed_entry.entry())) return true;  // verified when stored
        const bool changes = entry.has_route_change() &&
                             entry.route_change().accepting() == route.accepting.value() &&
                             entry.route_change().home() == route.home.value();
        if (!changes && !(entry.has_link_report() && Certifies(entry.link_report(), route))) {
          return true;
        }
        v1::RouteEvent& event = *response.add_events();
        event.set_position(position);
        event.set_created_unix_us(entry.created_unix_us());
        if (changes) {
          TakeChange(entry.route_change(), event);
        } else {
          TakeReport(entry.link_report(), event);
        }
        for (const v1::EntrySignature& signature : signed_entry.signatures()) {
          event.add_signed_by(SignerCode(signature));
        }
        return true;
      });
  if (!read.ok()) return read;
  return response;
}

}  // namespace yizhan::node
