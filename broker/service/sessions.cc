#include "broker/service/sessions.h"

#include <utility>

namespace yizhan::broker {
namespace {

constexpr std::size_t kMaxEnded = 4096;

}  // namespace

Session& Sessions::Add(Session session) {
  by_box_[session.box] = session.number;
  const contract::SessionNumber number = session.number;
  return sessions_[number] = std::move(session);
}

Session* Sessions::Find(contract::SessionNumber number) {
  const auto found = sessions_.find(number);
  return found == sessions_.end() ? nullptr : &found->second;
}

Session* Sessions::OfBox(const BoxKey& box) {
  const auto found = by_box_.find(box);
  return found == by_box_.end() ? nullptr : Find(found->second);
}

Session* Sessions::OfStream(StreamId stream) {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? nullptr : Find(found->second);
}

void Sessions::Remove(contract::SessionNumber number, absl::Status why) {
  const auto found = sessions_.find(number);
  if (found == sessions_.end()) return;
  by_box_.erase(found->second.box);
  sessions_.erase(found);
  ended_[number] = std::move(why);
  if (ended_.size() > kMaxEnded) ended_.erase(ended_.begin());
}

std::optional<absl::Status> Sessions::WhyEnded(contract::SessionNumber number) const {
  const auto found = ended_.find(number);
  if (found == ended_.end()) return std::nullopt;
  return found->second;
}

}  // namespace yizhan::broker
