// Asks the searcher for the words that it is started with, and prints the first lines that have them all.
#include <cstddef>
#include <iostream>
#include <stockade.hpp>
#include <string>

#include "hit.hpp"

namespace {

constexpr std::size_t enough = 5;

void ask(stockade::Core& core, const std::string& text) {
    std::size_t shown = 0;
    for (const Hit& hit : core.stream<Hit>("search.find", {{"text", text}})) {
        std::cout << hit.file << ':' << hit.line << ": " << hit.text << '\n';
        if (++shown == enough) {
            break;  // the searcher is told, and stops
        }
    }
    std::cout << shown << " lines for: " << text << std::endl;
}

}  // namespace

int main(int count, char** words) {
    return stockade::run_worker([&](stockade::Core& core) {
        std::string text;
        for (int at = 1; at < count; ++at) {
            text += std::string(words[at]) + ' ';
        }
        try {
            ask(core, text);
        } catch (const stockade::CommandError& error) {
            std::cerr << "no answer: " << error.what() << '\n';
        }
    });
}
