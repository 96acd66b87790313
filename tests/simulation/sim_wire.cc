#include "tests/simulation/sim_wire.h"

#include <algorithm>
#include <utility>

#include "protos/contract/errors.h"
#include "tests/simulation/sim_node.h"

namespace yizhan::simulation {
namespace {

constexpr absl::Duration kCallDeadline = absl::Seconds(5);

}  // namespace

contract::CertificateFingerprint Wire::certificate() const {
  return world_.lab->certificate(node_->province());
}

void Wire::Cut() { Disconnect(absl::UnavailableError("simulated network: connection cut")); }

void Wire::CutUpwards(absl::Duration notice) {
  if (connection_ == nullptr) return;
  connection_->deaf_above = true;
  world_.time->In(notice, [this, connection = connection_] {
    if (connection == connection_) Cut();
  });
}

void Wire::SetReachable(bool reachable) {
  reachable_ = reachable;
  if (!reachable) Cut();
}

void Wire::Slow(absl::Duration by, absl::Time until) {
  slow_by_ = by;
  slow_until_ = until;
}

Wire::Shared Wire::Connect() {
  auto connection = std::make_shared<Connection>();
  const auto crashed = [this, connection] {
    if (!connection->alive) return;
    // The peer's death reaches us a moment later.
    world_.time->In(absl::Milliseconds(1), [this, connection] {
      if (connection == connection_) Disconnect(absl::UnavailableError("simulated broker died"));
    });
  };
  connection->submit =
      world_.broker->OpenStream({node_->province(),
                                 [this, connection](broker::Effect effect) {
                                   DownEffect(connection, kSubmit, std::move(effect));
                                 },
                                 crashed});
  connection->receive =
      world_.broker->OpenStream({node_->province(),
                                 [this, connection](broker::Effect effect) {
                                   DownEffect(connection, kReceive, std::move(effect));
                                 },
                                 [] {}});
  return connection;
}

void Wire::Disconnect(const absl::Status& why) {
  if (connection_ == nullptr) return;
  CloseSession();
  node_->Post([why](node::NodeCore& core, absl::Time now) { core.OnDisconnected(why, now); });
}

void Wire::CloseSession() {
  const Shared connection = std::exchange(connection_, nullptr);
  if (connection == nullptr) return;
  connection->alive = false;
  world_.broker->CloseStream(connection->submit);
  world_.broker->CloseStream(connection->receive);
}

absl::Time Wire::Arrival(Direction& direction, Channel channel) {
  absl::Duration delay = world_.dice->Between(absl::Milliseconds(1), absl::Milliseconds(80));
  if (world_.time->now() < slow_until_) {
    delay += slow_by_;
    ++world_.history->faults["delayed"];
  }
  absl::Time& last = direction.last[channel];
  last = std::max(last, world_.time->now() + delay);
  const bool overtakes = std::any_of(direction.last.begin(), direction.last.end(),
                                     [&](absl::Time other) { return other > last; });
  if (overtakes) ++world_.history->faults["reordered"];
  return last;
}

bool Wire::TakesTwice() {
  if (repeat_next_ <= 0) return false;
  --repeat_next_;
  ++world_.history->faults["repeated"];
  return true;
}

void Wire::Up(const Shared& connection, Channel channel, const SimBroker::Work& work) {
  for (int times = channel != kCall && TakesTwice() ? 2 : 1; times > 0; --times) {
    world_.time->At(Arrival(connection->up, channel), [this, connection, work] {
      if (!connection->alive || !world_.broker->up()) return;
      if (connection->deaf_above) {
        ++world_.history->faults["lost_upwards"];
        return;
      }
      world_.broker->Post(work);
    });
  }
}

void Wire::Down(const Shared& connection, Channel channel, const Event& event) {
  world_.time->At(Arrival(connection->down, channel),
                  [this, connection, event, life = node_->life()] {
                    if (!connection->alive || life != node_->life()) return;
                    // In its group it may find that the connection is gone.
                    node_->Post([connection, event](node::NodeCore& core, absl::Time now) {
                      if (connection->alive) event(core, now);
                    });
                  });
}

void Wire::DownEffect(const Shared& connection, Channel channel, broker::Effect effect) {
  if (effect.submit == nullptr && effect.receive == nullptr) {
    return Down(connection, channel,
                [this, connection, why = effect.close](node::NodeCore& core, absl::Time now) {
                  if (connection == connection_) CloseSession();
                  if (contract::ReasonOf(why) == v1::SESSION_FENCED) {
                    node_->RecordSession(HistoryEvent::Kind::kFenced);
                  }
                  core.OnDisconnected(why, now);
                });
  }
  const int times = TakesTwice() ? 2 : 1;
  if (effect.submit != nullptr) {
    for (v1::SubmitResponse& response :
         world_.liar->ToNode(node_->province(), std::move(*effect.submit))) {
      const auto frame = std::make_shared<v1::SubmitResponse>(std::move(response));
      for (int i = 0; i < times; ++i) {
        Down(connection, channel,
             [frame](node::NodeCore& core, absl::Time now) { core.OnSubmitResponse(*frame, now); });
      }
    }
    return;
  }
  for (v1::ReceiveResponse& response :
       world_.liar->ToNode(node_->province(), std::move(*effect.receive))) {
    const auto frame = std::make_shared<v1::ReceiveResponse>(std::move(response));
    for (int i = 0; i < times; ++i) {
      Down(connection, channel,
           [frame](node::NodeCore& core, absl::Time now) { core.OnReceiveResponse(*frame, now); });
    }
  }
}

void Wire::OpenSession(const v1::OpenSessionRequest& request) {
  node_->RecordSession(HistoryEvent::Kind::kSessionAsked);
  if (!reachable_ || !world_.broker->up()) {
    world_.time->In(absl::Milliseconds(50), [this, life = node_->life()] {
      if (life != node_->life()) return;
      node_->Post([](node::NodeCore& core, absl::Time now) {
        core.OnDisconnected(absl::UnavailableError("simulated network: no way to the broker"), now);
      });
    });
    return;
  }
  CloseSession();
  connection_ = Connect();
  Up(connection_, kCall,
     [this, request, connection = connection_](broker::BrokerCore& core, broker::Moment now) {
       auto answer = std::make_shared<absl::StatusOr<v1::OpenSessionResponse>>(
           core.OpenSession(certificate(), request, now));
       return std::function<void()>([this, answer, connection] {
         if (answer->ok()) world_.liar->ToNode(**answer);
         Down(connection, kCall, [this, answer, connection](node::NodeCore& node, absl::Time at) {
           if (answer->ok()) return node.OnSessionOpened(**answer, at);
           if (connection == connection_) CloseSession();
           node.OnDisconnected(answer->status(), at);
         });
       });
     });
}

void Wire::SendSubmit(v1::SubmitRequest request) {
  if (connection_ == nullptr) return;
  for (const v1::SubmitItem& item : request.batch().items()) {
    if (item.has_envelope()) node_->RecordMade(item.envelope());
  }
  for (v1::SubmitRequest& frame : world_.liar->ToBroker(node_->province(), std::move(request))) {
    Up(connection_, kSubmit,
       [this, frame = std::move(frame), connection = connection_](broker::BrokerCore& core,
                                                                  broker::Moment now) {
         core.OnSubmit(connection->submit, certificate(), frame, now);
         return std::function<void()>();
       });
  }
}

void Wire::SendReceive(v1::ReceiveRequest request) {
  if (connection_ == nullptr) return;
  for (v1::ReceiveRequest& frame : world_.liar->ToBroker(node_->province(), std::move(request))) {
    Up(connection_, kReceive,
       [this, frame = std::move(frame), connection = connection_](broker::BrokerCore& core,
                                                                  broker::Moment now) {
         core.OnReceive(connection->receive, certificate(), frame, now);
         return std::function<void()>();
       });
  }
}

// Calls need no session: a broker that does not know the node answers them too.
// Each is answered once, whatever happens to the connection.
void Wire::Call(const CallWork& work, const std::function<void(const absl::Status&)>& lost) {
  const auto answered = std::make_shared<bool>(false);
  const auto tell = [this, answered, life = node_->life()](const std::function<void()>& answer) {
    if (life == node_->life() && !std::exchange(*answered, true)) answer();
  };
  const bool dialled = reachable_ && world_.broker->up();
  const absl::Status late = absl::UnavailableError("simulated network: no answer in time");
  world_.time->In(dialled ? kCallDeadline : absl::Milliseconds(5),
                  [tell, lost, late] { tell([&] { lost(late); }); });
  if (!dialled) return;
  world_.time->At(Arrival(calls_up_, kCall), [this, work, tell] {
    if (!reachable_ || !world_.broker->up()) return;
    world_.broker->Post([this, work, tell](broker::BrokerCore& core, broker::Moment now) {
      return std::function<void()>([this, tell, answer = work(core, now)] {
        world_.time->At(Arrival(calls_down_, kCall), [this, tell, answer] {
          if (reachable_) tell(answer);
        });
      });
    });
  });
}

void Wire::FetchDirectory(const v1::FetchEntriesRequest& request) {
  const auto tell = [this, request](const absl::StatusOr<v1::FetchEntriesResponse>& answer) {
    node_->Post([request, answer](node::NodeCore& node, absl::Time now) {
      node.OnDirectoryEntries(request, answer, now);
    });
  };
  Call(
      [this, request, tell](broker::BrokerCore& core, broker::Moment) -> std::function<void()> {
        absl::StatusOr<v1::FetchEntriesResponse> answer = core.FetchEntries(request);
        if (answer.ok()) world_.liar->ToNode(request, *answer);
        return [tell, answer = std::move(answer)] { tell(answer); };
      },
      tell);
}

void Wire::AppendEntry(const v1::AppendEntryRequest& request) {
  const auto tell = [this](const absl::Status& answer) {
    node_->Post(
        [answer](node::NodeCore& node, absl::Time now) { node.OnEntryAppended(answer, now); });
  };
  Call(
      [request, tell](broker::BrokerCore& core, broker::Moment now) -> std::function<void()> {
        return [tell, answer = core.AppendEntry(request.entry(), now).status()] { tell(answer); };
      },
      tell);
}

}  // namespace yizhan::simulation
