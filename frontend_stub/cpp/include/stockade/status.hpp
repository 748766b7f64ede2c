/// What the functions of stockade.h say, as exceptions. Knows no connection.
#pragma once

#include <stockade.h>

#include <initializer_list>
#include <new>

#include "stockade/codec.hpp"
#include "stockade/command_error.hpp"
#include "stockade/error.hpp"
#include "stockade/owner.hpp"

namespace stockade::detail {

using OwnedError = Owner<stockade_error, &stockade_error_free>;

[[nodiscard]] inline CommandError command_error_of(const stockade_error* error) {
    return {stockade_error_code(error), stockade_error_message(error), value_of(stockade_error_data(error))};
}

[[nodiscard]] inline OwnedError c_error_of(const CommandError& error) {
    const Lent data(error.data());
    OwnedError made(stockade_error_new(error.code().c_str(), error.message().c_str(),
                                       error.data().is_null() ? stockade_value{} : data.get()));
    if (made == nullptr) {
        throw std::bad_alloc();
    }
    return made;
}

/// Throws what a status other than STOCKADE_OK stands for.
[[noreturn]] inline void raise(stockade_status status, const CError& error) {
    if (stockade_is_end(status)) {
        throw Ended(stockade_exit_status(status), error.message(status));
    }
    switch (status) {
        case STOCKADE_COMMAND:
            throw command_error_of(error.get());
        case STOCKADE_UNENCODABLE:
            throw EncodeError(error.message(status));
        case STOCKADE_NO_MEMORY:
            throw std::bad_alloc();
        default:
            throw Misuse(error.message(status));
    }
}

/// What an `Ended` was, for the library beneath.
[[nodiscard]] inline stockade_status status_of(const Ended& end) noexcept {
    for (const stockade_status status : {STOCKADE_STOPPED, STOCKADE_BY_HAND, STOCKADE_CORE_BROKEN}) {
        if (stockade_exit_status(status) == end.status()) {
            return status;
        }
    }
    return STOCKADE_LOST;
}

inline void check(stockade_status status, const CError& error) {
    if (status != STOCKADE_OK) {
        raise(status, error);
    }
}

}  // namespace stockade::detail
