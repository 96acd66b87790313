// The transport over gRPC: one session with the broker.
#ifndef YIZHAN_PROVINCE_NODES_SESSION_EXCHANGE_CLIENT_H_
#define YIZHAN_PROVINCE_NODES_SESSION_EXCHANGE_CLIENT_H_

#include <functional>
#include <memory>

#include "province_nodes/session/transport.h"

namespace grpc {
class Channel;
}

namespace yizhan::node {

class NodeCore;

// Transport's methods are called on the core's thread. Events reach the core
// through `post`, which hands a function to that thread, in order, and may drop
// it when the core is gone. `post` is called from gRPC's threads as well and
// must be callable until this object is destroyed; afterwards nothing is posted.
// What is late (of a session that has ended) is dropped on the core's thread.
class ExchangeClient final : public Transport {
 public:
  using CoreEvent = std::function<void(NodeCore&)>;
  using Post = std::function<void(CoreEvent)>;

  ExchangeClient(std::shared_ptr<grpc::Channel> channel, Post post);
  // Ends what runs and waits for gRPC's last callback. On the core's thread, or
  // after it has ended.
  ~ExchangeClient() override;

  // Ends the session and takes this channel from then on: another certificate.
  // On the core's thread.
  void UseChannel(std::shared_ptr<grpc::Channel> channel);

  void OpenSession(const v1::OpenSessionRequest& request) override;
  void SendSubmit(v1::SubmitRequest request) override;
  void SendReceive(v1::ReceiveRequest request) override;
  void CloseSession() override;
  void FetchDirectory(const v1::FetchEntriesRequest& request) override;
  void AppendEntry(const v1::AppendEntryRequest& request) override;

 private:
  struct Impl;
  const std::shared_ptr<Impl> impl_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_SESSION_EXCHANGE_CLIENT_H_
