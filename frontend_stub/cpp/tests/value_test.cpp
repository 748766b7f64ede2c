// Values, and what becomes of a program's own types.
#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

#include "stockade/command_error.hpp"
#include "stockade/convert.hpp"
#include "stockade/print.hpp"
#include "stockade/value.hpp"

using stockade::Array;
using stockade::Bytes;
using stockade::ConversionError;
using stockade::Map;
using stockade::Value;

namespace app {

struct Note {
    std::string name;
    int stars = 0;
    std::optional<std::string> text;
};

constexpr auto stockade_fields(const Note* /*tag*/) {
    return stockade::fields("name", &Note::name, "stars", &Note::stars, "text", &Note::text);
}

struct Folder {
    std::vector<Note> notes;
};

constexpr auto stockade_fields(const Folder* /*tag*/) {
    return stockade::fields("notes", &Folder::notes);
}

enum class Colour { red, green };

Value to_value(Colour colour) {
    return colour == Colour::red ? "red" : "green";
}

void from_value(const Value& value, Colour& colour) {
    const auto name = value.as<std::string_view>();
    if (name != "red" && name != "green") {
        throw ConversionError("no colour");
    }
    colour = name == "red" ? Colour::red : Colour::green;
}

struct Opaque {};

}  // namespace app

namespace {

template <class F>
ConversionError conversion_error_of(F&& attempt) {
    try {
        attempt();
    } catch (const ConversionError& error) {
        return error;
    }
    FAIL("nothing was thrown");
    return ConversionError("");
}

std::string printed(const Value& value) {
    std::ostringstream out;
    out << value;
    return out.str();
}

}  // namespace

TEST_CASE("a value keeps what it was made of, and its kind") {
    CHECK(Value().kind() == Value::Kind::null);
    CHECK(Value(nullptr).is_null());
    CHECK(Value(true).kind() == Value::Kind::boolean);
    CHECK(Value(7).kind() == Value::Kind::integer);
    CHECK(Value(7.0F).kind() == Value::Kind::floating);
    CHECK(Value("seven").kind() == Value::Kind::text);
    CHECK(Value(std::string_view("seven")).get<std::string>() == "seven");
    CHECK(Value(Bytes(3)).kind() == Value::Kind::bytes);
    CHECK(Value(Array{1, "two", nullptr}).kind() == Value::Kind::array);
    CHECK(Value(Map{{"one", 1}}).kind() == Value::Kind::map);
}

TEST_CASE("an integer and the float of the same number are two values") {
    CHECK(Value(1) != Value(1.0));
    CHECK(Value(1) == Value(1L));
}

TEST_CASE("a type that nobody has taught to convert is no value, and no pointer is a boolean") {
    CHECK_FALSE(std::is_constructible_v<Value, app::Opaque>);
    CHECK_FALSE(std::is_constructible_v<Value, int*>);
    CHECK_FALSE(std::is_constructible_v<Value, char>);
}

TEST_CASE("an integer above the protocol's largest is refused") {
    const auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    CHECK(Value(largest).as<std::uint64_t>() == largest);
    CHECK_THROWS_AS(Value(largest + 1), stockade::EncodeError);
}

TEST_CASE("an integer is taken as a type that holds it, and refused to others") {
    CHECK(Value(255).as<std::uint8_t>() == 255);
    CHECK(Value(-128).as<std::int8_t>() == -128);
    CHECK_THROWS_AS((void)Value(256).as<std::uint8_t>(), ConversionError);
    CHECK_THROWS_AS((void)Value(-1).as<std::uint64_t>(), ConversionError);
    CHECK_THROWS_AS((void)Value(std::numeric_limits<std::int64_t>::min()).as<int>(), ConversionError);
    CHECK_THROWS_AS((void)Value(1.0).as<int>(), ConversionError);
    CHECK_THROWS_AS((void)Value(true).as<int>(), ConversionError);
}

TEST_CASE("a float is taken of integers, too") {
    CHECK(Value(2).as<double>() == 2.0);
    CHECK(Value(2.5).as<float>() == 2.5F);
    CHECK_THROWS_AS((void)Value("2").as<double>(), ConversionError);
}

TEST_CASE("containers convert element by element, both ways") {
    const std::vector<int> numbers{1, 2, 3};
    CHECK(Value(numbers) == Value(Array{1, 2, 3}));
    CHECK(Value(numbers).as<std::vector<int>>() == numbers);
    CHECK(Value(std::vector<bool>{true, false}) == Value(Array{true, false}));
    using Pair = std::array<int, 2>;
    CHECK(Value(Pair{4, 5}).as<Pair>() == Pair{4, 5});
    CHECK_THROWS_AS((void)Value(numbers).as<Pair>(), ConversionError);

    const std::map<std::string, std::vector<double>> rows{{"a", {1.0}}, {"b", {}}};
    CHECK(Value(rows).as<std::map<std::string, std::vector<double>>>() == rows);
    const std::unordered_map<std::string, int> counts{{"x", 1}, {"y", 2}};
    CHECK(Value(counts).as<std::unordered_map<std::string, int>>() == counts);
}

