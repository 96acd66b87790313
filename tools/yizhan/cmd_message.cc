#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "tools/yizhan/commands.h"
#include "tools/yizhan/lab.h"
#include "tools/yizhan/rpc_call.h"
#include "tools/yizhan/text.h"
#include "yizhan/v1/broker_admin.grpc.pb.h"
#include "yizhan/v1/node_admin.grpc.pb.h"

namespace yizhan::tools {
namespace {

using contract::ProvinceCode;
using platform::JsonValue;

// What one of the three parties knows about a message.
struct Sighting {
  std::int64_t at_unix_us = 0;
  std::string who;
  std::string what;
  std::string kind;
  std::string detail;
};

std::string WayText(std::uint32_t source, std::uint32_t destination) {
  return absl::StrCat(source, " -> ", destination);
}

absl::Status AskBroker(const Lab& lab, const std::string& message_id,
                       std::vector<Sighting>& sightings) {
  const auto channel = DialBroker(lab);
  if (!channel.ok()) return channel.status();
  const auto stub = v1::BrokerAdmin::NewStub(*channel);
  v1::TraceMessageRequest request;
  request.set_message_id(message_id);
  const auto response =
      Call(*stub, "The broker", &v1::BrokerAdmin::StubInterface::TraceMessage, request);
  if (!response.ok()) {
    return ExitCodeOf(response.status()) == kExitNotFound ? absl::OkStatus() : response.status();
  }
  for (const v1::TraceStep& step : response->steps()) {
    sightings.push_back(
        {.at_unix_us = step.at_unix_us(),
         .who = "broker",
         .what = Shorten(v1::TraceEvent_Name(step.event()), "TRACE_"),
         .kind = step.kind() == 0 ? "" : v1::MessageKind_Name(step.kind()),
         .detail = absl::StrCat(WayText(step.message().source(), step.message().destination()),
                                ", log ", step.log_position(), step.reason() == 0 ? "" : ", ",
                                ReasonText(step.reason()), step.detail().empty() ? "" : ": ",
                                step.detail())});
  }
  return absl::OkStatus();
}

absl::Status AskNode(const Lab& lab, ProvinceCode node, const std::string& message_id,
                     std::vector<Sighting>& sightings) {
  const auto channel = DialNode(lab, node, v1::CALLER_OPERATOR);
  if (!channel.ok()) return channel.status();
  const auto stub = v1::NodeAdmin::NewStub(*channel);
  v1::ListMessagesRequest request;
  request.set_message_id(message_id);
  const auto response = Call(*stub, absl::StrCat("Node ", node.str()),
                             &v1::NodeAdmin::StubInterface::ListMessages, request);
  if (!response.ok()) {
    return ExitCodeOf(response.status()) == kExitNotFound ? absl::OkStatus() : response.status();
  }
  for (const v1::NodeMessage& message : response->messages()) {
    const bool sent = message.source() == node.value();
    sightings.push_back(
        {.at_unix_us = message.created_unix_us(),
         .who = absl::StrCat("node ", node.str()),
         .what = absl::StrCat(sent ? "sent, " : "received, ", PassageText(message.passage())),
         .kind = v1::MessageKind_Name(message.kind()),
         .detail = absl::StrCat(WayText(message.source(), message.destination()), ", case ",
                                Hex(message.case_handle()), " no ", message.sequence(),
                                message.detail().empty() ? "" : ": ", message.detail())});
  }
  return absl::OkStatus();
}

absl::Status RunTrace(const FlagSet& flags, Console& console) {
  const auto lab = LoadLab(flags);
  if (!lab.ok()) return lab.status();
  const auto id = contract::ParseUuid(flags.positionals()[0]);
  if (!id.has_value()) {
    return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                               absl::StrCat("'", flags.positionals()[0], "' is no message id."),
                               "Take one from `yizhan case show`; it looks like "
                               "0190b6f2-1c3e-7abc-8def-0123456789ab.");
  }
  std::vector<Sighting> sightings;
  absl::Status first_error = AskBroker(*lab, id->str(), sightings);
  for (const ProvinceCode node : lab->Provinces()) {
    first_error.Update(AskNode(*lab, node, id->str(), sightings));
  }
  std::stable_sort(sightings.begin(), sightings.end(), [](const Sighting& a, const Sighting& b) {
    return a.at_unix_us < b.at_unix_us;
  });
  Table table({"at (Asia/Shanghai)", "who", "what", "kind", "detail"});
  JsonValue steps = JsonValue::Array();
  for (const Sighting& s : sightings) {
    table.AddRow({ShanghaiMillisText(s.at_unix_us), s.who, s.what, s.kind, s.detail});
    steps.Append(JsonValue::Object()
                     .Set("at", ShanghaiMillisText(s.at_unix_us))
                     .Set("who", s.who)
                     .Set("what", s.what)
                     .Set("kind", s.kind)
                     .Set("detail", s.detail));
  }
  console.Emit(JsonValue::Object()
                   .Set("message_id", contract::FormatUuid(*id))
                   .Set("steps", std::move(steps)));
  if (!sightings.empty()) {
    console.Show(table);
    return first_error;
  }
  if (!first_error.ok()) return first_error;
  return contract::MakeError(v1::NOT_FOUND, v1::SIDE_MINE,
                             "Neither the broker nor a node knows this message.",
                             "See the messages of a case with `yizhan case show`.");
}

absl::Status RunMailboxes(const FlagSet& flags, Console& console) {
  const auto lab = LoadLab(flags);
  if (!lab.ok()) return lab.status();
  const auto channel = DialBroker(*lab);
  if (!channel.ok()) return channel.status();
  const auto stub = v1::BrokerAdmin::NewStub(*channel);
  const auto response = Call(*stub, "The broker", &v1::BrokerAdmin::StubInterface::ListMailboxes,
                             v1::ListMailboxesRequest());
  if (!response.ok()) return response.status();
  Table table({"province", "lane", "messages", "bytes", "oldest", "leased", "parked", "controls",
               "session"});
  JsonValue list = JsonValue::Array();
  const auto number = [](std::uint64_t value) {
    return JsonValue::Integer(static_cast<std::int64_t>(value));
  };
  for (const v1::MailboxInfo& box : response->mailboxes()) {
    table.AddRow({absl::StrCat(box.province()), Shorten(v1::Lane_Name(box.lane()), "LANE_"),
                  absl::StrCat(box.messages()), absl::StrCat(box.bytes()),
                  absl::FormatDuration(absl::Milliseconds(box.oldest_age_ms())),
                  absl::StrCat(box.leased()), absl::StrCat(box.parked()),
                  absl::StrCat(box.control_records()),
                  box.session_active() ? absl::StrCat("#", box.session_number()) : "away"});
    list.Append(JsonValue::Object()
                    .Set("province", number(box.province()))
                    .Set("lane", Shorten(v1::Lane_Name(box.lane()), "LANE_"))
                    .Set("messages", number(box.messages()))
                    .Set("bytes", number(box.bytes()))
                    .Set("oldest_age_ms", JsonValue::Integer(box.oldest_age_ms()))
                    .Set("leased", number(box.leased()))
                    .Set("parked", number(box.parked()))
                    .Set("control_records", number(box.control_records()))
                    .Set("session_active", JsonValue::Bool(box.session_active()))
                    .Set("session_number", number(box.session_number())));
  }
  console.Emit(JsonValue::Object().Set("mailboxes", std::move(list)));
  console.Show(table);
  return absl::OkStatus();
}

}  // namespace

Command MessageTraceCommand() {
  return {.name = "message trace",
          .summary = "Follow one message: what its sender, the broker and its recipient know.",
          .description =
              "Joins the broker's evidence log with the outbox and inbox of every node. Bodies\n"
              "are sealed and never shown.",
          .examples = {"yizhan message trace --network lab 0190b6f2-1c3e-7abc-8def-0123456789ab"},
          .positionals = {"MESSAGE_ID"},
          .declare = DeclareNetworkFlag,
          .run = RunTrace};
}

Command MailboxListCommand() {
  return {.name = "mailbox list",
          .summary = "Show what waits at the broker, for each province and lane.",
          .description = "Counts, bytes and ages; parked messages wait for an operator.",
          .examples = {"yizhan mailbox list --network lab"},
          .positionals = {},
          .declare = DeclareNetworkFlag,
          .run = RunMailboxes};
}

}  // namespace yizhan::tools
