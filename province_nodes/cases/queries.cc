#include "province_nodes/cases/queries.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "protos/contract/errors.h"
#include "province_nodes/cases/access.h"
#include "province_nodes/cases/case_book.h"
#include "province_nodes/cases/views.h"

namespace yizhan::node {
namespace {

constexpr std::uint32_t kDefaultPage = 100;
constexpr std::uint32_t kMaxPage = 1000;
constexpr std::size_t kMaxTokenBytes = 256;

using Range = std::pair<std::string, std::string>;  // [begin, end) of the 'w' index

struct Page {
  std::vector<v1::CaseView> cases;
  std::string next_token;
};

absl::StatusOr<std::size_t> PageSize(std::uint32_t asked) {
  if (asked > kMaxPage) return FieldError(v1::REQUEST_MALFORMED, "page_size", "is over 1000");
  return asked == 0 ? kDefaultPage : asked;
}

// A token is the place after which to go on, in hex.
absl::StatusOr<std::string> PlaceOf(const std::string& token) {
  const bool hex = std::all_of(token.begin(), token.end(), absl::ascii_isxdigit);
  if (!hex || token.size() % 2 != 0 || token.size() > kMaxTokenBytes) {
    return FieldError(v1::REQUEST_MALFORMED, "page_token", "is not one of this service");
  }
  return absl::HexStringToBytes(token);
}

std::vector<v1::CaseState> AllStates() {
  std::vector<v1::CaseState> out;
  for (int state = v1::CASE_APPLIED; state <= v1::CaseState_MAX; ++state) {
    if (v1::CaseState_IsValid(state)) out.push_back(static_cast<v1::CaseState>(state));
  }
  return out;
}

// Sorted, and none within another, so that places only grow.
std::vector<Range> RangesOf(const std::set<std::string>& prefixes) {
  std::vector<Range> out;
  for (const std::string& prefix : prefixes) {
    const bool covered = !out.empty() && (out.back().second.empty() || prefix < out.back().second);
    if (!covered) out.emplace_back(prefix, platform::PrefixEnd(prefix));
  }
  return out;
}

absl::StatusOr<Page> ReadPage(const platform::Transaction& txn, const CaseStore& store,
                              const Caller& caller, const std::vector<Range>& ranges,
                              std::size_t page_size, const std::string& token,
                              std::int64_t as_of_us) {
  const absl::StatusOr<std::string> after = PlaceOf(token);
  if (!after.ok()) return after.status();
  std::vector<CaseStore::Key> keys;
  std::string last;
  bool more = false;
  for (const auto& [begin, end] : ranges) {
    if (more || (!token.empty() && end <= *after)) continue;
    const std::string from = token.empty() ? begin : std::max(begin, *after + '\0');
    const absl::Status status =
        store.VisitWork(txn, from, end, [&](absl::string_view place, const CaseStore::Key& key) {
          more = keys.size() == page_size;
          if (more) return false;
          keys.push_back(key);
          last = std::string(place);
          return true;
        });
    if (!status.ok()) return status;
  }
  Page page;
  for (const CaseStore::Key& key : keys) {
    const auto record = store.Load(txn, key);
    if (!record.ok()) return record.status();
    if (record->has_value()) {
      page.cases.push_back(Redacted(caller, BuildView(**record, as_of_us)));
    }
  }
  if (more) page.next_token = absl::BytesToHexString(last);
  return page;
}

bool IsFirstWarning(const CaseStore::DueClock& due, const cases::CaseRecord& record) {
  for (const v1::CaseClock& clock : record.clocks()) {
    if (clock.met_unix_us() == 0 && std::make_pair(clock.warns_unix_us(), clock.kind()) <
                                        std::make_pair(due.warns_us, due.kind)) {
      return false;
    }
  }
  return true;
}

// A case stands in the list where its first open clock warned.
absl::StatusOr<Page> ReadDue(const platform::Transaction& txn, const CaseStore& store,
                             const Caller& caller, const v1::ListCasesRequest& request,
                             std::size_t page_size) {
  const absl::StatusOr<std::string> after = PlaceOf(request.page_token());
  if (!after.ok()) return after.status();
  Page page;
  std::string last;
  bool more = false;
  absl::Status failed;
  const auto& states = request.states();
  const absl::Status status = store.VisitDue(
      txn, request.page_token().empty() ? "" : *after + '\0', request.as_of_unix_us(),
      [&](absl::string_view place, const CaseStore::DueClock& due) {
        const auto record = store.Load(txn, due.key);
        if (!record.ok()) failed = record.status();
        if (!record.ok() || !record->has_value()) return record.ok();
        const cases::CaseRecord& found = **record;
        const bool asked = states.empty() ||
                           std::find(states.begin(), states.end(), found.state()) != states.end();
        const v1::CaseView view = BuildView(found, request.as_of_unix_us());
        if (!asked || !IsFirstWarning(due, found) || !MaySee(caller, ScopeOf(view))) return true;
        more = page.cases.size() == page_size;
        if (more) return false;
        page.cases.push_back(Redacted(caller, view));
        last = std::string(place);
        return true;
      });
  if (!failed.ok()) return failed;
  if (!status.ok()) return status;
  if (more) page.next_token = absl::BytesToHexString(last);
  return page;
}

template <typename Response>
Response ToResponse(Page page) {
  Response response;
  for (v1::CaseView& view : page.cases) *response.add_cases() = std::move(view);
  response.set_next_page_token(page.next_token);
  return response;
}

struct WorkOfRole {
  v1::CallerRole caller;
  v1::CaseRole view;
  v1::CaseState state;
};
// What waits for whom.
constexpr WorkOfRole kWork[] = {
    {v1::CALLER_POINT, v1::CASE_ROLE_ACCEPTING, v1::CASE_RECOLLECT},
    {v1::CALLER_POINT, v1::CASE_ROLE_ACCEPTING, v1::CASE_REFUSED},
    {v1::CALLER_COUNTY, v1::CASE_ROLE_HOME, v1::CASE_UNDER_REVIEW},
    {v1::CALLER_CENTRE, v1::CASE_ROLE_ACCEPTING, v1::CASE_SIGNED},
    {v1::CALLER_CENTRE, v1::CASE_ROLE_ACCEPTING, v1::CASE_IN_PRODUCTION},
    {v1::CALLER_CENTRE, v1::CASE_ROLE_ACCEPTING, v1::CASE_REMAKE},
    {v1::CALLER_COLLECTION, v1::CASE_ROLE_ACCEPTING, v1::CASE_PRODUCED},
    {v1::CALLER_COLLECTION, v1::CASE_ROLE_ACCEPTING, v1::CASE_READY},
    {v1::CALLER_COLLECTION, v1::CASE_ROLE_ACCEPTING, v1::CASE_REFUSED},
};

}  // namespace

absl::StatusOr<v1::CaseView> FindCase(const platform::Transaction& txn, const CaseStore& store,
                                      const Caller& caller, const v1::GetCaseRequest& request) {
  std::vector<v1::CaseRole> roles = {v1::CASE_ROLE_ACCEPTING, v1::CASE_ROLE_HOME};
  if (request.case_().role() != v1::CASE_ROLE_UNSPECIFIED) roles = {request.case_().role()};
  absl::Status error;
  for (const v1::CaseRole role : roles) {
    const auto record = LoadByKey(txn, store, request.case_(), role);
    if (!record.ok()) {
      if (error.ok()) error = record.status();
      continue;
    }
    v1::CaseView view = BuildView(*record, request.as_of_unix_us());
    if (MaySee(caller, ScopeOf(view))) return Redacted(caller, std::move(view));
    error = Require(
        caller, "GetCase",
        {role == v1::CASE_ROLE_HOME ? v1::CALLER_COUNTY : v1::CALLER_POINT, v1::CALLER_OPERATOR},
        ScopeOf(view));
  }
  return error;
}

absl::StatusOr<v1::ListCasesResponse> ListCasesPage(const platform::Transaction& txn,
                                                    const CaseStore& store, const Caller& caller,
                                                    const v1::ListCasesRequest& request) {
  const absl::StatusOr<std::size_t> size = PageSize(request.page_size());
  if (!size.ok()) return size.status();
  absl::StatusOr<Page> page;
  if (request.due_only()) {
    page = ReadDue(txn, store, caller, request, *size);
  } else {
    std::vector<v1::CaseState> states;
    for (const int state : request.states()) states.push_back(static_cast<v1::CaseState>(state));
    std::set<std::string> prefixes;
    for (const v1::CaseState state : states.empty() ? AllStates() : states) {
      for (const auto& [view, scope] : ReadableScopes(caller)) {
        prefixes.insert(CaseStore::WorkPrefix(view, state, scope));
      }
    }
    page = ReadPage(txn, store, caller, RangesOf(prefixes), *size, request.page_token(),
                    request.as_of_unix_us());
  }
  if (!page.ok()) return page.status();
  return ToResponse<v1::ListCasesResponse>(std::move(*page));
}

absl::StatusOr<v1::ListWorkResponse> ListWorkPage(const platform::Transaction& txn,
                                                  const CaseStore& store, const Caller& caller,
                                                  const v1::ListWorkRequest& request) {
  const absl::StatusOr<std::size_t> size = PageSize(request.page_size());
  if (!size.ok()) return size.status();
  std::set<std::string> prefixes;
  for (const WorkOfRole& work : kWork) {
    for (const auto& [view, scope] : ScopesOfRole(caller, work.caller)) {
      if (view == work.view) prefixes.insert(CaseStore::WorkPrefix(view, work.state, scope));
    }
  }
  absl::StatusOr<Page> page =
      ReadPage(txn, store, caller, RangesOf(prefixes), *size, request.page_token(), 0);
  if (!page.ok()) return page.status();
  return ToResponse<v1::ListWorkResponse>(std::move(*page));
}

absl::StatusOr<std::vector<v1::CaseView>> ListChanges(const platform::Transaction& txn,
                                                      const CaseStore& store, const Caller& caller,
                                                      std::uint64_t revision, std::size_t limit) {
  std::vector<v1::CaseView> out;
  absl::Status failed;
  const absl::Status status = store.VisitChanges(txn, revision, [&](const CaseStore::Key& key) {
    const auto record = store.Load(txn, key);
    if (!record.ok()) failed = record.status();
    if (!record.ok() || !record->has_value()) return record.ok();
    v1::CaseView view = BuildView(**record, 0);
    if (MaySee(caller, ScopeOf(view))) out.push_back(Redacted(caller, std::move(view)));
    return out.size() < limit;
  });
  if (!failed.ok()) return failed;
  if (!status.ok()) return status;
  return out;
}

absl::StatusOr<CaseService::Statistics> CollectStatistics(const platform::Transaction& txn,
                                                          const CaseStore& store,
                                                          absl::Time as_of) {
  CaseService::Statistics out;
  absl::Status status =
      store.VisitCounts(txn, [&](v1::CaseRole role, v1::CaseState state, std::uint64_t count) {
        out.cases.push_back({{role, state}, count});
        return true;
      });
  if (!status.ok()) return status;
  const std::int64_t now = absl::ToUnixMicros(as_of);
  status = store.VisitDue(txn, "", now, [&](absl::string_view, const CaseStore::DueClock& due) {
    ++(now >= due.due_us ? out.clocks_breached : out.clocks_warning);
    return true;
  });
  if (!status.ok()) return status;
  return out;
}

}  // namespace yizhan::node
