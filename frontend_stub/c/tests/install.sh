#!/bin/sh
# What is installed can be used by pkg-config and by CMake: `tests/install.sh BUILD CC`.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd)
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cmake --install "$build" --prefix "$folder/prefix" > /dev/null
config=$(dirname "$(find "$folder/prefix" -name stockade-frontend.pc)")
# What was said of the prefix at configuring holds in the file; here it is another.
flags="pkg-config --define-variable=prefix=$folder/prefix"
PKG_CONFIG_PATH=$config; export PKG_CONFIG_PATH
# shellcheck disable=SC2046 # words are meant
"${2:-cc}" -std=c11 "$here/example/finder.c" $($flags --cflags stockade-frontend) -o "$folder/by-pkg-config" \
    $($flags --libs stockade-frontend)
mkdir "$folder/project"
cp "$here/example/finder.c" "$folder/project/"
cat > "$folder/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.16)
project(user LANGUAGES C)
find_package(StockadeFrontend 0.1 REQUIRED)
add_executable(by-cmake finder.c)
target_link_libraries(by-cmake PRIVATE Stockade::frontend)
END
cmake -S "$folder/project" -B "$folder/project/build" -DCMAKE_PREFIX_PATH="$folder/prefix" > /dev/null
cmake --build "$folder/project/build" > /dev/null
for program in "$folder/by-pkg-config" "$folder/project/build/by-cmake"; do
    status=0
    env -u STOCKADE_SOCKETS "$program" < /dev/null 2> /dev/null || status=$?
    test "$status" -eq 2 # it knows that it was started by hand
done
echo "pkg-config and CMake find it"
