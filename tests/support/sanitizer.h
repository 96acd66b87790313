// Whether a sanitizer watches this build: several times slower, so that tests of
// many repetitions do fewer.
#ifndef YIZHAN_TESTS_SUPPORT_SANITIZER_H_
#define YIZHAN_TESTS_SUPPORT_SANITIZER_H_

namespace yizhan::testing {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace yizhan::testing

#endif  // YIZHAN_TESTS_SUPPORT_SANITIZER_H_
