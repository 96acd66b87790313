// The judge of a run. It knows histories alone.
#ifndef YIZHAN_TESTS_SIMULATION_CHECKER_H_
#define YIZHAN_TESTS_SIMULATION_CHECKER_H_

#include <string>
#include <vector>

#include "tests/simulation/history.h"

namespace yizhan::simulation {

// Violations of the promises; empty if there are none. Rules, each with its name
// at the beginning of a violation:
//
//   two-headers      one identity, one header
//   nobody-sent      what is applied was made by its source
//   second-effect    a message is applied at most once
//   out-of-order     per (source, case) numbers are applied in rising order
//   hole             a number that was passed over has ended without effect
//   closed-route     nothing is stored or handed out past a closed route
//   receipt-first    a sender holds a receipt only of what was applied
//   unreceipted      what was applied is receipted, and the receipt stands
//   end-changed      a delivered message stays delivered
//   lost             what was acknowledged is delivered, or ended in another way
//                    that its sender knows
//   never-learned    every message ended, and its sender knows how
//   case-unfinished  a case whose messages were all delivered ends as wanted
//   calm-pair        a pair that no trouble came near is served within a bound
//   accused          among honest parties there is no security event
//   worked-on        after a damaged read a process stops
//   died             no process dies while its disk does what it should
//   past-the-cut     nothing is applied whose recipient knows the cut of its pair
//   fenced-returns   a process whose place another has taken asks for no session
//   shut-out         nothing of a suspended province, or for one, is stored
//   false-entry      nothing is sealed to a key that its owner never had
//   never-made       a sender knows of no message that it did not make
//   misdelivered     nobody is given what is for another
//   log-forgotten    a broker that lost its disk names the log that it lost, as
//                    far as any node had seen it
//   no-reason        a message ends without effect only where something explains
//                    it: a closed route, an expiry, a lie
//
// A province whose disk is put back to a backup has not applied what it applied
// since, and has to apply it again, once. It may have forgotten, and number anew,
// what had come to nobody: neither to its recipient nor to a broker that still
// has its disk.
//
// Promises are judged for honest parties. Liars may be refused, and be accused;
// what they send is applied at most once and in order all the same.
std::vector<std::string> CheckHistory(const History& history);

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_CHECKER_H_
