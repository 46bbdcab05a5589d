// Letters and numbers that the reference knows and ICU 72 (Unicode 15) does not. Internal to unicode.cpp; a parity test
// compares every code point.
#pragma once

#include <algorithm>
#include <array>

namespace frugal::tokenizers::newer {

struct Range {
  char32_t first, last;
};

// L* of Unicode 15.1 and 16.
inline constexpr std::array kLetters = {
    Range{0x1C89, 0x1C8A},   Range{0xA7CB, 0xA7CD},   Range{0xA7DA, 0xA7DC},   Range{0x105C0, 0x105F3},
    Range{0x10D4A, 0x10D65}, Range{0x10D6F, 0x10D85}, Range{0x10EC2, 0x10EC4}, Range{0x11380, 0x11389},
    Range{0x1138B, 0x1138B}, Range{0x1138E, 0x1138E}, Range{0x11390, 0x113B5}, Range{0x113B7, 0x113B7},
    Range{0x113D1, 0x113D1}, Range{0x113D3, 0x113D3}, Range{0x11BC0, 0x11BE0}, Range{0x13460, 0x143FA},
    Range{0x16100, 0x1611D}, Range{0x16D40, 0x16D6C}, Range{0x18CFF, 0x18CFF}, Range{0x1E5D0, 0x1E5ED},
    Range{0x1E5F0, 0x1E5F0}, Range{0x2EBF0, 0x2EE5D}};

// N* of Unicode 16.
inline constexpr std::array kNumbers = {Range{0x10D40, 0x10D49}, Range{0x116D0, 0x116E3}, Range{0x11BF0, 0x11BF9},
                                        Range{0x16130, 0x16139}, Range{0x16D70, 0x16D79}, Range{0x1CCF0, 0x1CCF9},
                                        Range{0x1E5F1, 0x1E5FA}};

// N* of Unicode 17.
inline constexpr std::array kNumbers17 = {Range{0x11DE0, 0x11DE9}, Range{0x16FF4, 0x16FF6}};

template <typename Ranges>
bool holds(const Ranges& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [&](Range range) { return c >= range.first && c <= range.last; });
}

}  // namespace frugal::tokenizers::newer
