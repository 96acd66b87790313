// A PKCS#11 module for tests, with SM2 as a maker would add it: vendor
// mechanisms beside the standard. One token, keys from the PEM files of the
// folder YIZHAN_TEST_TOKEN, PIN "123456". What SoftHSM cannot do: SM2, a token
// that is pulled and put back, counting of logins.
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <p11-kit/pkcs11.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace {

constexpr CK_MECHANISM_TYPE kSign = CKM_VENDOR_DEFINED | 0x2001;
constexpr CK_MECHANISM_TYPE kDecrypt = CKM_VENDOR_DEFINED | 0x2002;
constexpr char kPin[] = "123456";
// The curve's object identifier, as CKA_EC_PARAMS has it.
constexpr char kCurve[] = "\x06\x08\x2a\x81\x1c\xcf\x55\x01\x82\x2d";

struct Session {
  std::vector<CK_OBJECT_HANDLE> found;
  EVP_PKEY* key = nullptr;
};

struct State {
  std::mutex mutex;
  std::vector<std::pair<std::string, EVP_PKEY*>> keys;  // handle: 1 + 2 x index, + 1 if private
  std::map<CK_SESSION_HANDLE, Session> sessions;
  CK_SESSION_HANDLE next = 1;
  bool logged_in = false;
  bool removed = false;
  int logins = 0;
  std::size_t most_sessions = 0;
};
State& At() {
  static auto* const state = new State;
  return *state;
}

CK_RV Initialize(void*) {
  State& state = At();
  const std::lock_guard lock(state.mutex);
  for (const auto& [label, key] : state.keys) EVP_PKEY_free(key);
  state.keys.clear();
  const char* const folder = std::getenv("YIZHAN_TEST_TOKEN");
  if (folder == nullptr) return CKR_GENERAL_ERROR;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    BIO* bio = BIO_new_file(file.path().c_str(), "r");
    EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    if (key != nullptr) state.keys.emplace_back(file.path().stem().string(), key);
  }
  return CKR_OK;
}
CK_RV Finalize(void*) { return CKR_OK; }

CK_RV GetSlotList(CK_BBOOL, CK_SLOT_ID* slots, CK_ULONG* count) {
  const std::lock_guard lock(At().mutex);
  const CK_ULONG present = At().removed ? 0 : 1;
  if (slots != nullptr && *count >= present && present == 1) slots[0] = 7;
  *count = present;
  return CKR_OK;
}
CK_RV GetTokenInfo(CK_SLOT_ID, CK_TOKEN_INFO* info) {
  std::memset(info, 0, sizeof(*info));
  std::memset(info->label, ' ', sizeof(info->label));
  std::memcpy(info->label, "sm2 token", 9);
  return CKR_OK;
}

// What every call of a session begins with.
CK_RV Check(CK_SESSION_HANDLE handle, Session** session) {
  State& state = At();
  if (state.removed) return CKR_DEVICE_REMOVED;
  const auto found = state.sessions.find(handle);
  if (found == state.sessions.end()) return CKR_SESSION_HANDLE_INVALID;
  *session = &found->second;
  return CKR_OK;
}

CK_RV OpenSession(CK_SLOT_ID, CK_FLAGS, void*, CK_NOTIFY, CK_SESSION_HANDLE* handle) {
  State& state = At();
  const std::lock_guard lock(state.mutex);
  if (state.removed) return CKR_TOKEN_NOT_PRESENT;
  *handle = state.next++;
  state.sessions[*handle] = {};
  state.most_sessions = std::max(state.most_sessions, state.sessions.size());
  return CKR_OK;
}
CK_RV CloseSession(CK_SESSION_HANDLE handle) {
  State& state = At();
  const std::lock_guard lock(state.mutex);
  if (state.sessions.erase(handle) == 0) return CKR_SESSION_HANDLE_INVALID;
  if (state.sessions.empty()) state.logged_in = false;
  return CKR_OK;
}
CK_RV Login(CK_SESSION_HANDLE, CK_USER_TYPE, unsigned char* pin, CK_ULONG size) {
  State& state = At();
  const std::lock_guard lock(state.mutex);
  if (state.logged_in) return CKR_USER_ALREADY_LOGGED_IN;
  ++state.logins;
  if (std::string(reinterpret_cast<char*>(pin), size) != kPin) return CKR_PIN_INCORRECT;
  state.logged_in = true;
  return CKR_OK;
}

CK_RV FindObjectsInit(CK_SESSION_HANDLE handle, CK_ATTRIBUTE* wanted, CK_ULONG count) {
  const std::lock_guard lock(At().mutex);
  Session* session = nullptr;
  if (const CK_RV checked = Check(handle, &session); checked != CKR_OK) return checked;
  std::string label;
  bool is_private = false;
  for (CK_ULONG i = 0; i < count; ++i) {
    if (wanted[i].type == CKA_LABEL)
      label.assign(static_cast<char*>(wanted[i].pValue), wanted[i].ulValueLen);
    if (wanted[i].type == CKA_CLASS)
      is_private = *static_cast<CK_OBJECT_CLASS*>(wanted[i].pValue) == CKO_PRIVATE_KEY;
  }
  session->found.clear();
  for (std::size_t i = 0; i < At().keys.size(); ++i) {
    if (At().keys[i].first == label) session->found.push_back(1 + 2 * i + (is_private ? 1 : 0));
  }
  return is_private && !At().logged_in ? CKR_USER_NOT_LOGGED_IN : CKR_OK;
}
CK_RV FindObjects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE* objects, CK_ULONG max,
                  CK_ULONG* count) {
  const std::lock_guard lock(At().mutex);
  Session* session = nullptr;
  if (const CK_RV checked = Check(handle, &session); checked != CKR_OK) return checked;
  for (*count = 0; *count < max && *count < session->found.size(); ++*count) {
    objects[*count] = session->found[*count];
  }
  return CKR_OK;
}
CK_RV FindObjectsFinal(CK_SESSION_HANDLE) { return CKR_OK; }

