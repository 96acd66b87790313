// The threads on which gRPC calls back.
#ifndef YIZHAN_ADAPTERS_PLATFORM_RPC_CALLBACK_THREADS_H_
#define YIZHAN_ADAPTERS_PLATFORM_RPC_CALLBACK_THREADS_H_

namespace yizhan::platform {

// Keeps them for the rest of the process. gRPC stops them with its last channel
// or server, and where that goes inside a callback (a stream's end often holds
// the last reference to its channel), a thread waits for itself and then runs on
// in freed memory. Starts threads: not before signals are blocked.
void KeepCallbackThreads();

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_RPC_CALLBACK_THREADS_H_
