// Ctrl-C and SIGTERM as a question that long work asks.
#ifndef YIZHAN_TOOLS_DEMO_INTERRUPTION_H_
#define YIZHAN_TOOLS_DEMO_INTERRUPTION_H_

#include "absl/status/status.h"

namespace yizhan::tools {

// From now on SIGINT and SIGTERM are noted instead of ending the process.
void NoteInterruptions();
// Thread-safe.
bool Interrupted();
// What a step says that ended because of it.
absl::Status InterruptedError();

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_DEMO_INTERRUPTION_H_
