// The marked person of a connectivity test: no register of residents has them.
#ifndef YIZHAN_PROVINCE_NODES_LINKTEST_TEST_PERSON_H_
#define YIZHAN_PROVINCE_NODES_LINKTEST_TEST_PERSON_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "protos/contract/crypto.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/gateway.pb.h"
#include "yizhan/v1/policy.pb.h"

namespace yizhan::node {

// County of a home province that test persons live in ("HH0102"), and a point
// of an accepting province ("AA0102001").
std::string TestDivision(contract::ProvinceCode home);
std::string TestPoint(contract::ProvinceCode accepting);

// The same at both ends of a link, so that the home side's runner knows whom
// its test register must find. The number ends in X or a digit by its check.
v1::Person TestPerson(contract::ProvinceCode home);

// Two templates of 512 bytes, derived from the run.
std::vector<std::string> TestFingerprints(const contract::Hasher& hasher,
                                          const contract::RunId& run);

// A whole application of the test person, with portrait and fingerprints, by
// the rules of that day. BUSINESS_NOT_OFFERED where the policy offers nothing.
absl::StatusOr<v1::Application> TestApplication(const contract::Hasher& hasher,
                                                const v1::Policy& policy,
                                                contract::ProvinceCode accepting,
                                                contract::ProvinceCode home,
                                                const contract::RunId& run, absl::Time now);

// What the home side says back about what it opened: digest over portrait and
// fingerprints.
contract::Digest BiometricsDigest(const contract::Hasher& hasher, const std::string& portrait,
                                  const google::protobuf::RepeatedPtrField<std::string>& templates);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_LINKTEST_TEST_PERSON_H_
