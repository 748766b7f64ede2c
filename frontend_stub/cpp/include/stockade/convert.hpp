/// What becomes of the types of a program: `Convert<T>` for those of the language and its library, and two hooks for
/// types of your own, found where the type is (ADL). The short one names the members, which makes it a map:
///
///     struct Note { std::string name; int stars; std::optional<std::string> text; };
///     constexpr auto stockade_fields(const Note*) {
///         return stockade::fields("name", &Note::name, "stars", &Note::stars, "text", &Note::text);
///     }
///
/// An optional member may be missing; an empty one is not sent. The other hook says everything itself, here for an
/// enum:
///
///     stockade::Value to_value(Colour colour);
///     void from_value(const stockade::Value& value, Colour& colour);  // throws ConversionError
///
/// For types of somebody else's namespace, specialise `Convert`, with `encode` and `decode` as below.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "stockade/error.hpp"
#include "stockade/value.hpp"

namespace stockade {

namespace detail {

template <class T>
inline constexpr bool is_character =
    std::is_same_v<T, char> || std::is_same_v<T, wchar_t> || std::is_same_v<T, char16_t> || std::is_same_v<T, char32_t>;
/// Characters are no integers here: they are not in Python, nor in JavaScript, and nobody means their number.
template <class T>
inline constexpr bool is_integer = std::is_integral_v<T> && !std::is_same_v<T, bool> && !is_character<T>;

template <class T, class = void>
inline constexpr bool has_fields = false;
template <class T>
inline constexpr bool has_fields<T, std::void_t<decltype(stockade_fields(static_cast<const T*>(nullptr)))>> = true;

template <class T, class = void>
inline constexpr bool has_to_value = false;
template <class T>
inline constexpr bool has_to_value<T, std::void_t<decltype(to_value(std::declval<const T&>()))>> =
    std::is_same_v<decltype(to_value(std::declval<const T&>())), Value>;

template <class T, class = void>
inline constexpr bool has_from_value = false;
template <class T>
inline constexpr bool
    has_from_value<T, std::void_t<decltype(from_value(std::declval<const Value&>(), std::declval<T&>()))>> = true;

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

[[nodiscard]] inline std::string key_of(std::string_view name) {
    return std::string(name);
}
[[nodiscard]] inline std::string key_of(std::size_t position) {
    return "[" + std::to_string(position) + "]";
}

/// What `decode` does, and where in the value it went wrong: at a name of a map, or a position of an array.
template <class T, class Key>
[[nodiscard]] T decode_at(const Value& value, Key key) {
    try {
        return value.template as<T>();
    } catch (const ConversionError& error) {
        throw error.inside(key_of(key));
    }
}

template <class Owner, class Member>
struct Field {
    std::string_view name;
    Member Owner::*member;
};

template <class... Found>
[[nodiscard]] constexpr auto fields_of(std::tuple<Found...> found) {
    return found;
}
template <class... Found, class Owner, class Member, class... More>
[[nodiscard]] constexpr auto fields_of(std::tuple<Found...> found, std::string_view name, Member Owner::*member,
                                       More... more) {
    return fields_of(std::tuple_cat(found, std::make_tuple(Field<Owner, Member>{name, member})), more...);
}

}  // namespace detail

/// Names and members, one after the other: what `stockade_fields` returns.
template <class... Pairs>
[[nodiscard]] constexpr auto fields(Pairs... pairs) {
    static_assert(sizeof...(Pairs) % 2 == 0, "write a name and a member for each field");
    return detail::fields_of(std::tuple<>(), pairs...);
}

// -- of one's own -----------------------------------------------------------------------------------------------------
// ------------------------------------------------------------------------------------------------------

template <class T>
struct Convert<T, std::enable_if_t<detail::has_fields<T>>> {
    [[nodiscard]] static Value encode(const T& from) {
        std::vector<Map::value_type> members;
        std::apply([&](const auto&... field) { (put(members, from, field), ...); }, stockade_fields(&from));
        return Map(std::move(members));
    }

    [[nodiscard]] static T decode(const Value& value) {
        const Map& map = value.get<Map>();
        T into{};
        std::apply([&](const auto&... field) { (take(map, into, field), ...); }, stockade_fields(&into));
        return into;
    }

