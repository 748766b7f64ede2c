/// Values as stockade.h has them, and as bytes. Knows no message.
#pragma once

#include <stockade.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "stockade/convert.hpp"
#include "stockade/error.hpp"
#include "stockade/owner.hpp"
#include "stockade/value.hpp"

namespace stockade {

namespace detail {

// -- reading ----------------------------------------------------------------------------------------------------------
// -----------------------------------------------------------------------------------------------------------

[[nodiscard]] inline std::string text_of(stockade_value value) {
    return {value.as.text.data, value.as.text.size};
}

[[nodiscard]] inline Bytes bytes_of(stockade_value value) {
    const auto* data = reinterpret_cast<const std::byte*>(value.as.bytes.data);
    return {data, data + value.as.bytes.size};
}

[[nodiscard]] inline Value value_of(stockade_value value);

[[nodiscard]] inline Array array_of(stockade_value value) {
    Array array;
    array.reserve(stockade_count(value));
    stockade_iterator each = stockade_iterate(value);
    stockade_value element{};
    while (stockade_next(&each, nullptr, &element)) {
        array.push_back(value_of(element));
    }
    return array;
}

[[nodiscard]] inline Map map_of(stockade_value value) {
    std::vector<Map::value_type> members;
    members.reserve(stockade_count(value));
    stockade_iterator each = stockade_iterate(value);
    stockade_value key{};
    stockade_value member{};
    while (stockade_next(&each, &key, &member)) {
        members.emplace_back(text_of(key), value_of(member));
    }
    return Map(std::move(members));
}

/// A copy, which outlives what it was read from. What is missing is null.
inline Value value_of(stockade_value value) {
    switch (value.kind) {
        case STOCKADE_BOOL:
            return value.as.boolean;
        case STOCKADE_INT:
            return value.as.integer;
        case STOCKADE_FLOAT:
            return value.as.real;
        case STOCKADE_TEXT:
            return text_of(value);
        case STOCKADE_BYTES:
            return bytes_of(value);
        case STOCKADE_ARRAY:
            return array_of(value);
        case STOCKADE_MAP:
            return map_of(value);
        default:
            return {};
    }
}

// -- writing ----------------------------------------------------------------------------------------------------------
// -----------------------------------------------------------------------------------------------------------

[[nodiscard]] inline stockade_value lend_bytes(BytesView bytes) noexcept {
    return stockade_bytes(bytes.data(), bytes.size());
}

/// What holds no other values, as it is: it must live as long as it is lent.
[[nodiscard]] inline stockade_value lend_plain(const Value& value) {
    return std::visit(
        [](const auto& held) {
            using T = std::decay_t<decltype(held)>;
            if constexpr (std::is_same_v<T, bool>) {
                return stockade_bool(held);
            } else if constexpr (std::is_same_v<T, std::int64_t>) {
                return stockade_int(held);
            } else if constexpr (std::is_same_v<T, double>) {
                return stockade_float(held);
            } else if constexpr (std::is_same_v<T, std::string>) {
                return stockade_text_n(held.data(), held.size());
            } else if constexpr (std::is_same_v<T, Bytes>) {
                return lend_bytes(held);
            } else {
                return stockade_null();
            }
        },
        value.variant());
}

inline void write(stockade_writer* writer, const Value& value) {
    if (const auto* array = std::get_if<Array>(&value.variant())) {
        stockade_open_array(writer);
        for (const Value& element : *array) {
            write(writer, element);
        }
        stockade_shut(writer);
    } else if (const auto* map = std::get_if<Map>(&value.variant())) {
        stockade_open_map(writer);
        for (const auto& [key, member] : *map) {
            stockade_put_key_n(writer, key.data(), key.size());
            write(writer, member);
        }
        stockade_shut(writer);
    } else {
        stockade_put(writer, lend_plain(value));
    }
}

using Writer = Owner<stockade_writer, &stockade_writer_free>;

[[noreturn]] inline void raise_unwritten(stockade_status status, const CError& error) {
    if (status == STOCKADE_NO_MEMORY) {
        throw std::bad_alloc();
    }
    throw EncodeError(error.message(status));
}

/// A value as stockade.h takes one; it must live as long as what it was made of.
class Lent {
  public:
    explicit Lent(const Value& value) {
        if (value.kind() != Value::Kind::array && value.kind() != Value::Kind::map) {
            lent_ = lend_plain(value);
            return;
        }
        CError error;
        writer_.reset(stockade_writer_new());
        write(writer_.get(), value);
        if (const auto status = stockade_writer_value(writer_.get(), &lent_, error.out()); status != STOCKADE_OK) {
            raise_unwritten(status, error);
        }
    }

    [[nodiscard]] stockade_value get() const noexcept { return lent_; }

  private:
    Writer writer_;
    stockade_value lent_{};
};

}  // namespace detail

/// A value in the protocol's encoding (section 4). Throws EncodeError for text that is no UTF-8, or what is more than
/// 32 containers deep.
[[nodiscard]] inline Bytes encode(const Value& value) {
    const detail::Writer writer(stockade_writer_new());
    detail::CError error;
    detail::write(writer.get(), value);
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    if (const auto status = stockade_writer_encoded(writer.get(), &data, &size, error.out()); status != STOCKADE_OK) {
        detail::raise_unwritten(status, error);
    }
    const auto* bytes = reinterpret_cast<const std::byte*>(data);
    return {bytes, bytes + size};
}

/// The one value that these bytes are. Throws ConversionError if they are anything else.
[[nodiscard]] inline Value decode(BytesView bytes) {
    detail::CError error;
    stockade_value value{};
    if (const auto status = stockade_decode(bytes.data(), bytes.size(), &value, error.out()); status != STOCKADE_OK) {
        if (status == STOCKADE_NO_MEMORY) {
            throw std::bad_alloc();
        }
        throw ConversionError(error.message(status));
    }
    return detail::value_of(value);
}

}  // namespace stockade
