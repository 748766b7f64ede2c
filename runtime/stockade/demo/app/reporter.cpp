// The reporter in C++: has the words of every file counted, and asks the core to write a report. reporter.py is the same.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <stockade.hpp>
#include <string>
#include <utility>
#include <vector>

namespace {

using stockade::Core;
using Numbers = std::map<std::string, std::int64_t>;

/// More than there are indexers, so that none has to wait for us.
constexpr std::size_t calls_at_a_time = 16;

/// What an indexer answers for a text.
struct Found {
    std::int64_t size = 0;
    Numbers words;
};

constexpr auto stockade_fields(const Found*) {
    return stockade::fields("size", &Found::size, "words", &Found::words);
}

/// What has been found in all files together.
struct Findings {
    Numbers words;
    Numbers sizes;  // of files, in bytes
    std::int64_t skipped = 0;

    /// Take in what an indexer answers: nothing if the file is no text.
    void add(const std::string& name, const std::optional<Found>& found) {
        if (!found) {
            skipped += 1;
            return;
        }
        sizes[name] = found->size;
        for (const auto& [word, times] : found->words) {
            words[word] += times;
        }
    }
};

/// A name as code in a cell of a Markdown table: files may be called anything, also `|` or two lines.
std::string cell(const std::string& name) {
    std::string text;
    for (const char letter : name) {
        const auto code = static_cast<unsigned char>(letter);
        if (letter == '|') {
            text += "\\|";
        } else if (letter == '\n') {
            text += "\\n";
        } else if (code < 0x20 || code == 0x7F) {
            char escape[5];
            std::snprintf(escape, sizeof escape, "\\x%02x", code);
            text += escape;
        } else {
            text += letter;
        }
    }
    return text.find('`') == std::string::npos ? "`" + text + "`" : "`` " + text + " ``";
}

/// 1234567 as 1,234,567.
std::string grouped(std::int64_t number) {
    std::string digits = std::to_string(number);
    for (std::size_t at = digits.size(); at > 3;) {
        digits.insert(at -= 3, 1, ',');
    }
    return digits;
}

/// A heading and a Markdown table of the names with the largest numbers.
void table(std::ostream& to, const char* title, const char* unit, const Numbers& numbers, std::size_t most) {
    std::vector<std::pair<std::string, std::int64_t>> rows(numbers.begin(), numbers.end());
    std::stable_sort(rows.begin(), rows.end(),
                     [](const auto& one, const auto& other) { return one.second > other.second; });
    rows.resize(std::min(rows.size(), most));
    to << "## " << title << "\n\n| | " << unit << " |\n|---|---:|\n";
    for (const auto& [name, number] : rows) {
        to << "| " << cell(name) << " | " << grouped(number) << " |\n";
    }
}

std::string report(const Findings& findings) {
    std::ostringstream text;
    std::int64_t total = 0;
    for (const auto& [word, times] : findings.words) {
        total += times;
    }
    text << "# Report\n\n"
         << findings.sizes.size() << " files, " << total << " words; " << findings.skipped
         << " files were no text.\n\n";
    table(text, "Most frequent words", "times", findings.words, 20);
    text << '\n';
    table(text, "Largest files", "bytes", findings.sizes, 10);
    return text.str();
}

/// Have all files counted, so many at a time. The events that come meanwhile are handled in between.
Findings count(Core& core, const std::vector<std::string>& names) {
    Findings findings;
    std::deque<std::pair<std::string, stockade::Call<std::optional<Found>>>> begun;
    const auto take_one = [&] {
        findings.add(begun.front().first, begun.front().second.result());
        begun.pop_front();
        core.poll(std::chrono::milliseconds(0));
    };
    for (const std::string& name : names) {
        if (core.stopping()) {
            break;
        }
        if (begun.size() == calls_at_a_time) {
            take_one();
        }
        begun.emplace_back(name, core.call<std::optional<Found>>("text.count", {{"name", name}}));
    }
    while (!begun.empty()) {
        take_one();
    }
    return findings;
}

}  // namespace

int main() {
    return stockade::run_worker([](Core& core) {
        Numbers counted;
        const auto listening =
            core.listen("progress/indexed", [&](const stockade::Event& event) { counted[event.source] += 1; });
        core.ready();
        std::vector<std::string> names;
        for (const std::string& name : core.stream<std::string>("files.list")) {
            names.push_back(name);
        }
        core.emit("progress/listed", stockade::Map{{"files", names.size()}});
        const Findings findings = count(core, names);
        if (!core.stopping()) {
            std::cout << "files that each indexer has counted:";
            for (const auto& [indexer, files] : counted) {
                std::cout << ' ' << indexer << ": " << files;
            }
            const auto path = core.invoke<std::string>("report.write", {{"text", report(findings)}});
            std::cout << "\nwrote " << path << std::endl;
        }
    });
}
