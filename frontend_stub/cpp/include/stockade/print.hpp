/// Values as people read them: the diagnostic notation of RFC 8949, section 8.
#pragma once

#include <cmath>
#include <cstdio>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "stockade/value.hpp"

namespace stockade {

namespace detail {

inline void print_text(std::ostream& out, std::string_view text) {
    out << '"';
    for (const char character : text) {
        if (character == '"' || character == '\\') {
            out << '\\' << character;
        } else if (static_cast<unsigned char>(character) < 0x20) {
            char escaped[8];
            (void)std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(character));
            out << escaped;
        } else {
            out << character;
        }
    }
    out << '"';
}

inline void print_float(std::ostream& out, double number) {
    if (std::isnan(number)) {
        out << "NaN";
    } else if (std::isinf(number)) {
        out << (number < 0 ? "-Infinity" : "Infinity");
    } else {
        char digits[40];
        (void)std::snprintf(digits, sizeof digits, "%.17g", number);
        const std::string_view written(digits);
        out << written << (written.find_first_of(".e") == std::string_view::npos ? ".0" : "");
    }
}

inline void print_bytes(std::ostream& out, const Bytes& bytes) {
    constexpr char digits[] = "0123456789abcdef";
    out << "h'";
    for (const std::byte byte : bytes) {
        out << digits[std::to_integer<unsigned>(byte) >> 4U] << digits[std::to_integer<unsigned>(byte) & 15U];
    }
    out << '\'';
}

}  // namespace detail

/// `{"name": "x", "sizes": [1, 2.0], "head": h'00ff'}`
inline std::ostream& operator<<(std::ostream& out, const Value& value);

inline std::ostream& operator<<(std::ostream& out, const Map& map) {
    std::string_view comma;
    out << '{';
    for (const auto& [key, value] : map) {
        out << comma;
        detail::print_text(out, key);
        out << ": " << value;
        comma = ", ";
    }
    return out << '}';
}

inline std::ostream& operator<<(std::ostream& out, const Value& value) {
    std::visit(
        [&](const auto& held) {
            using T = std::decay_t<decltype(held)>;
            if constexpr (std::is_same_v<T, std::nullptr_t>) {
                out << "null";
            } else if constexpr (std::is_same_v<T, bool>) {
                out << (held ? "true" : "false");
            } else if constexpr (std::is_same_v<T, double>) {
                detail::print_float(out, held);
            } else if constexpr (std::is_same_v<T, std::string>) {
                detail::print_text(out, held);
            } else if constexpr (std::is_same_v<T, Bytes>) {
                detail::print_bytes(out, held);
            } else if constexpr (std::is_same_v<T, Array>) {
                std::string_view comma;
                out << '[';
                for (const Value& element : held) {
                    out << comma << element;
                    comma = ", ";
                }
                out << ']';
            } else {
                out << held;
            }
        },
        value.variant());
    return out;
}

}  // namespace stockade
