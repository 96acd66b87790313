// A broker with an open pair 32-34 and short limits, and what tests of delivery
// ask of it.
#ifndef YIZHAN_TESTS_UNIT_BROKER_DELIVERY_FIXTURE_H_
#define YIZHAN_TESTS_UNIT_BROKER_DELIVERY_FIXTURE_H_

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/broker_fixture.h"

namespace yizhan::testing {

inline broker::BrokerLimits DeliveryLimits() {
  broker::BrokerLimits limits;
  limits.lease = absl::Seconds(30);
  limits.park_after_attempts = 3;
  return limits;
}

class DeliveryTest : public ::testing::Test {
 protected:
  DeliveryTest() : broker_(DeliveryLimits()) {
    broker_.OpenLink(32, 34);
    broker_.Connect(32);
  }
  v1::Envelope Sent(const MessageSpec& spec) {
    const v1::Envelope envelope = broker_.Make(spec);
    const v1::SubmitResult result = broker_.Send(envelope);
    EXPECT_TRUE(result.has_receipt()) << result.error().what();
    return envelope;
  }
  static std::vector<std::uint64_t> Positions(const Client& client) {
    std::vector<std::uint64_t> out;
    for (const v1::Delivery& d : client.deliveries) out.push_back(d.position());
    return out;
  }
  void Credit(std::uint32_t province, std::uint64_t messages, std::uint64_t bytes) {
    v1::ReceiveRequest request;
    request.set_credit_messages(messages);
    request.set_credit_bytes(bytes);
    broker_.Receive(province, request);
  }
  // A connected recipient that has given no credit yet.
  Client& ConnectWithoutCredit(std::uint32_t province) {
    Client& client = broker_.Connect(province);
    broker_.core->StreamClosed(client.receive);
    client.deliveries.clear();
    client.receive = broker::StreamId(1'000);
    v1::ReceiveRequest hello;
    hello.mutable_hello()->set_session_number(client.session);
    broker_.Receive(client, hello);
    return client;
  }
  BrokerFixture broker_;
};

}  // namespace yizhan::testing

#endif  // YIZHAN_TESTS_UNIT_BROKER_DELIVERY_FIXTURE_H_
