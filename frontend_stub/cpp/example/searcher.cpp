// Keeps an index of all words in the folder, and answers `search.find` from it: a stream of the lines that have all
// words.
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <deque>
#include <iterator>
#include <map>
#include <sstream>
#include <stockade.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hit.hpp"

namespace {

using stockade::Call;
using stockade::CommandError;
using stockade::Core;

using stockade::Map;
using stockade::Yield;

/// Calls in flight while the files are read.
constexpr std::size_t ahead = 16;

std::vector<std::string> words_of(const std::string& text) {
    std::vector<std::string> words;
    std::string word;
    for (const char character : text + ' ') {
        const auto letter = static_cast<unsigned char>(character);
        if (std::isalnum(letter) != 0) {
            word += static_cast<char>(std::tolower(letter));
        } else if (!word.empty()) {
            words.push_back(std::exchange(word, {}));
        }
    }
    return words;
}

/// Lines, and where each word stands in them.
class Index {
  public:
    void add(const std::string& file, const std::string& text) {
        std::istringstream lines(text);
        int number = 0;
        for (std::string line; std::getline(lines, line);) {
            for (const std::string& word : words_of(line)) {
                auto& places = places_[word];
                if (places.empty() || places.back() != lines_.size()) {
                    places.push_back(lines_.size());
                }
            }
            lines_.push_back({file, ++number, line});
        }
    }

    /// The lines that have all of these words, in order.
    [[nodiscard]] std::vector<std::size_t> find(const std::vector<std::string>& words) const {
        std::vector<std::size_t> found;
        for (const std::string& word : words) {
            const auto places = places_.find(word);
            if (places == places_.end()) {
                return {};
            }
            if (&word == words.data()) {
                found = places->second;
                continue;
            }
            std::vector<std::size_t> both;
            std::set_intersection(found.begin(), found.end(), places->second.begin(), places->second.end(),
                                  std::back_inserter(both));
            found = std::move(both);
        }
        return found;
    }

    [[nodiscard]] const Hit& line(std::size_t at) const { return lines_.at(at); }
    [[nodiscard]] Map size() const { return {{"lines", lines_.size()}, {"words", places_.size()}}; }

  private:
    std::vector<Hit> lines_;
    std::map<std::string, std::vector<std::size_t>> places_;
};

bool is_text(const std::string& name) {
    constexpr std::string_view ending = ".md";
    return name.size() > ending.size() && name.compare(name.size() - ending.size(), ending.size(), ending) == 0;
}

/// Read all files, some at a time: while one is taken apart, the core reads the next.
Index read_all(Core& core) {
    Index index;
    std::deque<std::pair<std::string, Call<stockade::Bytes>>> reading;
    const auto take_one = [&] {
        auto& [name, call] = reading.front();
        const auto content = call.result();
        index.add(name, std::string(reinterpret_cast<const char*>(content.data()), content.size()));
        reading.pop_front();
    };
    for (const std::string& name : core.stream<std::string>("files.list")) {
        if (!is_text(name)) {
            continue;
        }
        if (reading.size() == ahead) {
            take_one();
        }
        reading.emplace_back(name, core.call<stockade::Bytes>("files.read", {{"name", name}}));
    }
    while (!reading.empty()) {
        take_one();
    }
    return index;
}

}  // namespace

int main() {
    return stockade::run_worker([](Core& core) {
        const Index index = read_all(core);
        core.emit("search/ready", index.size());

        core.export_command("search.find", {"text"}, [&](const std::string& text, Yield& yield) {
            const auto words = words_of(text);
            if (words.empty()) {
                throw CommandError("search.nothing", "there is no word in what is to be found");
            }
            for (const std::size_t at : index.find(words)) {
                if (!yield(index.line(at))) {
                    return;
                }
            }
        });
        core.run();
    });
}
