#include <stockade.hpp>
#include <string>

void serve(stockade::Core& core) {
    core.export_command(
        "thumbs.make", {"name", "size"}, [&](stockade::Handling& call, const std::string& name, int size) {
            if (size < 1) {
                throw stockade::CommandError("thumbs.size", "there is no such size", stockade::Map{{"size", size}});
            }
            call.check();  // throws if nobody waits any more: ask it in long computations
            return core.invoke("pictures.read", {{"name", name}});
        });
    core.export_command("thumbs.sizes", {"most"}, [](int most, stockade::Yield& yield) {
        for (int size = 1; size <= most && yield(size); size *= 2) {
        }
    });
    core.run();  // handlers run in here, one at a time
}
