// The vectors of the protocol that the face itself could get wrong: values. The others check what the C stub does.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "stockade.hpp"

using nlohmann::json;
using stockade::Array;
using stockade::Bytes;
using stockade::Map;
using stockade::Value;

namespace {

const json& vectors() {
    static const json read = [] {
        std::ifstream file(VECTORS);
        return json::parse(file);
    }();
    return read;
}

Bytes bytes_of(const std::string& digits) {
    Bytes bytes;
    for (std::size_t at = 0; at < digits.size(); at += 2) {
        bytes.push_back(static_cast<std::byte>(std::stoul(digits.substr(at, 2), nullptr, 16)));
    }
    return bytes;
}

Value value_of(const json& written);

/// What JSON cannot say: an object with one key that begins with `$`.
Value marked(const std::string& mark, const json& content) {
    if (mark == "$bytes") {
        return bytes_of(content.get<std::string>());
    }
    if (mark == "$int") {
        return static_cast<std::int64_t>(std::stoll(content.get<std::string>()));
    }
    if (mark == "$float") {
        return std::strtod(content.get<std::string>().c_str(), nullptr);
    }
    REQUIRE(mark == "$map");
    Map map;
    for (const json& pair : content) {
        map[pair.at(0).get<std::string>()] = value_of(pair.at(1));
    }
    return map;
}

Value value_of(const json& written) {
    switch (written.type()) {
        case json::value_t::null:
            return nullptr;
        case json::value_t::boolean:
            return written.get<bool>();
        case json::value_t::number_integer:
        case json::value_t::number_unsigned:
            return written.get<std::int64_t>();
        case json::value_t::string:
            return written.get<std::string>();
        case json::value_t::array: {
            Array array;
            for (const json& element : written) {
                array.push_back(value_of(element));
            }
            return array;
        }
        default:
            break;
    }
    REQUIRE(written.is_object());
    if (written.size() == 1 && written.begin().key().front() == '$') {
        return marked(written.begin().key(), written.begin().value());
    }
    Map map;
    for (const auto& [key, member] : written.items()) {
        map[key] = value_of(member);
    }
    return map;
}

/// Equal, and NaN equal to itself, -0.0 not to 0.0.
bool same(const Value& one, const Value& other) {
    if (one.kind() != other.kind()) {
        return false;
    }
    switch (one.kind()) {
        case Value::Kind::floating: {
            const auto left = one.as<double>();
            const auto right = other.as<double>();
            return (std::isnan(left) && std::isnan(right)) || std::memcmp(&left, &right, sizeof left) == 0;
        }
        case Value::Kind::array: {
            const auto& left = one.get<Array>();
            const auto& right = other.get<Array>();
            return std::equal(left.begin(), left.end(), right.begin(), right.end(), same);
        }
        case Value::Kind::map: {
            const auto& left = one.get<Map>();
            const auto& right = other.get<Map>();
            return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](const auto& a, const auto& b) {
                return a.first == b.first && same(a.second, b.second);
            });
        }
        default:
            return one == other;
    }
}

/// Each vector of a section, by name in what fails; none is passed over.
template <class Check>
void each(const char* section, Check check) {
    std::size_t seen = 0;
    for (const json& vector : vectors().at(section)) {
        CAPTURE(vector.at("name").get<std::string>());
        check(vector);
        ++seen;
    }
    CHECK(seen == vectors().at(section).size());
    CHECK(seen > 0);
}

}  // namespace

TEST_CASE("every decode vector is read as its value") {
    each("decode", [](const json& vector) {
        CHECK(same(stockade::decode(bytes_of(vector.at("hex"))), value_of(vector.at("value"))));
    });
}

TEST_CASE("every encode vector is written as itself, and read again as the same") {
    each("encode", [](const json& vector) {
        const Value value = value_of(vector.at("value"));
        const Bytes written = stockade::encode(value);
        CHECK(same(stockade::decode(written), value));
        // Ours may be wider than the shortest form, never shorter; and a map's order is free.
        CHECK(written.size() >= bytes_of(vector.at("hex")).size());
    });
}

TEST_CASE("every refuse vector is refused") {
    each("refuse", [](const json& vector) {
        const Bytes bytes = bytes_of(vector.at("hex"));
        CHECK_THROWS_AS((void)stockade::decode(bytes), stockade::ConversionError);
    });
}

TEST_CASE("what the protocol cannot say is refused before it is sent") {
    CHECK_THROWS_AS((void)stockade::encode("\xff"), stockade::EncodeError);
    CHECK_THROWS_AS((void)stockade::encode(Map{{"\xc0\x80", 1}}), stockade::EncodeError);
    Value deep = 0;
    for (int depth = 0; depth < 32; ++depth) {
        deep = Array{std::move(deep)};
    }
    CHECK_NOTHROW((void)stockade::encode(deep));
    CHECK_THROWS_AS((void)stockade::encode(Array{deep}), stockade::EncodeError);
}

TEST_CASE("text and keys may hold a NUL") {
    const Value value(Map{{std::string("a\0b", 3), std::string("\0", 1)}});
    CHECK(stockade::decode(stockade::encode(value)) == value);
}
