/// Ownership of what stockade.h hands out.
#pragma once

#include <stockade.h>

#include <memory>
#include <string>
#include <utility>

#include "stockade/error.hpp"

namespace stockade::detail {

/// Calls the function of stockade.h that frees a thing.
template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* thing) const noexcept {
        Free(thing);
    }
};
template <class T, auto Free>
using Owner = std::unique_ptr<T, Freed<Free>>;

/// An error of stockade.h, and where it writes one: `check(stockade_ready(core, error.out()), error)`.
class CError {
  public:
    CError() = default;
    CError(const CError&) = delete;
    CError& operator=(const CError&) = delete;
    ~CError() { stockade_error_free(error_); }

    [[nodiscard]] stockade_error** out() noexcept { return &error_; }
    [[nodiscard]] const stockade_error* get() const noexcept { return error_; }
    [[nodiscard]] std::string message(stockade_status status) const {
        return error_ == nullptr ? stockade_status_text(status) : stockade_error_message(error_);
    }

  private:
    stockade_error* error_ = nullptr;
};

/// A result or an item, with its memory.
class Owned {
  public:
    Owned() = default;
    Owned(const Owned&) = delete;
    Owned& operator=(const Owned&) = delete;
    ~Owned() { stockade_release(&owned_); }

    [[nodiscard]] stockade_owned* out() noexcept { return &owned_; }
    [[nodiscard]] stockade_value get() const noexcept { return owned_.value; }

  private:
    stockade_owned owned_{};
};

/// A name as stockade.h takes it. Throws Misuse for one that it would read as another, shorter one.
[[nodiscard]] inline const char* name_of(const std::string& name) {
    if (name.find('\0') != std::string::npos) {
        throw Misuse("a NUL stands within the name '" + name.substr(0, name.find('\0')) + "'");
    }
    return name.c_str();
}

}  // namespace stockade::detail
