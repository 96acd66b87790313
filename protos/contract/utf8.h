// Reading of text that people wrote.
#ifndef YIZHAN_PROTOS_CONTRACT_UTF8_H_
#define YIZHAN_PROTOS_CONTRACT_UTF8_H_

#include <cstddef>
#include <optional>

#include "absl/strings/string_view.h"

namespace yizhan::contract {

// Takes one well-formed UTF-8 character off the front (no overlong forms, no
// surrogates, at most U+10FFFF); nothing where there is none.
std::optional<char32_t> TakeCharacter(absl::string_view* text);

// Well-formed UTF-8 of at most that many characters (code points), without
// control characters. Rare characters beyond the BMP and "·" are plain.
bool IsPlainText(absl::string_view text, std::size_t max_characters);

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_UTF8_H_