CK_RV GetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* attribute,
                        CK_ULONG) {
  const std::lock_guard lock(At().mutex);
  Session* session = nullptr;
  if (const CK_RV checked = Check(handle, &session); checked != CKR_OK) return checked;
  std::string value(kCurve, sizeof(kCurve) - 1);
  if (attribute->type == CKA_EC_POINT) {
    unsigned char point[65] = {};
    std::size_t size = 0;
    EVP_PKEY_get_octet_string_param(At().keys.at((object - 1) / 2).second, "pub", point,
                                    sizeof(point), &size);
    value = std::string("\x04\x41", 2) + std::string(reinterpret_cast<char*>(point), size);
  }
  if (attribute->pValue != nullptr) std::memcpy(attribute->pValue, value.data(), value.size());
  attribute->ulValueLen = value.size();
  return CKR_OK;
}

CK_RV Begin(CK_SESSION_HANDLE handle, CK_MECHANISM_TYPE asked, CK_MECHANISM_TYPE known,
            CK_OBJECT_HANDLE object) {
  const std::lock_guard lock(At().mutex);
  Session* session = nullptr;
  if (const CK_RV checked = Check(handle, &session); checked != CKR_OK) return checked;
  if (asked != known) return CKR_MECHANISM_INVALID;
  if (!At().logged_in) return CKR_USER_NOT_LOGGED_IN;
  if (object % 2 != 0 || object / 2 > At().keys.size()) return CKR_KEY_HANDLE_INVALID;
  session->key = At().keys[object / 2 - 1].second;
  return CKR_OK;
}
CK_RV SignInit(CK_SESSION_HANDLE handle, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
  return Begin(handle, mechanism->mechanism, kSign, key);
}
CK_RV DecryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
  return Begin(handle, mechanism->mechanism, kDecrypt, key);
}

// The key of the operation that Begin began, which ends here.
EVP_PKEY* TakeKey(CK_SESSION_HANDLE handle, CK_RV* answer) {
  const std::lock_guard lock(At().mutex);
  Session* session = nullptr;
  *answer = Check(handle, &session);
  if (*answer != CKR_OK) return nullptr;
  EVP_PKEY* const key = session->key;
  session->key = nullptr;
  if (key == nullptr) *answer = CKR_OPERATION_NOT_INITIALIZED;
  return key;
}

CK_RV Sign(CK_SESSION_HANDLE handle, unsigned char* data, CK_ULONG size, unsigned char* out,
           CK_ULONG* out_size) {
  CK_RV answer = CKR_OK;
  EVP_PKEY* const key = TakeKey(handle, &answer);
  if (key == nullptr) return answer;
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key, nullptr);
  unsigned char der[128];
  std::size_t der_size = sizeof(der);
  const bool made =
      EVP_PKEY_sign_init(context) == 1 && EVP_PKEY_sign(context, der, &der_size, data, size) == 1;
  EVP_PKEY_CTX_free(context);
  if (!made || *out_size < 64) return CKR_FUNCTION_FAILED;
  const unsigned char* at = der;
  ECDSA_SIG* parsed = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der_size));
  BN_bn2binpad(ECDSA_SIG_get0_r(parsed), out, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(parsed), out + 32, 32);
  ECDSA_SIG_free(parsed);
  *out_size = 64;
  return CKR_OK;
}

CK_RV Decrypt(CK_SESSION_HANDLE handle, unsigned char* data, CK_ULONG size, unsigned char* out,
              CK_ULONG* out_size) {
  CK_RV answer = CKR_OK;
  EVP_PKEY* const key = TakeKey(handle, &answer);
  if (key == nullptr) return answer;
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key, nullptr);
  std::size_t made_size = *out_size;
  const bool made = EVP_PKEY_decrypt_init(context) == 1 &&
                    EVP_PKEY_decrypt(context, out, &made_size, data, size) == 1;
  EVP_PKEY_CTX_free(context);
  *out_size = made_size;
  return made ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID;
}

}  // namespace

extern "C" {

CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
  static CK_FUNCTION_LIST functions = [] {
    CK_FUNCTION_LIST made = {};
    made.C_Initialize = Initialize;
    made.C_Finalize = Finalize;
    made.C_GetSlotList = GetSlotList;
    made.C_GetTokenInfo = GetTokenInfo;
    made.C_OpenSession = OpenSession;
    made.C_CloseSession = CloseSession;
    made.C_Login = Login;
    made.C_FindObjectsInit = FindObjectsInit;
    made.C_FindObjects = FindObjects;
    made.C_FindObjectsFinal = FindObjectsFinal;
    made.C_GetAttributeValue = GetAttributeValue;
    made.C_SignInit = SignInit;
    made.C_Sign = Sign;
    made.C_DecryptInit = DecryptInit;
    made.C_Decrypt = Decrypt;
    return made;
  }();
  *list = &functions;
  return CKR_OK;
}

// For tests: pulls the token or puts it back. Its sessions are lost by that.
void SetTokenRemoved(bool removed) {
  const std::lock_guard lock(At().mutex);
  At().removed = removed;
  At().sessions.clear();
  At().logged_in = false;
}
int LoginsTried() {
  const std::lock_guard lock(At().mutex);
  return At().logins;
}
int MostSessions() {
  const std::lock_guard lock(At().mutex);
  return static_cast<int>(At().most_sessions);
}

}  // extern "C"
