// A case made again from what its messages say, after its node lost everything.
#include "tests/support/case_story.h"

namespace yizhan::node {
namespace {

class CaseReturnedTest : public CaseStory {
 protected:
  // The case of this province as a node has it that was empty, and got back what
  // it sent and received.
  v1::CaseView MadeAgain(int province, v1::CaseRole role) {
    CaseNetwork restored;
    restored.OpenRoute(32, 31);
    const auto& handed = network_.handed();
    for (std::size_t i = 0; i < handed.size(); ++i) {
      const CaseNetwork::Handed& each = handed[i];
      const bool own = each.from == province;
      InboundMessage in = each.message;
      for (std::size_t j = i + 1; j < handed.size(); ++j) {
        in.followed |= handed[j].from == province;
      }
      const auto done = restored.Run(
          province,
          [&](platform::Transaction& txn, CaseService& cases,
              CaseEffects& effects) -> absl::StatusOr<v1::CaseView> {
            absl::Status status;
            if (own) {
              OutgoingMessage out;
              out.destination = contract::ProvinceCode(static_cast<std::uint32_t>(each.to));
              out.kind = in.kind;
              out.case_handle = in.case_handle;
              out.payload = in.payload;
              status = cases.OnReturned(txn, out, effects);
              if (status.ok()) status = TellReceived(txn, cases, in, effects);
            } else {
              status = cases.OnMessage(txn, in, effects);
            }
            if (!status.ok()) return status;
            return v1::CaseView();
          });
      EXPECT_TRUE(done.ok()) << v1::MessageKind_Name(in.kind) << ": " << done.status();
    }
    const auto view = restored.View(province, handle_, role);
    EXPECT_TRUE(view.ok()) << view.status();
    return view.value_or(v1::CaseView());
  }

  static absl::Status TellReceived(platform::Transaction& txn, CaseService& cases,
                                   const InboundMessage& sent, CaseEffects& effects) {
    v1::CaseMessage news;
    news.set_kind(sent.kind);
    news.set_outgoing(true);
    news.set_sequence(sent.sequence);
    news.set_passage(v1::PASSAGE_RECEIVED);
    news.set_at_unix_us(2'000'000);
    return cases.OnPassage(txn, sent.case_handle, news, effects);
  }