  private:
    template <class Member>
    static void put(std::vector<Map::value_type>& members, const T& from, const detail::Field<T, Member>& field) {
        if constexpr (detail::is_optional<Member>) {
            if (!(from.*field.member)) {
                return;
            }
        }
        members.emplace_back(std::string(field.name), from.*field.member);
    }

    template <class Member>
    static void take(const Map& map, T& into, const detail::Field<T, Member>& field) {
        if constexpr (detail::is_optional<Member>) {
            if (!map.contains(field.name)) {
                return;
            }
        }
        into.*field.member = detail::decode_at<Member>(map.at(field.name), field.name);
    }
};

template <class T>
struct Convert<T, std::enable_if_t<!detail::has_fields<T> && (detail::has_to_value<T> || detail::has_from_value<T>)>> {
    template <class From, class = std::enable_if_t<detail::has_to_value<std::decay_t<From>>>>
    [[nodiscard]] static Value encode(const From& from) {
        return to_value(from);
    }
    [[nodiscard]] static T decode(const Value& value) {
        static_assert(detail::has_from_value<T>, "write void from_value(const stockade::Value&, T&) beside the type");
        T into{};
        from_value(value, into);
        return into;
    }
};

// -- of the language --------------------------------------------------------------------------------------------------
// ---------------------------------------------------------------------------------------------------

template <>
struct Convert<Value> {
    [[nodiscard]] static Value decode(const Value& value) { return value; }
    [[nodiscard]] static Value decode(Value&& value) { return std::move(value); }
};

/// The types that a Value holds as they are; it needs no help to become one.
template <class T>
struct Convert<T, std::enable_if_t<detail::is_held<T> && !detail::is_integer<T> && !std::is_same_v<T, double>>> {
    [[nodiscard]] static T decode(const Value& value) { return value.get<T>(); }
    [[nodiscard]] static T decode(Value&& value) { return std::move(value).template get<T>(); }
};

template <class T>
struct Convert<T, std::enable_if_t<detail::is_integer<T>>> {
    [[nodiscard]] static Value encode(T from) {
        if constexpr (std::is_unsigned_v<T> && sizeof(T) >= sizeof(std::int64_t)) {
            if (from > static_cast<T>(std::numeric_limits<std::int64_t>::max())) {
                throw EncodeError(std::to_string(from) + " is above 2^63 - 1, the largest integer of the protocol");
            }
        }
        return static_cast<std::int64_t>(from);
    }

    [[nodiscard]] static T decode(const Value& value) {
        const auto whole = value.get<std::int64_t>();
        if constexpr (std::is_unsigned_v<T>) {
            if (whole < 0 || static_cast<std::uint64_t>(whole) > std::numeric_limits<T>::max()) {
                out_of_range(whole);
            }
        } else if (whole < std::numeric_limits<T>::min() || whole > std::numeric_limits<T>::max()) {
            out_of_range(whole);
        }
        return static_cast<T>(whole);
    }

