#include "tests/integration/kills/witnesses.h"

#include <algorithm>
#include <limits>

#include "absl/memory/memory.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/support/process_network.h"
#include "tools/yizhan/rpc_call.h"

namespace yizhan::testing {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr std::uint32_t kPage = 500;

// The answer, or the last error after kPatience of an unreachable process.
template <typename Stub, typename Base, typename Request, typename Response>
absl::StatusOr<Response> Ask(Stub& stub, const std::string& who,
                             grpc::Status (Base::*method)(grpc::ClientContext*, const Request&,
                                                          Response*),
                             const Request& request) {
  absl::StatusOr<Response> answer = absl::UnknownError("not asked");
  ProcessNetwork::Eventually(
      [&] {
        answer = tools::Call(stub, who, method, request);
        return answer.ok() || (!absl::IsUnavailable(answer.status()) &&
                               !absl::IsDeadlineExceeded(answer.status()));
      },
      kPatience);
  return answer;
}

bool BetweenProvinces(const v1::NodeMessage& message) {
  return message.lane() == v1::LANE_BUSINESS && message.source() != message.destination();
}

}  // namespace

std::string Hex(const std::string& bytes) { return absl::BytesToHexString(bytes); }

simulation::MessageName NameOf(const v1::NodeMessage& message) {
  return {message.source(), message.destination(), Hex(message.case_handle()), message.sequence()};
}

absl::StatusOr<std::unique_ptr<Witnesses>> Witnesses::Connect(const tools::Lab& lab) {
  auto made = absl::WrapUnique(new Witnesses());
  made->provinces_ = lab.Provinces();
  for (const Province province : made->provinces_) {
    const auto channel = tools::DialNode(lab, province, v1::CALLER_OPERATOR);
    if (!channel.ok()) return channel.status();
    made->nodes_[province] = v1::NodeAdmin::NewStub(*channel);
    made->gateways_[province] = v1::Gateway::NewStub(*channel);
  }
  const auto channel = tools::DialBroker(lab);
  if (!channel.ok()) return channel.status();
  made->broker_ = v1::BrokerAdmin::NewStub(*channel);
  return made;
}

absl::StatusOr<std::vector<v1::NodeMessage>> Witnesses::Newest(Province node,
                                                               std::size_t count) const {
  std::vector<v1::NodeMessage> messages;
  v1::ListMessagesRequest request;
  request.set_page_size(kPage);
  do {
    auto page = Ask(*nodes_.at(node), absl::StrCat("node ", node.str()),
                    &v1::NodeAdmin::StubInterface::ListMessages, request);
    if (!page.ok()) return page.status();
    std::copy_if(page->messages().begin(), page->messages().end(), std::back_inserter(messages),
                 BetweenProvinces);
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty() && messages.size() < count);
  return messages;
}

absl::StatusOr<std::vector<v1::NodeMessage>> Witnesses::All(Province node) const {
  return Newest(node, std::numeric_limits<std::size_t>::max());
}

absl::StatusOr<v1::GetStatusResponse> Witnesses::StatusOf(Province node) const {
  return Ask(*nodes_.at(node), absl::StrCat("node ", node.str()),
             &v1::NodeAdmin::StubInterface::GetStatus, v1::GetStatusRequest());
}

absl::StatusOr<std::vector<v1::CaseView>> Witnesses::Cases(Province node) const {
  std::vector<v1::CaseView> views;
  v1::ListCasesRequest request;
  request.set_page_size(kPage);
  do {
    auto page = Ask(*gateways_.at(node), absl::StrCat("node ", node.str()),
                    &v1::Gateway::StubInterface::ListCases, request);
    if (!page.ok()) return page.status();
    for (v1::CaseView& view : *page->mutable_cases()) views.push_back(std::move(view));
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return views;
}

absl::StatusOr<v1::TraceMessageResponse> Witnesses::Evidence(
    const std::string& header_digest) const {
  v1::TraceMessageRequest request;
  request.set_header_digest(header_digest);
  auto steps = Ask(*broker_, "the broker", &v1::BrokerAdmin::StubInterface::TraceMessage, request);
  if (absl::IsNotFound(steps.status())) return v1::TraceMessageResponse();
  return steps;
}

absl::StatusOr<v1::ListMailboxesResponse> Witnesses::Mailboxes() const {
  return Ask(*broker_, "the broker", &v1::BrokerAdmin::StubInterface::ListMailboxes,
             v1::ListMailboxesRequest());
}

}  // namespace yizhan::testing
