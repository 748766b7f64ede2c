/// What messages carry: null, booleans, integers, floats, text, bytes, arrays and maps, as one type, `Value`.
/// Knows no encoding; convert.hpp says what becomes of a program's own types.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "stockade/error.hpp"

namespace stockade {

class Value;
using Bytes = std::vector<std::byte>;
using Array = std::vector<Value>;

/// Bytes of somebody else, who keeps them as long as this is used. As an argument, an item or a payload they go out
/// without being copied into a Value.
class BytesView {
  public:
    BytesView(const void* data, std::size_t size) noexcept : data_(data), size_(size) {}
    BytesView(const Bytes& bytes) noexcept : BytesView(bytes.data(), bytes.size()) {}  // NOLINT: a view, as of strings

    [[nodiscard]] const void* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

  private:
    const void* data_;
    std::size_t size_;
};

/// How a type becomes a Value, and back. Specialised in convert.hpp; for a type of your own see there, too.
template <class T, class Enable = void>
struct Convert;

/// Values by name, in the order of their names. Iteration gives pairs of name and value, and changes neither: `find`,
/// `at` and `operator[]` give what may be changed.
class Map {
  public:
    using value_type = std::pair<std::string, Value>;
    using const_iterator = std::vector<value_type>::const_iterator;
    using iterator = const_iterator;

    Map() = default;
    /// Throws EncodeError if a key stands there twice.
    Map(std::initializer_list<value_type> members);
    /// The same, from members in any order.
    explicit Map(std::vector<value_type> members);

    [[nodiscard]] const_iterator begin() const noexcept { return members_.begin(); }
    [[nodiscard]] const_iterator end() const noexcept { return members_.end(); }
    [[nodiscard]] std::size_t size() const noexcept { return members_.size(); }
    [[nodiscard]] bool empty() const noexcept { return members_.empty(); }

    /// The value of this key, or nullptr.
    [[nodiscard]] const Value* find(std::string_view key) const noexcept;
    [[nodiscard]] Value* find(std::string_view key) noexcept;
    [[nodiscard]] bool contains(std::string_view key) const noexcept { return find(key) != nullptr; }
    /// The value of this key. Throws ConversionError if there is none.
    [[nodiscard]] const Value& at(std::string_view key) const;
    [[nodiscard]] Value& at(std::string_view key);
    /// The value of this key, a new null if there was none.
    Value& operator[](std::string_view key);
    /// Whether there was such a key.
    bool erase(std::string_view key);
    /// All members; the map is empty afterwards.
    [[nodiscard]] std::vector<value_type> release() && { return std::move(members_); }

    friend bool operator==(const Map& one, const Map& other);
    friend bool operator!=(const Map& one, const Map& other) { return !(one == other); }

  private:
    [[nodiscard]] std::size_t place(std::string_view key) const noexcept;

    std::vector<value_type> members_;
};

/// Whether a T can become a Value: a type of convert.hpp, or one with a `to_value` or `stockade_fields` of its own.
template <class T, class = void>
inline constexpr bool is_encodable = false;
template <class T>
inline constexpr bool is_encodable<T, std::void_t<decltype(Convert<T>::encode(std::declval<const T&>()))>> = true;

namespace detail {

/// Asked first of all: whether a Map, say, is taught to convert must not be asked before convert.hpp has had its say.
template <class T>
inline constexpr bool is_held =
    std::is_same_v<T, bool> || std::is_same_v<T, std::int64_t> || std::is_same_v<T, double> ||
    std::is_same_v<T, std::string> || std::is_same_v<T, Bytes> || std::is_same_v<T, Array> || std::is_same_v<T, Map>;
template <class T>
struct IsEncodable : std::bool_constant<is_encodable<T>> {};
template <class T>
inline constexpr bool is_converted =
    std::conjunction_v<std::bool_constant<!is_held<T> && !std::is_same_v<T, Value>>, IsEncodable<T>>;

}  // namespace detail

/// A value. `kind()` says what it is; `as<T>()` gives it as a T, or throws ConversionError.
class Value {
  public:
    enum class Kind : std::uint8_t { null, boolean, integer, floating, text, bytes, array, map };
    using Variant = std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Bytes, Array, Map>;

    Value() noexcept = default;
    Value(std::nullptr_t) noexcept {}  // NOLINT(google-explicit-constructor): a value stands for what it is made of

    /// From what it holds as it is: bool, std::int64_t, double, std::string, Bytes, Array, Map.
    template <class T, std::enable_if_t<detail::is_held<std::decay_t<T>>, int> = 0>
    Value(T&& from) : held_(std::in_place_type<std::decay_t<T>>, std::forward<T>(from)) {}  // NOLINT
    /// From all else that convert.hpp knows. Throws EncodeError for an integer above 2^63 - 1.
    template <class T, std::enable_if_t<detail::is_converted<std::decay_t<T>>, int> = 0>
    Value(T&& from) : Value(Convert<std::decay_t<T>>::encode(std::forward<T>(from))) {}  // NOLINT

    [[nodiscard]] Kind kind() const noexcept { return static_cast<Kind>(held_.index()); }
    [[nodiscard]] bool is_null() const noexcept { return kind() == Kind::null; }

