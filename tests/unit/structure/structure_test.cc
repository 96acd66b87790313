// The structure that ARCHITECTURE.md promises, read off the sources: who may
// include whom, where foreign libraries may appear, that every source is built
// and every test runs, that files stay small enough to have one purpose.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

const char* const kTopFolders[] = {"protos", "broker", "adapters", "province_nodes",
                                   "tools",  "tests",  "deploy"};

struct Source {
  std::string path;  // from the root of the repository
  std::vector<std::string> lines;
  std::vector<std::string> includes;  // as written, without quotes
};

std::string ReadAll(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

Source ReadSource(const fs::path& root, const fs::path& path) {
  Source source;
  source.path = fs::relative(path, root).string();
  source.lines = absl::StrSplit(ReadAll(path), '\n');
  for (const std::string& line : source.lines) {
    if (!absl::StartsWith(line, "#include ")) continue;
    const std::size_t open = line.find_first_of("<\"");
    const std::size_t close = line.find_last_of(">\"");
    if (open != std::string::npos && close > open) {
      source.includes.push_back(line.substr(open + 1, close - open - 1));
    }
  }
  return source;
}

const std::vector<Source>& Sources() {
  static const std::vector<Source>* const all = [] {
    auto* out = new std::vector<Source>;
    const fs::path root = YIZHAN_SOURCE_DIR;
    for (const char* top : kTopFolders) {
      for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
        const std::string ext = entry.path().extension().string();
        if (entry.is_regular_file() && (ext == ".cc" || ext == ".h")) {
          out->push_back(ReadSource(root, entry.path()));
        }
      }
    }
    std::sort(out->begin(), out->end(),
              [](const Source& a, const Source& b) { return a.path < b.path; });
    return out;
  }();
  return *all;
}

bool IsUnder(absl::string_view path, absl::string_view folder) {
  return absl::StartsWith(path, absl::StrCat(folder, "/"));
}

// Room of a path and the rooms that it may include beside itself.
const std::vector<std::pair<std::string, std::vector<std::string>>>& Directions() {
  static const auto* const all = new std::vector<std::pair<std::string, std::vector<std::string>>>{
      {"protos/contract", {}},
      {"adapters/platform", {"protos/contract"}},
      {"adapters/systems", {"protos/contract", "adapters/platform"}},
      {"broker/store", {"protos/contract", "adapters/platform"}},
      {"broker/directory", {"protos/contract", "adapters/platform", "broker/store"}},
      {"broker/evidence", {"protos/contract", "adapters/platform", "broker/store"}},
      {"broker/admission",
       {"protos/contract", "adapters/platform", "broker/store", "broker/directory",
        "broker/evidence"}},
      {"broker/delivery",
       {"protos/contract", "adapters/platform", "broker/store", "broker/directory",
        "broker/evidence"}},
      {"broker/service",
       {"protos/contract", "adapters/platform", "broker/store", "broker/directory",
        "broker/evidence", "broker/admission", "broker/delivery"}},
      {"broker/app", {"protos/contract", "adapters/platform", "broker"}},
      {"province_nodes", {"protos/contract", "adapters/platform", "adapters/systems"}},
      {"tools", {"protos/contract", "adapters/platform"}},
      {"tests", {"protos/contract", "adapters", "broker", "province_nodes", "tools"}},
  };
  return *all;
}

TEST(Structure, EveryInclude_GoesInAnAllowedDirection) {
  std::vector<std::string> wrong;
  for (const Source& source : Sources()) {
    const auto room = std::find_if(Directions().begin(), Directions().end(),
                                   [&](const auto& r) { return IsUnder(source.path, r.first); });
    if (room == Directions().end()) {
      wrong.push_back(absl::StrCat(source.path, " is in no room that this test knows"));
      continue;
    }
    for (const std::string& include : source.includes) {
      const bool ours = std::any_of(std::begin(kTopFolders), std::end(kTopFolders),
                                    [&](const char* top) { return IsUnder(include, top); });
      if (!ours || IsUnder(include, room->first)) continue;
      const bool allowed =
          std::any_of(room->second.begin(), room->second.end(),
                      [&](const std::string& target) { return IsUnder(include, target); });
      if (!allowed) wrong.push_back(absl::StrCat(source.path, " includes ", include));
    }
  }
  EXPECT_THAT(wrong, IsEmpty()) << absl::StrJoin(wrong, "\n");
}

TEST(Structure, ForeignLibrary_AppearsInItsAdapterAlone) {
  const std::map<std::string, std::string> homes = {
      {"rocksdb/", "adapters/platform/kv"},
      {"openssl/", "adapters/platform"},
      {"gcrypt.h", "adapters/platform/crypto"},
      {"prometheus/", "adapters/platform/metrics"},
      {"civetweb", "adapters/platform/metrics"},
      {"Civet", "adapters/platform/metrics"},
      {"libpq-fe.h", "adapters/platform/kv"},
      {"jpeglib.h", "adapters/platform/image"},
      {"nlohmann/", "adapters/platform/json"},
      {"p11-kit/", "adapters/platform/pkcs11"},
      {"botan/", "tests"},
  };
  std::vector<std::string> wrong;
  for (const Source& source : Sources()) {
    if (IsUnder(source.path, "tests/unit/adapters")) continue;  // an adapter's own tests
    // The disk that fails below the adapter: RocksDB's file system is its door.
    if (IsUnder(source.path, "tests/support/disk")) continue;
    for (const std::string& include : source.includes) {
      for (const auto& [header, home] : homes) {
        if (absl::StartsWith(include, header) && !IsUnder(source.path, home)) {
          wrong.push_back(absl::StrCat(source.path, " includes ", include));
        }
      }
    }
  }
  EXPECT_THAT(wrong, IsEmpty()) << absl::StrJoin(wrong, "\n");
}

