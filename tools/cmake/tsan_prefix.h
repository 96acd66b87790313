// Included before everything else in the ThreadSanitizer build. Protobuf's
// map_field.h lays its objects out otherwise where __SANITIZE_THREAD__ is
// defined, and the packaged library was built without it: messages with a map
// would be read at wrong offsets. <cstddef> first, since libstdc++ must see the
// macro, and has by then.
#ifndef YIZHAN_TOOLS_CMAKE_TSAN_PREFIX_H_
#define YIZHAN_TOOLS_CMAKE_TSAN_PREFIX_H_

#include <cstddef>

#undef __SANITIZE_THREAD__

#endif  // YIZHAN_TOOLS_CMAKE_TSAN_PREFIX_H_
