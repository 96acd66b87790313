// Version of the command line and of the network files that it writes.
#ifndef YIZHAN_TOOLS_YIZHAN_VERSION_H_
#define YIZHAN_TOOLS_YIZHAN_VERSION_H_

namespace yizhan::tools {

// Kept equal to the project's version in CMakeLists.txt by the build.
inline constexpr char kVersion[] = YIZHAN_VERSION;

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_YIZHAN_VERSION_H_