    /// This value as a T: converted, with a check, into a new object. A std::string_view lives as long as the value.
    template <class T>
    [[nodiscard]] T as() const& {
        return Convert<T>::decode(*this);
    }
    /// The same; what this value holds moves into what is returned, where T has it.
    template <class T>
    [[nodiscard]] T as() && {
        static_assert(!std::is_same_v<T, std::string_view>, "a view of a value that is about to go");
        return Convert<T>::decode(std::move(*this));
    }

    /// What it is, to be visited.
    [[nodiscard]] const Variant& variant() const& noexcept { return held_; }
    [[nodiscard]] Variant& variant() & noexcept { return held_; }
    [[nodiscard]] Variant&& variant() && noexcept { return std::move(held_); }

    /// A member of a map. Throws ConversionError if this is no map, or has none of this name.
    [[nodiscard]] const Value& at(std::string_view key) const { return get<Map>().at(key); }
    /// An element of an array. Throws ConversionError if this is no array, or a shorter one.
    [[nodiscard]] const Value& at(std::size_t position) const;
    /// A member of a map; nullptr if there is none, or this is no map.
    [[nodiscard]] const Value* find(std::string_view key) const noexcept;

    /// What it holds, as one of the types of `Variant`. Throws ConversionError if it holds another.
    template <class T>
    [[nodiscard]] const T& get() const&;
    template <class T>
    [[nodiscard]] T&& get() &&;

    friend bool operator==(const Value& one, const Value& other) { return one.held_ == other.held_; }
    friend bool operator!=(const Value& one, const Value& other) { return !(one == other); }

  private:
    Variant held_;
};

/// What a kind is called in errors.
[[nodiscard]] inline std::string_view name_of(Value::Kind kind) noexcept {
    constexpr std::string_view names[] = {"null", "a boolean", "an integer", "a float",
                                          "text", "bytes",     "an array",   "a map"};
    return names[static_cast<std::size_t>(kind)];
}

namespace detail {

[[noreturn]] inline void mismatch(std::string_view wanted, const Value& value) {
    throw ConversionError(std::string(wanted) + " is wanted, this is " + std::string(name_of(value.kind())));
}

}  // namespace detail

template <class T>
const T& Value::get() const& {
    if (const T* held = std::get_if<T>(&held_)) {
        return *held;
    }
    detail::mismatch(name_of(static_cast<Kind>(Variant(std::in_place_type<T>).index())), *this);
}

template <class T>
T&& Value::get() && {
    return std::move(const_cast<T&>(std::as_const(*this).template get<T>()));
}

inline const Value& Value::at(std::size_t position) const {
    const auto& array = get<Array>();
    if (position >= array.size()) {
        throw ConversionError("there are only " + std::to_string(array.size()) + " elements",
                              "[" + std::to_string(position) + "]");
    }
    return array[position];
}

inline const Value* Value::find(std::string_view key) const noexcept {
    const Map* map = std::get_if<Map>(&held_);
    return map == nullptr ? nullptr : map->find(key);
}

// -- Map --------------------------------------------------------------------------------------------------------------
// ---------------------------------------------------------------------------------------------------------------

inline Map::Map(std::vector<value_type> members) : members_(std::move(members)) {
    const auto before = [](const value_type& one, const value_type& other) { return one.first < other.first; };
    if (!std::is_sorted(members_.begin(), members_.end(), before)) {
        std::sort(members_.begin(), members_.end(), before);
    }
    const auto twice = std::adjacent_find(members_.begin(), members_.end(),
                                          [](const auto& one, const auto& other) { return one.first == other.first; });
    if (twice != members_.end()) {
        throw EncodeError("the key " + twice->first + " stands there twice");
    }
}

inline Map::Map(std::initializer_list<value_type> members) : Map(std::vector<value_type>(members)) {}

inline std::size_t Map::place(std::string_view key) const noexcept {
    const auto found =
        std::lower_bound(members_.begin(), members_.end(), key,
                         [](const value_type& member, std::string_view asked) { return member.first < asked; });
    return static_cast<std::size_t>(found - members_.begin());
}

inline const Value* Map::find(std::string_view key) const noexcept {
    const std::size_t at = place(key);
    return at < members_.size() && members_[at].first == key ? &members_[at].second : nullptr;
}

inline Value* Map::find(std::string_view key) noexcept {
    return const_cast<Value*>(std::as_const(*this).find(key));
}

inline const Value& Map::at(std::string_view key) const {
    if (const Value* value = find(key)) {
        return *value;
    }
    throw ConversionError("is missing", std::string(key));
}

inline Value& Map::at(std::string_view key) {
    return const_cast<Value&>(std::as_const(*this).at(key));
}

inline Value& Map::operator[](std::string_view key) {
    const std::size_t at = place(key);
    if (at == members_.size() || members_[at].first != key) {
        members_.emplace(members_.begin() + static_cast<std::ptrdiff_t>(at), std::string(key), Value());
    }
    return members_[at].second;
}

inline bool Map::erase(std::string_view key) {
    const std::size_t at = place(key);
    if (at == members_.size() || members_[at].first != key) {
        return false;
    }
    members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(at));
    return true;
}

inline bool operator==(const Map& one, const Map& other) {
    return one.members_ == other.members_;
}

}  // namespace stockade