  private:
    [[noreturn]] static void out_of_range(std::int64_t whole) {
        throw ConversionError(std::to_string(whole) + " is not within " +
                              std::to_string(std::numeric_limits<T>::min()) + " ... " +
                              std::to_string(std::numeric_limits<T>::max()));
    }
};

/// Integers are taken, too, since in some languages 1.0 is one; a float is never taken for an integer.
template <class T>
struct Convert<T, std::enable_if_t<std::is_same_v<T, double> || std::is_same_v<T, float>>> {
    [[nodiscard]] static Value encode(T from) { return static_cast<double>(from); }
    [[nodiscard]] static T decode(const Value& value) {
        if (const auto* whole = std::get_if<std::int64_t>(&value.variant())) {
            return static_cast<T>(*whole);
        }
        return static_cast<T>(value.get<double>());
    }
};

/// Text that is somebody else's.
template <class T>
struct Convert<T, std::enable_if_t<std::is_same_v<T, std::string_view> || std::is_same_v<T, const char*> ||
                                   std::is_same_v<T, char*>>> {
    [[nodiscard]] static Value encode(T from) { return std::string(from); }
    [[nodiscard]] static std::string_view decode(const Value& value) {
        static_assert(std::is_same_v<T, std::string_view>, "text is taken as a std::string, or a std::string_view");
        return value.get<std::string>();
    }
};

// -- of its library ---------------------------------------------------------------------------------------------------
// ----------------------------------------------------------------------------------------------------

/// An empty one is null.
template <class T>
struct Convert<std::optional<T>> {
    [[nodiscard]] static Value encode(const std::optional<T>& from) { return from ? Value(*from) : Value(); }
    [[nodiscard]] static std::optional<T> decode(const Value& value) {
        return value.is_null() ? std::nullopt : std::optional<T>(value.as<T>());
    }
};

namespace detail {

template <class Sequence>
[[nodiscard]] Value encode_sequence(const Sequence& from) {
    Array array;
    array.reserve(from.size());
    for (auto&& element : from) {
        array.emplace_back(static_cast<const typename Sequence::value_type&>(element));
    }
    return array;
}

template <class Mapping>
[[nodiscard]] Value encode_mapping(const Mapping& from) {
    std::vector<Map::value_type> members;
    members.reserve(from.size());
    for (const auto& [key, value] : from) {
        members.emplace_back(std::string(key), value);
    }
    return Map(std::move(members));
}

template <class Mapping>
[[nodiscard]] Mapping decode_mapping(const Value& value) {
    Mapping into;
    for (const auto& [key, member] : value.get<Map>()) {
        into.emplace(key, decode_at<typename Mapping::mapped_type>(member, std::string_view(key)));
    }
    return into;
}

}  // namespace detail

template <class T, class Allocator>
struct Convert<std::vector<T, Allocator>,
               std::enable_if_t<!std::is_same_v<T, Value> && !std::is_same_v<std::vector<T, Allocator>, Bytes>>> {
    static_assert(
        !detail::is_character<T> && !std::is_same_v<T, unsigned char> && !std::is_same_v<T, signed char>,
        "bytes are std::vector<std::byte>, text is std::string: a vector of these would be an array of integers");

    [[nodiscard]] static Value encode(const std::vector<T, Allocator>& from) { return detail::encode_sequence(from); }
    [[nodiscard]] static std::vector<T, Allocator> decode(const Value& value) {
        const auto& array = value.get<Array>();
        std::vector<T, Allocator> into;
        into.reserve(array.size());
        for (std::size_t at = 0; at < array.size(); ++at) {
            into.push_back(detail::decode_at<T>(array[at], at));
        }
        return into;
    }
};

template <class T, std::size_t N>
struct Convert<std::array<T, N>> {
    [[nodiscard]] static Value encode(const std::array<T, N>& from) { return detail::encode_sequence(from); }
    [[nodiscard]] static std::array<T, N> decode(const Value& value) {
        const auto& array = value.get<Array>();
        if (array.size() != N) {
            throw ConversionError(std::to_string(N) + " elements are wanted, these are " +
                                  std::to_string(array.size()));
        }
        std::array<T, N> into{};
        for (std::size_t at = 0; at < N; ++at) {
            into[at] = detail::decode_at<T>(array[at], at);
        }
        return into;
    }
};

template <class T, class Compare, class Allocator>
struct Convert<std::map<std::string, T, Compare, Allocator>> {
    using Mapping = std::map<std::string, T, Compare, Allocator>;
    [[nodiscard]] static Value encode(const Mapping& from) { return detail::encode_mapping(from); }
    [[nodiscard]] static Mapping decode(const Value& value) { return detail::decode_mapping<Mapping>(value); }
};

template <class T, class Hash, class Equal, class Allocator>
struct Convert<std::unordered_map<std::string, T, Hash, Equal, Allocator>> {
    using Mapping = std::unordered_map<std::string, T, Hash, Equal, Allocator>;
    [[nodiscard]] static Value encode(const Mapping& from) { return detail::encode_mapping(from); }
    [[nodiscard]] static Mapping decode(const Value& value) { return detail::decode_mapping<Mapping>(value); }
};

}  // namespace stockade
