#include "adapters/platform/pkcs11/module.h"

#include <dlfcn.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "adapters/platform/mutex/mutex.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

constexpr CK_ULONG kMaxSlots = 1024;

absl::Status ModuleError(const std::string& path, absl::string_view why) {
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                             absl::StrCat("the PKCS#11 module ", path, " ", why),
                             "Name the shared library of the hardware module, and check that its "
                             "driver is installed and set up for this user.");
}

// Labels are padded by blanks to 32 bytes.
absl::string_view Unpadded(const unsigned char* label, std::size_t size) {
  absl::string_view text(reinterpret_cast<const char*>(label), size);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.remove_suffix(1);
  return text;
}

struct Loaded {
  Mutex mutex;
  std::map<std::string, std::weak_ptr<const Pkcs11Module>> modules ABSL_GUARDED_BY(mutex);
};
Loaded& AllLoaded() {
  static auto* const all = new Loaded();  // for ever: threads may end after main
  return *all;
}

}  // namespace

std::string ReturnText(CK_RV value) {
  static const auto* const names = new std::map<CK_RV, const char*>{
      {CKR_HOST_MEMORY, "CKR_HOST_MEMORY"},
      {CKR_GENERAL_ERROR, "CKR_GENERAL_ERROR"},
      {CKR_FUNCTION_FAILED, "CKR_FUNCTION_FAILED"},
      {CKR_DEVICE_ERROR, "CKR_DEVICE_ERROR"},
      {CKR_DEVICE_REMOVED, "CKR_DEVICE_REMOVED"},
      {CKR_ENCRYPTED_DATA_INVALID, "CKR_ENCRYPTED_DATA_INVALID"},
      {CKR_ENCRYPTED_DATA_LEN_RANGE, "CKR_ENCRYPTED_DATA_LEN_RANGE"},
      {CKR_KEY_FUNCTION_NOT_PERMITTED, "CKR_KEY_FUNCTION_NOT_PERMITTED"},
      {CKR_KEY_TYPE_INCONSISTENT, "CKR_KEY_TYPE_INCONSISTENT"},
      {CKR_MECHANISM_INVALID, "CKR_MECHANISM_INVALID"},
      {CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT"},
      {CKR_PIN_LEN_RANGE, "CKR_PIN_LEN_RANGE"},
      {CKR_PIN_LOCKED, "CKR_PIN_LOCKED"},
      {CKR_SESSION_CLOSED, "CKR_SESSION_CLOSED"},
      {CKR_SESSION_HANDLE_INVALID, "CKR_SESSION_HANDLE_INVALID"},
      {CKR_TOKEN_NOT_PRESENT, "CKR_TOKEN_NOT_PRESENT"},
      {CKR_USER_NOT_LOGGED_IN, "CKR_USER_NOT_LOGGED_IN"},
      {CKR_CRYPTOKI_NOT_INITIALIZED, "CKR_CRYPTOKI_NOT_INITIALIZED"},
  };
  const auto found = names->find(value);
  return absl::StrFormat("%s (0x%x)", found == names->end() ? "error" : found->second, value);
}

absl::StatusOr<std::shared_ptr<const Pkcs11Module>> Pkcs11Module::Load(const std::string& path) {
  Loaded& all = AllLoaded();
  MutexLock lock(&all.mutex);
  if (std::shared_ptr<const Pkcs11Module> there = all.modules[path].lock()) return there;
  // Never unloaded: such libraries leave threads and exit handlers behind.
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return ModuleError(path, absl::StrCat("cannot be loaded: ", dlerror()));
  const auto list = reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
  CK_FUNCTION_LIST* functions = nullptr;
  if (list == nullptr || list(&functions) != CKR_OK || functions == nullptr) {
    return ModuleError(path, "is not a PKCS#11 library");
  }
  CK_C_INITIALIZE_ARGS arguments = {};
  arguments.flags = CKF_OS_LOCKING_OK;
  const CK_RV begun = functions->C_Initialize(&arguments);
  if (begun != CKR_OK && begun != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
    return ModuleError(path, absl::StrCat("does not start: ", ReturnText(begun)));
  }
  std::shared_ptr<const Pkcs11Module> module(new Pkcs11Module(path, functions, begun == CKR_OK));
  all.modules[path] = module;
  return module;
}

Pkcs11Module::~Pkcs11Module() {
  if (finalize_) functions_->C_Finalize(nullptr);
}

absl::StatusOr<CK_SLOT_ID> Pkcs11Module::FindToken(absl::string_view label) const {
  CK_ULONG count = 0;
  std::vector<CK_SLOT_ID> slots;
  CK_RV listed = functions_->C_GetSlotList(CK_TRUE, nullptr, &count);
  if (listed == CKR_OK && count <= kMaxSlots) {
    slots.resize(count);
    listed = functions_->C_GetSlotList(CK_TRUE, slots.data(), &count);
  }
  if (listed != CKR_OK) {
    return absl::UnavailableError(
        absl::StrCat("the PKCS#11 module ", path_, " lists no slots: ", ReturnText(listed)));
  }
  slots.resize(std::min<std::size_t>(slots.size(), count));
  std::vector<CK_SLOT_ID> matching;
  std::vector<std::string> labels;
  for (const CK_SLOT_ID slot : slots) {
    CK_TOKEN_INFO info = {};
    if (functions_->C_GetTokenInfo(slot, &info) != CKR_OK) continue;
    const absl::string_view name = Unpadded(info.label, sizeof(info.label));
    labels.push_back(absl::StrCat("'", name, "'"));
    if (name == label) matching.push_back(slot);
  }
  if (matching.size() == 1) return matching.front();
  return absl::NotFoundError(absl::StrCat(
      "the PKCS#11 module ", path_, " has ", matching.empty() ? "no token" : "several tokens",
      " with the label '", label, "', but ",
      labels.empty() ? std::string("none at all") : absl::StrJoin(labels, ", ")));
}

}  // namespace yizhan::platform
