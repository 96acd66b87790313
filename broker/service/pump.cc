// What goes out on Receive streams at the end of a group.
#include <algorithm>
#include <memory>
#include <utility>

#include "broker/service/receive_handler.h"
#include "broker/store/keys.h"
#include "protos/contract/envelope.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"

namespace yizhan::broker {
namespace {

// Control records on the way that the node has not stored yet.
constexpr std::uint64_t kMaxControlsOnTheWay = 8192;
constexpr int kMaxControlsInFrame = 1024;
constexpr std::size_t kMaxControlBytesInFrame = std::size_t{2} << 20;
constexpr std::size_t kMaxControlBytesOnTheWay = std::size_t{16} << 20;
constexpr int kMaxFramesInGroup = 32;

// Lives there until it goes out.
v1::ReceiveResponse* Send(CoreState& state, StreamId stream, v1::ReceiveResponse response) {
  Effect effect;
  effect.stream = stream;
  effect.receive = std::make_unique<v1::ReceiveResponse>(std::move(response));
  v1::ReceiveResponse* const sent = effect.receive.get();
  state.effects.push_back(std::move(effect));
  return sent;
}

void PumpNews(CoreState& state, Session& session) {
  v1::ReceiveResponse response;
  const v1::DirectoryHead& head = state.directory.state().head();
  if (session.receive->directory_told != head.size()) {
    session.receive->directory_told = head.size();
    *response.mutable_directory_head() = head;
  }
  const auto pushed = state.pushed_runs.find(session.box.province);
  if (session.box.lane == v1::LANE_BUSINESS && pushed != state.pushed_runs.end()) {
    for (const v1::LinkRun& run : pushed->second) *response.add_runs() = run;
  }
  if (response.has_directory_head() || response.runs_size() > 0) {
    Send(state, session.receive->id, std::move(response));
  }
}

void PumpControls(CoreState& state, Session& session) {
  ReceiveStream& stream = *session.receive;
  const stored::StoredBox* head = state.boxes.Find(session.box);
  if (head == nullptr) return;
  while (stream.sent < state.controls.Last(session.box) &&
         stream.bytes_on_the_way < kMaxControlBytesOnTheWay &&
         stream.sent.value() + 1 < head->first_cursor() + kMaxControlsOnTheWay) {
    v1::ReceiveResponse response;
    const contract::ControlCursor before = stream.sent;
    std::size_t bytes = 0;
    state.controls.Scan(
        session.box, before, [&](contract::ControlCursor cursor, v1::ControlRecord&& record) {
          v1::ControlItem* item = response.add_controls();
          item->set_cursor(cursor.value());
          *item->mutable_control() = std::move(record);
          stream.sent = cursor;
          const std::size_t size = item->control().ByteSizeLong();
          bytes += size;
          stream.on_the_way.push_back({cursor, size});
          return response.controls_size() < kMaxControlsInFrame && bytes < kMaxControlBytesInFrame;
        });
    if (stream.sent == before) return;
    stream.bytes_on_the_way += bytes;
    Send(state, stream.id, std::move(response));
  }
}

// Signed by a key that was retired, dropped or suspected meanwhile.
void ShowAcceptance(CoreState& state, v1::Delivery& delivery, Moment now) {
  const auto key = contract::KeyId::From(delivery.envelope().signature().key_id());
  if (key && state.directory.state().FindSigner(*key, now.wall)) return;
  const auto parsed =
      contract::ParseEnvelope(*state.options.algorithms.hasher, delivery.envelope());
  stored::StoredKnown known;
  if (!parsed.ok() || !state.records.Read(IdentityKey(parsed->identity, 'd'), &known)) return;
  state.SignAcceptance(contract::MakeMessageRef(*parsed), known, delivery.mutable_acceptance());
}

void PumpDeliveries(CoreState& state, Session& session, Moment now) {
  Dispatcher& dispatcher = state.DispatcherOf(session.box);
  const contract::DirectoryState& directory = state.directory.state();
  const auto must_wait = [&](const stored::StoredPlace& place) {
    const v1::MessageRef& message = place.message();
    if (message.lane() != v1::LANE_BUSINESS) return false;
    const absl::Status may = contract::MaySend(directory, contract::ProvinceCode(message.source()),
                                               contract::ProvinceCode(message.destination()),
                                               place.kind(), message.sequence(), now.wall);
    return contract::ReasonOf(may) == v1::LINK_CUT;
  };
  for (int frame = 0; frame < kMaxFramesInGroup; ++frame) {
    std::vector<v1::Delivery> deliveries = dispatcher.Take(session.receive->credit, now, must_wait);
    if (!deliveries.empty()) {
      v1::ReceiveResponse response;
      for (v1::Delivery& delivery : deliveries) {
        if (delivery.attempt() > 1) ++state.stats.redeliveries[session.box.lane];
        *response.add_deliveries() = std::move(delivery);
      }
      v1::ReceiveResponse* const sent = Send(state, session.receive->id, std::move(response));
      for (v1::Delivery& delivery : *sent->mutable_deliveries()) {
        ShowAcceptance(state, delivery, now);
      }
    }
    if (!dispatcher.has_more()) return;
  }
}

}  // namespace

void Pump(CoreState& state, Session& session, Moment now) {
  if (!session.receive) return;
  PumpNews(state, session);
  PumpControls(state, session);
  if (state.leasing) PumpDeliveries(state, session, now);
}

}  // namespace yizhan::broker
