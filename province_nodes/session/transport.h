// The seam between a node's core and the exchange: what the core wants sent.
// The gRPC client (exchange_client.h) carries it out; simulation and the
// connectivity test put themselves here instead, or in between.
#ifndef YIZHAN_PROVINCE_NODES_SESSION_TRANSPORT_H_
#define YIZHAN_PROVINCE_NODES_SESSION_TRANSPORT_H_

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "yizhan/v1/directory.pb.h"
#include "yizhan/v1/exchange.pb.h"

namespace yizhan::node {

// Called on the core's thread, after the group that asked for it is on stable
// storage; must not block and must not call back into the core. Answers arrive
// later as events of NodeCore:
//   OpenSession -> OnSessionOpened or OnDisconnected
//   SendSubmit -> OnSubmitResponse (any number), SendReceive -> OnReceiveResponse
//   FetchDirectory -> OnDirectoryEntries, AppendEntry -> OnEntryAppended, exactly once
// After CloseSession, and after it delivered OnDisconnected, a transport
// delivers nothing more of that session: it drops what comes late.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual void OpenSession(const v1::OpenSessionRequest& request) = 0;
  // The first frame of each stream is its hello, sent by the core.
  virtual void SendSubmit(v1::SubmitRequest request) = 0;
  virtual void SendReceive(v1::ReceiveRequest request) = 0;
  virtual void CloseSession() = 0;
  virtual void FetchDirectory(const v1::FetchEntriesRequest& request) = 0;
  // Only to a broker whose directory is shorter than the node's.
  virtual void AppendEntry(const v1::AppendEntryRequest& request) = 0;
};

// Lets a connectivity test alter, withhold, repeat or add items of a node's own
// on their way out. Every item that a tap adds needs a tag of its own with
// kTapTag set; the core hands results with unknown tags to
// NodeObserver::OnUnknownResult.
inline constexpr std::uint64_t kTapTag = std::uint64_t{1} << 63;
using SubmitTap = std::function<std::vector<v1::SubmitItem>(v1::SubmitItem)>;
// Nothing left of the frame is sent where it returns false.
using ReceiveTap = std::function<bool(v1::ReceiveRequest&)>;

// A transport with taps before another. One thread (the core's). `next` must
// outlive this object.
class TappedTransport final : public Transport {
 public:
  explicit TappedTransport(Transport* next) : next_(next) {}
  void set_submit_tap(SubmitTap tap) { submit_tap_ = std::move(tap); }
  void set_receive_tap(ReceiveTap tap) { receive_tap_ = std::move(tap); }

  void OpenSession(const v1::OpenSessionRequest& request) override { next_->OpenSession(request); }
  void SendSubmit(v1::SubmitRequest request) override;
  void SendReceive(v1::ReceiveRequest request) override;
  void CloseSession() override { next_->CloseSession(); }
  void FetchDirectory(const v1::FetchEntriesRequest& request) override {
    next_->FetchDirectory(request);
  }
  void AppendEntry(const v1::AppendEntryRequest& request) override { next_->AppendEntry(request); }

 private:
  Transport* const next_;
  SubmitTap submit_tap_;
  ReceiveTap receive_tap_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_SESSION_TRANSPORT_H_
