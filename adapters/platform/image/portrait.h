// Is this a portrait by GA 461? The real image is decoded, whatever its name.
#ifndef YIZHAN_ADAPTERS_PLATFORM_IMAGE_PORTRAIT_H_
#define YIZHAN_ADAPTERS_PLATFORM_IMAGE_PORTRAIT_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace yizhan::platform {

inline constexpr int kPortraitWidth = 358;
inline constexpr int kPortraitHeight = 441;
inline constexpr int kPortraitDpi = 350;
inline constexpr std::size_t kMaxPortraitBytes = 512 * 1024;

// OK, or PORTRAIT_INVALID saying what is wrong. Decodes the whole image; what a
// viewer would forgive with a warning (a cut end, say) is an error. Any thread.
// Bounded in memory by the portrait's size, in time by size and number of scans.
absl::Status CheckPortrait(absl::string_view jpeg);

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_IMAGE_PORTRAIT_H_