TEST(Structure, Contract_HasNoInputOutputThreadsOrClock) {
  const std::set<std::string> forbidden = {
      "thread", "mutex",  "condition_variable", "chrono", "fstream", "iostream", "filesystem",
      "future", "random", "absl/time/clock.h"};
  std::vector<std::string> wrong;
  for (const Source& source : Sources()) {
    const bool core =
        IsUnder(source.path, "protos/contract") || IsUnder(source.path, "broker/store") ||
        IsUnder(source.path, "broker/admission") || IsUnder(source.path, "broker/delivery") ||
        IsUnder(source.path, "broker/evidence") || IsUnder(source.path, "broker/directory") ||
        IsUnder(source.path, "province_nodes/cases") ||
        IsUnder(source.path, "province_nodes/outbox") ||
        IsUnder(source.path, "province_nodes/inbox") ||
        IsUnder(source.path, "province_nodes/store");
    if (!core) continue;
    for (const std::string& include : source.includes) {
      if (forbidden.contains(include) || absl::StartsWith(include, "grpc")) {
        wrong.push_back(absl::StrCat(source.path, " includes ", include));
      }
    }
  }
  EXPECT_THAT(wrong, IsEmpty()) << absl::StrJoin(wrong, "\n");
}

// A source that no CMakeLists.txt names is not built; a test so forgotten
// never fails.
TEST(Structure, EverySource_IsNamedInTheBuild) {
  std::vector<std::string> wrong;
  for (const Source& source : Sources()) {
    const fs::path path = fs::path(YIZHAN_SOURCE_DIR) / source.path;
    bool named = false;
    for (fs::path folder = path.parent_path(); folder != fs::path(YIZHAN_SOURCE_DIR) && !named;
         folder = folder.parent_path()) {
      for (const auto& entry : fs::directory_iterator(folder)) {
        const bool list =
            entry.path().filename() == "CMakeLists.txt" || entry.path().extension() == ".cmake";
        named |= list &&
                 absl::StrContains(ReadAll(entry.path()), path.lexically_relative(folder).string());
      }
    }
    if (!named) wrong.push_back(source.path);
  }
  EXPECT_THAT(wrong, IsEmpty()) << "not named in a CMakeLists.txt of its folder or above:\n"
                                << absl::StrJoin(wrong, "\n");
}

TEST(Structure, Files_StaySmallEnoughForOnePurpose) {
  std::vector<std::string> wrong;
  for (const Source& source : Sources()) {
    const std::size_t limit = absl::EndsWith(source.path, ".h") ? 220 : 400;
    if (source.lines.size() > limit) {
      wrong.push_back(
          absl::StrCat(source.path, ": ", source.lines.size(), " lines, limit ", limit));
    }
  }
  EXPECT_THAT(wrong, IsEmpty()) << absl::StrJoin(wrong, "\n");
}

TEST(Structure, Headers_GuardAgainstDoubleInclusionByTheirPath) {
  std::vector<std::string> wrong;
  for (const Source& source : Sources()) {
    if (!absl::EndsWith(source.path, ".h")) continue;
    std::string guard = absl::StrCat("YIZHAN_", source.path, "_");
    std::transform(guard.begin(), guard.end(), guard.begin(), [](unsigned char c) {
      return std::isalnum(c) ? static_cast<char>(std::toupper(c)) : '_';
    });
    const std::string define = absl::StrCat("#define ", guard);
    if (std::find(source.lines.begin(), source.lines.end(), define) == source.lines.end()) {
      wrong.push_back(absl::StrCat(source.path, " lacks ", define));
    }
  }
  EXPECT_THAT(wrong, IsEmpty()) << absl::StrJoin(wrong, "\n");
}

TEST(Structure, Tests_DoNotSleep) {
  const std::string sleep = "sleep";  // spelled apart so that this file passes
  const std::vector<std::string> calls = {sleep + "_for(", sleep + "_until(",
                                          "Sleep"
                                          "For(",
                                          "u" + sleep + "("};
  std::vector<std::string> wrong;
  for (const Source& source : Sources()) {
    if (!IsUnder(source.path, "tests")) continue;
    for (std::size_t i = 0; i < source.lines.size(); ++i) {
      for (const std::string& call : calls) {
        if (absl::StrContains(source.lines[i], call)) {
          wrong.push_back(absl::StrCat(source.path, ":", i + 1));
        }
      }
    }
  }
  EXPECT_THAT(wrong, IsEmpty()) << absl::StrJoin(wrong, "\n");
}

TEST(Structure, TopLevel_HasTheCustomersFoldersAlone) {
  std::set<std::string> wanted(std::begin(kTopFolders), std::end(kTopFolders));
  std::vector<std::string> wrong;
  for (const auto& entry : fs::directory_iterator(YIZHAN_SOURCE_DIR)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && name[0] != '.' && name != "out" && !wanted.contains(name)) {
      wrong.push_back(name);
    }
  }
  EXPECT_THAT(wrong, IsEmpty()) << absl::StrJoin(wrong, " ");
}

}  // namespace
