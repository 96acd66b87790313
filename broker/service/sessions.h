// Sessions and streams of the provinces.
#ifndef YIZHAN_BROKER_SERVICE_SESSIONS_H_
#define YIZHAN_BROKER_SERVICE_SESSIONS_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "broker/delivery/dispatcher.h"
#include "broker/service/effects.h"
#include "broker/store/keys.h"
#include "protos/contract/ids.h"

namespace yizhan::broker {

struct ReceiveStream {
  StreamId id;
  Credit credit;
  contract::ControlCursor sent;  // highest control record sent on it
  // Sizes of control records that were sent and are not acknowledged.
  std::deque<std::pair<contract::ControlCursor, std::size_t>> on_the_way;
  std::size_t bytes_on_the_way = 0;
  std::uint64_t directory_told = 0;  // size of the directory last told

  void Acknowledged(contract::ControlCursor cursor) {
    while (!on_the_way.empty() && on_the_way.front().first <= cursor) {
      bytes_on_the_way -= on_the_way.front().second;
      on_the_way.pop_front();
    }
  }
};

struct Session {
  contract::SessionNumber number;
  BoxKey box;
  contract::BootNonce boot_nonce;
  contract::CertificateFingerprint certificate;
  std::set<StreamId> submits;
  std::optional<ReceiveStream> receive;
};

// A table; the rules are in session_events.h. One thread. Invariant: at most
// one session a box.
class Sessions {
 public:
  Session& Add(Session session);
  Session* Find(contract::SessionNumber number);
  Session* OfBox(const BoxKey& box);
  Session* OfStream(StreamId stream);
  void Bind(StreamId stream, Session& session) { streams_[stream] = session.number; }
  void Unbind(StreamId stream) { streams_.erase(stream); }
  // `why` answers late streams of the session; the oldest answers are forgotten.
  void Remove(contract::SessionNumber number, absl::Status why);
  std::optional<absl::Status> WhyEnded(contract::SessionNumber number) const;
  std::map<contract::SessionNumber, Session>& all() { return sessions_; }
  const std::map<contract::SessionNumber, Session>& all() const { return sessions_; }

 private:
  std::map<contract::SessionNumber, Session> sessions_;
  std::map<BoxKey, contract::SessionNumber> by_box_;
  std::map<StreamId, contract::SessionNumber> streams_;
  std::map<contract::SessionNumber, absl::Status> ended_;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_SESSIONS_H_
