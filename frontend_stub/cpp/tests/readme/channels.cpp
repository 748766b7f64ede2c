#include <iostream>
#include <stockade.hpp>

void stream(stockade::Core& core, const stockade::Bytes& picture) {
    for (const std::string& row : core.stream<std::string>("notes.all", {{"folder", "notes"}})) {
        std::cout << row;  // leaving the loop closes the command
    }

    auto data = core.send_channel();
    auto thumbnail = core.receive_channel<stockade::Bytes>();
    auto call = core.call("pictures.shrink", {{"data", data}, {"thumbnail", thumbnail}});
    data.send(picture);
    data.end();
    for (const stockade::Bytes& piece : thumbnail) {
        std::cout << piece.size() << " bytes\n";
    }
    call.result();
}
