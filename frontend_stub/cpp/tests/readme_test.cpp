// The examples of the README are programs: they are compiled beside this test, which says that they are those.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace {

std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("every example that is compiled stands in the README as it is, and none stands there beside") {
    const std::filesystem::path folder(FOLDER);
    const std::string readme = content_of(folder / "README.md");
    std::size_t compiled = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder / "tests/readme")) {
        CAPTURE(entry.path().filename().string());
        CHECK(readme.find("```cpp\n" + content_of(entry.path()) + "```\n") != std::string::npos);
        ++compiled;
    }
    std::size_t shown = 0;
    for (std::size_t at = readme.find("```cpp\n"); at != std::string::npos; at = readme.find("```cpp\n", at + 1)) {
        ++shown;
    }
    CHECK(compiled == shown);
}
