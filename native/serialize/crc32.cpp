// A CRC is the remainder of the bytes, read as a polynomial over GF(2), by a fixed one. Bits are in reflected order
// here: the lowest of a word is the coefficient of its highest power. This file knows neither Node nor LibTorch, so
// that a test can compile it alone.
#include "serialize/crc32.h"

#include <array>
#include <bit>
#include <cstring>
#include <utility>

#if defined(__GNUC__) && defined(__x86_64__)
#include <wmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

namespace libtorch_node {

namespace {

static_assert(std::endian::native == std::endian::little, "words are read as they lie in memory");

constexpr uint32_t kPolynomial = 0xEDB88320;

constexpr uint32_t times_x(uint32_t value) { return value >> 1 ^ (value & 1 ? kPolynomial : 0); }

using Tables = std::array<std::array<uint32_t, 256>, 16>;

/** What a byte adds to the remainder when 0, 1, … 15 bytes come after it. */
constexpr Tables make_tables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (auto& table : tables) {
      for (int bit = 0; bit < 8; ++bit) value = times_x(value);
      table[byte] = value;
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

uint64_t word_at(const uint8_t* data) {
  uint64_t word;
  std::memcpy(&word, data, sizeof word);
  return word;
}

/** What a word adds to the remainder when `after` bytes come after it. */
template <size_t after>
uint32_t of_word(uint64_t word) {
  return [word]<size_t... i>(std::index_sequence<i...>) {
    return (kTables[after + 7 - i][word >> 8 * i & 0xFF] ^ ...);
  }(std::make_index_sequence<8>());
}

// The functions below take and return the remainder without the complements that a CRC-32 has at both ends.

uint32_t by_tables(uint32_t remainder, const uint8_t* data, size_t n) {
  for (; n >= 16; n -= 16, data += 16) {
    remainder = of_word<8>(word_at(data) ^ remainder) ^ of_word<0>(word_at(data + 8));
  }
  for (; n > 0; --n, ++data) remainder = remainder >> 8 ^ kTables[0][(remainder ^ *data) & 0xFF];
  return remainder;
}

#if defined(__GNUC__) && defined(__x86_64__)

// Folding, after V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel,
// 2009: 16 bytes may be taken away where they are and added some bits later, times x to the power of these bits, of
// which the remainder is enough.

/** The remainder of x^(n-1), in the upper half of a word; not of x^n, as a product of reflected words is x times too
 * much.
 */
constexpr uint64_t power(int n) {
  uint32_t value = 0x80000000;
  for (int i = 1; i < n; ++i) value = times_x(value);
  return uint64_t{value} << 32;
}

/** The factors for the first and the second half of 16 bytes that go `bits` bits on. */
template <int bits>
[[gnu::target("pclmul")]] inline __m128i factors() {
  constexpr uint64_t first = power(bits + 64);
  constexpr uint64_t second = power(bits);
  return _mm_set_epi64x(second, first);
}

[[gnu::target("pclmul")]] inline __m128i fold(__m128i bytes, __m128i factors, __m128i onto) {
  const auto first = _mm_clmulepi64_si128(bytes, factors, 0x00);
  const auto second = _mm_clmulepi64_si128(bytes, factors, 0x11);
  return _mm_xor_si128(_mm_xor_si128(first, second), onto);
}

[[gnu::target("pclmul")]] inline __m128i load(const uint8_t* data) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(data));
}

/** Four products are under way at a time, as each takes longer than the processor needs to begin the next. */
[[gnu::target("pclmul")]] uint32_t by_folding(uint32_t remainder, const uint8_t* data, size_t n) {
  if (n < 64) return by_tables(remainder, data, n);
  auto a = _mm_xor_si128(load(data), _mm_cvtsi32_si128(static_cast<int>(remainder)));
  auto b = load(data + 16);
  auto c = load(data + 32);
  auto d = load(data + 48);
  const auto far = factors<512>();
  for (n -= 64, data += 64; n >= 64; n -= 64, data += 64) {
    a = fold(a, far, load(data));
    b = fold(b, far, load(data + 16));
    c = fold(c, far, load(data + 32));
    d = fold(d, far, load(data + 48));
  }
  const auto near = factors<128>();
  a = fold(fold(fold(a, near, b), near, c), near, d);
  for (; n >= 16; n -= 16, data += 16) a = fold(a, near, load(data));
  std::array<uint8_t, 16> folded;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(folded.data()), a);
  return by_tables(by_tables(0, folded.data(), folded.size()), data, n);
}

uint32_t by_processor(uint32_t remainder, const uint8_t* data, size_t n) {
  static const bool folds = __builtin_cpu_supports("pclmul");
  return folds ? by_folding(remainder, data, n) : by_tables(remainder, data, n);
}

#elif defined(__ARM_FEATURE_CRC32)

uint32_t by_processor(uint32_t remainder, const uint8_t* data, size_t n) {
  for (; n >= 8; n -= 8, data += 8) remainder = __crc32d(remainder, word_at(data));
  for (; n > 0; --n, ++data) remainder = __crc32b(remainder, *data);
  return remainder;
}

#else

uint32_t by_processor(uint32_t remainder, const uint8_t* data, size_t n) { return by_tables(remainder, data, n); }

#endif

}  // namespace

uint32_t crc32(uint32_t before, const void* data, size_t n) {
  return ~by_processor(~before, static_cast<const uint8_t*>(data), n);
}

uint32_t crc32_by_tables(uint32_t before, const void* data, size_t n) {
  return ~by_tables(~before, static_cast<const uint8_t*>(data), n);
}

}  // namespace libtorch_node
