// The tests, and, as `--worker NAME`, the workers that they are about.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <string_view>

#include "scripted_core.hpp"

int main(int count, char** words) {
    if (count == 3 && std::string_view(words[1]) == "--worker") {
        return testing::workers.at(words[2])();
    }
    return doctest::Context(count, words).run();
}
