// Frames of the two streams: hello first, then batches.
#ifndef YIZHAN_BROKER_SERVICE_STREAM_EVENTS_H_
#define YIZHAN_BROKER_SERVICE_STREAM_EVENTS_H_

#include "broker/service/core_state.h"

namespace yizhan::broker {

void OnSubmitFrame(CoreState& state, StreamId stream, const BrokerCore::Caller& caller,
                   const v1::SubmitRequest& request, Moment now);
void OnReceiveFrame(CoreState& state, StreamId stream, const BrokerCore::Caller& caller,
                    const v1::ReceiveRequest& request, Moment now);

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_STREAM_EVENTS_H_
