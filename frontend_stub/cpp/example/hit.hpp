// What the two workers of the example say to each other: a line that has all the words.
#pragma once

#include <stockade.hpp>
#include <string>

struct Hit {
    std::string file;
    int line = 0;
    std::string text;
};

constexpr auto stockade_fields(const Hit* /*tag*/) {
    return stockade::fields("file", &Hit::file, "line", &Hit::line, "text", &Hit::text);
}
