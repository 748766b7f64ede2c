#include <optional>
#include <stockade.hpp>
#include <string>

struct Note {
    std::string name;
    int stars = 0;
    std::optional<std::string> text;  // may be missing; an empty one is not sent
};

constexpr auto stockade_fields(const Note*) {
    return stockade::fields("name", &Note::name, "stars", &Note::stars, "text", &Note::text);
}

void like(stockade::Core& core) {
    auto note = core.invoke<Note>("notes.find", {{"name", "notes/todo"}});
    note.stars += 1;
    core.invoke("notes.keep", {{"note", note}});
}