  // State and facts; events and clocks may lack what no message told.
  void ExpectSame(const v1::CaseView& was, const v1::CaseView& is) {
    EXPECT_EQ(v1::CaseState_Name(is.state()), v1::CaseState_Name(was.state()));
    EXPECT_EQ(is.acceptance_number(), was.acceptance_number());
    EXPECT_EQ(is.reason(), was.reason());
    EXPECT_EQ(is.fee_fen(), was.fee_fen());
    EXPECT_EQ(is.refund_fen(), was.refund_fen());
    EXPECT_EQ(is.card_serial(), was.card_serial());
    EXPECT_EQ(is.validity_known(), was.validity_known());
    EXPECT_EQ(is.valid_until(), was.valid_until());
    EXPECT_EQ(is.informed(), was.informed());
    EXPECT_EQ(is.refunded(), was.refunded());
    EXPECT_EQ(is.production_failures(), was.production_failures());
    EXPECT_EQ(is.home_division(), was.home_division());
    EXPECT_EQ(is.point(), was.point());
    EXPECT_EQ(is.messages_size(), was.messages_size());
    for (const v1::CaseEvent& event : is.events()) {
      EXPECT_EQ(event.what().find("does not fit"), std::string::npos) << event.what();
    }
  }
  void ExpectBothMadeAgain() {
    ExpectSame(View(kAccepting), MadeAgain(32, kAccepting));
    ExpectSame(View(kHome), MadeAgain(31, kHome));
  }
};

TEST_F(CaseReturnedTest, UnderReview_IsMadeAgain) {
  ToReview();
  ExpectBothMadeAgain();
}

TEST_F(CaseReturnedTest, HandedOver_IsMadeAgainWithTheStepsThatNoMessageTells) {
  ToReady();
  ASSERT_TRUE(HandOver().ok());
  network_.Deliver();
  ExpectBothMadeAgain();
}

TEST_F(CaseReturnedTest, RefusedInformedAndRefunded_IsMadeAgain) {
  ToReview();
  ASSERT_TRUE(Refuse(v1::IDENTITY_UNVERIFIABLE).ok());
  network_.Deliver();
  ASSERT_TRUE(Inform().ok());
  ASSERT_TRUE(Refund(2000).ok());
  network_.Deliver();
  ExpectBothMadeAgain();
}

TEST_F(CaseReturnedTest, SentBackByCountyAndCentre_IsMadeAgain) {
  ToReview();
  ASSERT_TRUE(AskRetake(v1::RETAKE_PORTRAIT).ok());
  network_.Deliver();
  ASSERT_TRUE(Retake(ApplicationOf(31).portrait()).ok());
  network_.Deliver();
  ASSERT_TRUE(Sign().ok());
  network_.Deliver();
  ASSERT_TRUE(AskRetake(v1::RETAKE_PORTRAIT, true).ok());
  ASSERT_TRUE(Retake(ApplicationOf(31).portrait()).ok());
  network_.Deliver();
  ASSERT_TRUE(Sign().ok());
  network_.Deliver();
  ExpectBothMadeAgain();
}

TEST_F(CaseReturnedTest, CardSpoiltThenMade_IsMadeAgain) {
  ToSigned();
  ASSERT_TRUE(Produce(v1::PRODUCTION_STARTED).ok());
  ASSERT_TRUE(Produce(v1::PRODUCTION_FAILED).ok());
  network_.Deliver();
  ASSERT_TRUE(Produce(v1::PRODUCTION_STARTED).ok());
  ASSERT_TRUE(Produce(v1::PRODUCTION_MADE).ok());
  network_.Deliver();
  ExpectBothMadeAgain();
}

TEST_F(CaseReturnedTest, NotEligible_IsMadeAgain) {
  v1::Application application = ApplicationOf(31);
  application.mutable_applicant()->set_home_address("elsewhere");
  ASSERT_TRUE(ApplyWith(application).ok());
  network_.Deliver();
  const v1::CaseView is = MadeAgain(32, kAccepting);
  EXPECT_EQ(is.state(), v1::CASE_NOT_ACCEPTED);
  EXPECT_EQ(is.reason(), v1::REGISTER_MISMATCH);
  ExpectSame(View(kHome), MadeAgain(31, kHome));
}

TEST_F(CaseReturnedTest, QueryAloneCameBack_AnswerEndsTheCaseWithoutAFolder) {
  ASSERT_TRUE(Apply().ok());
  network_.Deliver();
  CaseNetwork restored;
  const CaseNetwork::Handed& query = network_.handed().at(0);
  const CaseNetwork::Handed& answer = network_.handed().at(1);
  ASSERT_EQ(answer.message.kind, v1::ELIGIBILITY_ANSWER);
  const auto run = [&](auto call) {
    return restored.Run(32,
                        [&](platform::Transaction& txn, CaseService& cases,
                            CaseEffects& effects) -> absl::StatusOr<v1::CaseView> {
                          if (absl::Status status = call(txn, cases, effects); !status.ok())
                            return status;
                          return v1::CaseView();
                        });
  };
  OutgoingMessage out{contract::ProvinceCode(31), query.message.kind, query.message.case_handle,
                      query.message.payload};
  ASSERT_TRUE(run([&](auto& txn, auto& cases, auto& effects) {
                return cases.OnReturned(txn, out, effects);
              }).ok());
  ASSERT_TRUE(run([&](auto& txn, auto& cases, auto& effects) {
                return cases.OnMessage(txn, answer.message, effects);
              }).ok());
  const auto view = restored.View(32, handle_, kAccepting);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->state(), v1::CASE_NOT_ACCEPTED);
  EXPECT_EQ(view->reason(), v1::EVIDENCE_INSUFFICIENT);
  ASSERT_EQ(restored.node(32).messages.size(), 1U);
  EXPECT_EQ(restored.node(32).messages[0].kind, v1::CLOSURE);
}

TEST_F(CaseReturnedTest, AfterARecovery_AcceptanceNumbersOfTheDayAreOtherOnes) {
  const auto number_of = [&](CaseNetwork& network) {
    v1::ApplyRequest request;
    *request.mutable_application() = ApplicationOf(31);
    auto view =
        network.Run(32, [&](platform::Transaction& txn, CaseService& cases, CaseEffects& effects) {
          return cases.Apply(txn, PointCaller(), Stamped(request, at_), effects);
        });
    EXPECT_TRUE(view.ok()) << view.status();
    network.Deliver();
    const auto after = network.View(32, view->case_handle(), kAccepting);
    return after.ok() ? after->acceptance_number() : "";
  };
  const auto recovered = [&](absl::Time now) {
    auto network = std::make_unique<CaseNetwork>();
    network->node(31);
    network->OpenRoute(32, 31);
    const auto begun =
        network->Run(32,
                     [&](platform::Transaction& txn, CaseService& cases,
                         CaseEffects&) -> absl::StatusOr<v1::CaseView> {
                       if (absl::Status status = cases.OnRecoveryBegan(txn, now); !status.ok())
                         return status;
                       return v1::CaseView();
                     });
    EXPECT_TRUE(begun.ok());
    return network;
  };
  const absl::Time now = absl::FromUnixMicros(at_);
  auto first = recovered(now);
  auto later = recovered(now + absl::Hours(1));
  const std::string before = number_of(network_);
  const std::string after = number_of(*first);
  const std::string after_another = number_of(*later);
  ASSERT_EQ(before.size(), 22U);
  ASSERT_EQ(after.size(), 22U);
  EXPECT_EQ(before.substr(0, 17), after.substr(0, 17));
  EXPECT_NE(before, after);
  EXPECT_NE(after, after_another);
  EXPECT_NE(after, number_of(*first));
}

}  // namespace
}  // namespace yizhan::node