TEST_CASE("an empty optional is null, and null an empty optional") {
    CHECK(Value(std::optional<int>()).is_null());
    CHECK(Value(std::optional<int>(3)) == Value(3));
    CHECK_FALSE(Value().as<std::optional<int>>().has_value());
    CHECK(Value(3).as<std::optional<int>>() == 3);
}

TEST_CASE("a struct with fields is a map; an empty optional member is left out, and may be missing") {
    CHECK(Value(app::Note{"todo", 3, {}}) == Value(Map{{"name", "todo"}, {"stars", 3}}));
    CHECK(Value(app::Note{"todo", 3, "x"}) == Value(Map{{"name", "todo"}, {"stars", 3}, {"text", "x"}}));
    const auto note = Value(Map{{"name", "done"}, {"stars", 1}, {"unknown", true}}).as<app::Note>();
    CHECK(note.name == "done");
    CHECK(note.stars == 1);
    CHECK_FALSE(note.text.has_value());
}

TEST_CASE("a type with to_value and from_value says itself what it becomes") {
    CHECK(Value(app::Colour::green) == Value("green"));
    CHECK(Value("red").as<app::Colour>() == app::Colour::red);
    CHECK(Value(std::vector{app::Colour::red}).as<std::vector<app::Colour>>().size() == 1);
    CHECK_THROWS_AS((void)Value("blue").as<app::Colour>(), ConversionError);
}

TEST_CASE("an error of conversion says where, and what was wanted") {
    const Value folder(Map{{"notes", Array{Map{{"name", "a"}, {"stars", 1}}, Map{{"name", "b"}, {"stars", "many"}}}}});
    const auto error = conversion_error_of([&] { (void)folder.as<app::Folder>(); });
    CHECK(error.path() == "notes[1].stars");
    CHECK(error.reason() == "an integer is wanted, this is text");
    CHECK(std::string(error.what()) == "notes[1].stars: an integer is wanted, this is text");

    const Value short_of(Map{{"notes", Array{Map{{"name", "a"}}}}});
    CHECK(conversion_error_of([&] { (void)short_of.as<app::Folder>(); }).path() == "notes[0].stars");
}

TEST_CASE("what a value that goes away holds is moved, not copied") {
    Value value(std::string(100, 'x'));
    const char* held = value.get<std::string>().data();
    const auto text = std::move(value).as<std::string>();
    CHECK(text.data() == held);

    std::string given(100, 'y');
    const char* was = given.data();
    CHECK(Value(std::move(given)).get<std::string>().data() == was);
}

TEST_CASE("a map finds, adds, changes and removes by key") {
    Map map{{"b", 2}, {"a", 1}};
    CHECK(map.at("a") == Value(1));
    CHECK(map.find("c") == nullptr);
    map["c"] = "three";
    map["a"] = nullptr;
    CHECK(map == Map{{"a", nullptr}, {"b", 2}, {"c", "three"}});
    CHECK(map.erase("a"));
    CHECK_FALSE(map.erase("a"));
    CHECK(map.size() == 2);
    CHECK_THROWS_AS((void)map.at("a"), ConversionError);
    CHECK_THROWS_AS((Map{{"a", 1}, {"a", 2}}), stockade::EncodeError);
}

TEST_CASE("members and elements are reached through the value") {
    const Value value(Map{{"rows", Array{1, 2}}});
    CHECK(value.at("rows").at(1) == Value(2));
    CHECK(value.find("none") == nullptr);
    CHECK(Value(3).find("none") == nullptr);
    CHECK_THROWS_AS((void)value.at("rows").at(2), ConversionError);
    CHECK_THROWS_AS((void)value.at(0), ConversionError);
}

TEST_CASE("a value is printed in diagnostic notation") {
    CHECK(printed(Value(
              Map{{"a", Array{1, 2.0, nullptr, true}}, {"b", "q\"\n"}, {"c", Bytes{std::byte{0}, std::byte{255}}}})) ==
          R"({"a": [1, 2.0, null, true], "b": "q\"\u000a", "c": h'00ff'})");
    CHECK(printed(Value(std::numeric_limits<double>::infinity())) == "Infinity");
}

TEST_CASE("a command error has its parts, and copies without throwing") {
    const stockade::CommandError error("notes.locked", "by somebody", Map{{"by", "somebody"}});
    CHECK(error.is("notes.locked"));
    CHECK_FALSE(error.is(stockade::code::busy));
    CHECK(std::string(error.what()) == "notes.locked: by somebody");
    CHECK(error.data().at("by").as<std::string>() == "somebody");
    CHECK(std::is_nothrow_copy_constructible_v<stockade::CommandError>);
    CHECK(std::is_nothrow_copy_constructible_v<ConversionError>);
    CHECK(std::is_nothrow_copy_constructible_v<stockade::Ended>);
}
