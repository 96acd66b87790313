// Three provinces under traffic, of which some are put back to a backup.
#ifndef YIZHAN_TESTS_SUPPORT_RECOVERY_WORLD_H_
#define YIZHAN_TESTS_SUPPORT_RECOVERY_WORLD_H_

#include <cstdint>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "tests/support/exchange_world.h"

namespace yizhan::testing {

class RecoveryWorld : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kJiangsu = 32;
  static constexpr std::uint32_t kAnhui = 34;
  static constexpr std::uint32_t kHenan = 41;

  ExchangeWorld world{{kJiangsu, kAnhui, kHenan}};
  WorldNode& a() { return world.node(kJiangsu); }
  WorldNode& h() { return world.node(kAnhui); }
  WorldNode& other() { return world.node(kHenan); }

  // Until the recovery has ended, and what follows from it has arrived.
  void Wait() { world.Advance(absl::Minutes(2)); }
  void ExpectNothingSuspicious() {
    for (const std::uint32_t province : {kJiangsu, kAnhui, kHenan}) {
      EXPECT_THAT(world.node(province).security_events, ::testing::IsEmpty()) << province;
    }
    EXPECT_THAT(world.broker->stats().security_events, ::testing::IsEmpty());
  }
  v1::ErrorReason CommandOn(WorldNode& node, std::uint32_t to, char name) {
    return contract::ReasonOf(node.core->Run(
        [&](platform::Transaction&, node::CaseService&, node::CaseEffects& effects) {
          node::OutgoingMessage message;
          message.destination = contract::ProvinceCode(to);
          message.kind = v1::PRODUCTION_FEEDBACK;
          message.case_handle = ExchangeWorld::Handle(name);
          message.payload.set_format_version(1);
          message.payload.mutable_production_feedback()->set_made(true);
          effects.messages.push_back(std::move(message));
          return absl::OkStatus();
        },
        world.now()));
  }
};

}  // namespace yizhan::testing

#endif  // YIZHAN_TESTS_SUPPORT_RECOVERY_WORLD_H_
