// Reads of the gateway: pages of cases, bounded, through the indexes.
#ifndef YIZHAN_PROVINCE_NODES_CASES_QUERIES_H_
#define YIZHAN_PROVINCE_NODES_CASES_QUERIES_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "province_nodes/cases/case_service.h"
#include "province_nodes/cases/case_store.h"

namespace yizhan::node {

absl::StatusOr<v1::CaseView> FindCase(const platform::Transaction& txn, const CaseStore& store,
                                      const Caller& caller, const v1::GetCaseRequest& request);
absl::StatusOr<v1::ListCasesResponse> ListCasesPage(const platform::Transaction& txn,
                                                    const CaseStore& store, const Caller& caller,
                                                    const v1::ListCasesRequest& request);
absl::StatusOr<v1::ListWorkResponse> ListWorkPage(const platform::Transaction& txn,
                                                  const CaseStore& store, const Caller& caller,
                                                  const v1::ListWorkRequest& request);
absl::StatusOr<std::vector<v1::CaseView>> ListChanges(const platform::Transaction& txn,
                                                      const CaseStore& store, const Caller& caller,
                                                      std::uint64_t revision, std::size_t limit);
absl::StatusOr<CaseService::Statistics> CollectStatistics(const platform::Transaction& txn,
                                                          const CaseStore& store, absl::Time as_of);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_CASES_QUERIES_H_
