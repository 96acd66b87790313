// Link runs inside a running broker.
#ifndef YIZHAN_BROKER_SERVICE_LINK_RUN_HOST_H_
#define YIZHAN_BROKER_SERVICE_LINK_RUN_HOST_H_

#include <vector>

#include "broker/service/broker_core.h"
#include "broker/service/link_runs.h"

namespace yizhan::broker {

// LinkRunHost over the core. Core's thread. `core` must outlive this object.
class CoreLinkRunHost final : public LinkRunHost {
 public:
  explicit CoreLinkRunHost(BrokerCore* core) : core_(core) {}

  const contract::DirectoryState& directory() const override { return core_->directory(); }
  absl::Status AppendReport(const v1::SignedEntry& entry, Moment now) override {
    return core_->AppendEntryInternal(entry, now);
  }
  absl::StatusOr<std::vector<v1::TraceStep>> Trace(const contract::Digest& header) override {
    return core_->EvidenceOf(header);
  }
  void PushRun(contract::ProvinceCode province, const v1::LinkRun& run) override {
    core_->PushRun(province, run);
  }
  void CloseRun(const contract::RunId& run) override { core_->CloseRun(run); }

 private:
  BrokerCore* const core_;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_LINK_RUN_HOST_H_
