// Decisions by rule: whether an application is accepted, and if not, why. Only
// the first failing check counts, in a fixed order.
#ifndef YIZHAN_PROVINCE_NODES_POLICY_ELIGIBILITY_H_
#define YIZHAN_PROVINCE_NODES_POLICY_ELIGIBILITY_H_

#include <optional>
#include <string>
#include <vector>

#include "protos/contract/rules.h"
#include "yizhan/v1/gateway.pb.h"
#include "yizhan/v1/payload.pb.h"
#include "yizhan/v1/policy.pb.h"

namespace yizhan::node {

// What the application itself does not say.
struct PointFacts {
  contract::RuleQuestion where;   // its day is the day of application
  bool point_designated = false;  // on that day
  bool link_open = false;         // as of now
};

// What the accepting side can judge alone, of a well-formed application:
// POINT_NOT_DESIGNATED, LINK_NOT_OPEN, BUSINESS_NOT_OFFERED, NOT_IN_PERSON,
// NO_LAWFUL_BASIS, EVIDENCE_INSUFFICIENT, GUARDIAN_REQUIRED, OLD_CARD_REQUIRED,
// PAPERS_NOT_GENUINE, CARD_SCRIPT_EXCLUDED, APPEARANCE_UNCONFIRMED; unspecified
// if none fails. The policy is validated.
v1::ErrorReason DecideAtPoint(const v1::Policy& policy, const PointFacts& facts,
                              const v1::Application& application);

// Whether the old card is presented at application and surrendered at hand-over.
bool IsRenewal(v1::Business business);

// What the home register says about a person.
struct RegisterFacts {
  v1::Person person;
  bool has_history_photo = false;
  bool credit_listed = false;
};

// REGISTER_MISMATCH (nobody, or a field that differs), NO_HISTORY_PHOTO,
// CREDIT_LISTED, in this order, as an answer to the accepting side.
v1::EligibilityAnswer DecideByRegister(const v1::Person& claimed,
                                       const std::optional<RegisterFacts>& found);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_POLICY_ELIGIBILITY_H_
