#include "province_nodes/linktest/probed_transport.h"

#include <memory>

#include "province_nodes/app/node_core.h"

namespace yizhan::node {

void ProbedTransport::Submit(v1::SubmitItem item, OnResult on_result) {
  {
    platform::MutexLock lock(&mutex_);
    item.set_tag(++last_tag_);
    if (waiting_.size() >= kMaxWaiting) waiting_.erase(waiting_.begin());
    waiting_[last_tag_] = std::move(on_result);
  }
  auto shared = std::make_shared<v1::SubmitItem>(std::move(item));
  post_([this, shared](NodeCore& core) {
    if (!greeted_ || !core.session().open()) return;  // its sender tries again
    v1::SubmitRequest request;
    *request.mutable_batch()->add_items() = *shared;
    next_->SendSubmit(std::move(request));
  });
}

void ProbedTransport::OnUnknownResult(const v1::SubmitResult& result) {
  OnResult on_result;
  {
    platform::MutexLock lock(&mutex_);
    const auto found = waiting_.find(result.tag());
    if (found == waiting_.end()) return;
    on_result = std::move(found->second);
    waiting_.erase(found);
  }
  on_result(result);
}

void ProbedTransport::OpenSession(const v1::OpenSessionRequest& request) {
  greeted_ = false;
  next_->OpenSession(request);
}

void ProbedTransport::SendSubmit(v1::SubmitRequest request) {
  const bool hello = request.has_hello();
  next_->SendSubmit(std::move(request));
  if (hello) greeted_ = true;
}

void ProbedTransport::CloseSession() {
  greeted_ = false;
  next_->CloseSession();
}

}  // namespace yizhan::node
