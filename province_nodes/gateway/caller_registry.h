// The provincial systems that may call this node.
#ifndef YIZHAN_PROVINCE_NODES_GATEWAY_CALLER_REGISTRY_H_
#define YIZHAN_PROVINCE_NODES_GATEWAY_CALLER_REGISTRY_H_

#include <map>
#include <memory>

#include "absl/status/statusor.h"
#include "adapters/platform/config/config_checker.h"
#include "protos/contract/ids.h"
#include "province_nodes/cases/case_service.h"
#include "yizhan/v1/config.pb.h"

namespace yizhan::node {

// Immutable: thread-safe. A caller is its certificate.
class CallerRegistry {
 public:
  // Of the configuration's `callers`; every mistake goes to `check` with its
  // field, e.g. "callers[2].points[0]". Use the registry only if check has none.
  static std::unique_ptr<CallerRegistry> Create(const v1::NodeConfig& config,
                                                platform::ConfigChecker& check);

  // CALLER_UNKNOWN naming the fingerprint. The pointer lives as long as this.
  absl::StatusOr<const Caller*> Find(const contract::CertificateFingerprint& fingerprint) const;
  std::size_t size() const { return callers_.size(); }

 private:
  using Callers = std::map<contract::CertificateFingerprint, Caller>;
  explicit CallerRegistry(Callers callers) : callers_(std::move(callers)) {}

  const Callers callers_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_GATEWAY_CALLER_REGISTRY_H_
