// The portrait that test cases of the connectivity test carry: of nobody.
#ifndef YIZHAN_PROVINCE_NODES_LINKTEST_TEST_PORTRAIT_H_
#define YIZHAN_PROVINCE_NODES_LINKTEST_TEST_PORTRAIT_H_

#include <string>

namespace yizhan::node {

// A real image, so that the same checks run as for residents. Any thread.
const std::string& TestPortrait();

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_LINKTEST_TEST_PORTRAIT_H_
