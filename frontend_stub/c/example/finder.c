/* Reads all files of a folder through the core, several at a time, and finds those whose content is the same. Emits
 * `duplicates/found` for each pair, and answers `duplicates.of` with the names of all that are the same as one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stockade.h>

#define IN_FLIGHT 8

struct file {
    char *name;
    stockade_pending *reading; /* NULL once it has been read */
    uint64_t hash;
    size_t size;
};

struct folder {
    struct file *files;
    size_t count;
};

static void folder_free(struct folder *folder) {
    for (size_t at = 0; at < folder->count; at++) {
        stockade_pending_free(folder->files[at].reading);
        free(folder->files[at].name);
    }
    free(folder->files);
}

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const unsigned char *data, size_t size) {
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t at = 0; at < size; at++)
        hash = (hash ^ data[at]) * UINT64_C(1099511628211);
    return hash;
}

/* Wait for the content of a file, and remember what it is. */
static stockade_status finish_reading(struct file *file) {
    stockade_owned content = {0};
    stockade_error *error = NULL;
    stockade_status status = stockade_pending_result(file->reading, &content, &error);
    if (status == STOCKADE_OK && content.value.kind == STOCKADE_BYTES) {
        file->size = content.value.as.bytes.size;
        file->hash = hash_of(content.value.as.bytes.data, file->size);
    } else if (status == STOCKADE_COMMAND) {
        fprintf(stderr, "%s: %s\n", file->name, stockade_error_message(error));
        status = STOCKADE_OK; /* one that has gone, say: the others are read all the same */
    }
    stockade_error_free(error);
    stockade_release(&content);
    stockade_pending_free(file->reading);
    file->reading = NULL;
    return status;
}

static stockade_status begin_reading(stockade_core *core, struct folder *folder, stockade_value name) {
    struct file *files = realloc(folder->files, (folder->count + 1) * sizeof *files);
    if (files == NULL)
        return STOCKADE_NO_MEMORY;
    folder->files = files;
    struct file *file = &files[folder->count++];
    *file = (struct file){.name = stockade_text_copy(name)};
    return stockade_call(core, "files.read", STOCKADE_ARGS({"name", name}), NULL, &file->reading, NULL);
}

/* List the folder, and read its files, so many at a time. */
static stockade_status read_all(stockade_core *core, struct folder *folder) {
    stockade_receiver *names = NULL;
    stockade_owned name = {0};
    size_t read = 0;
    stockade_status status = stockade_stream(core, "files.list", NULL, NULL, &names, NULL);
    while (status == STOCKADE_OK && (status = stockade_receive(names, &name, NULL)) == STOCKADE_OK) {
        status = begin_reading(core, folder, name.value);
        stockade_release(&name);
        if (status == STOCKADE_OK && folder->count - read >= IN_FLIGHT)
            status = finish_reading(&folder->files[read++]);
    }
    stockade_receiver_free(names);
    while ((status == STOCKADE_OK || status == STOCKADE_DONE) && read < folder->count)
        status = finish_reading(&folder->files[read++]);
    return status == STOCKADE_DONE ? STOCKADE_OK : status;
}

static bool is_same(const struct file *one, const struct file *other) {
    return one != other && one->size > 0 && one->size == other->size && one->hash == other->hash;
}

static stockade_status tell(stockade_core *core, const struct folder *folder) {
    stockade_status status = STOCKADE_OK;
    stockade_writer *pair = stockade_writer_new();
    for (size_t one = 0; one < folder->count; one++) {
        for (size_t other = 0; other < one && status == STOCKADE_OK; other++) {
            stockade_value names;
            if (!is_same(&folder->files[one], &folder->files[other]))
                continue;
            printf("%s is the same as %s\n", folder->files[one].name, folder->files[other].name);
            stockade_writer_reset(pair);
            stockade_open_array(pair);
            stockade_put(pair, stockade_text(folder->files[other].name));
            stockade_put(pair, stockade_text(folder->files[one].name));
            stockade_shut(pair);
            status = stockade_writer_value(pair, &names, NULL);
            if (status == STOCKADE_OK)
                status = stockade_emit(core, "duplicates/found", names, NULL, NULL);
        }
    }
    stockade_writer_free(pair);
    printf("%zu files read\n", folder->count);
    fflush(stdout);
    return status;
}

/* `duplicates.of`: the names of all files that are the same as this one. */
static stockade_status duplicates_of(stockade_handling *handling, void *user) {
    const struct folder *folder = user;
    stockade_value name = stockade_handling_argument(handling, "name"), names;
    const struct file *asked = NULL;
    for (size_t at = 0; at < folder->count; at++) {
        if (stockade_is_text(name, folder->files[at].name))
            asked = &folder->files[at];
    }
    if (asked == NULL)
        return stockade_answer_error(handling, STOCKADE_CODE_NOT_FOUND, "there is no such file", name);
    stockade_writer *writer = stockade_writer_new();
    stockade_open_array(writer);
    for (size_t at = 0; at < folder->count; at++) {
        if (is_same(asked, &folder->files[at]))
            stockade_put(writer, stockade_text(folder->files[at].name));
    }
    stockade_shut(writer);
    stockade_status status = stockade_writer_value(writer, &names, NULL);
    if (status == STOCKADE_OK)
        status = stockade_answer(handling, names, NULL);
    stockade_writer_free(writer);
    return status;
}

int main(void) {
    const char *const arguments[] = {"name", NULL};
    const stockade_export_options exported = {.idempotent = true, .arguments = arguments};
    struct folder folder = {0};
    stockade_core *core = NULL;
    stockade_error *error = NULL;
    stockade_status status = stockade_connect(&core, NULL, NULL);
    if (status == STOCKADE_OK)
        status = stockade_export(core, "duplicates.of", duplicates_of, &folder, NULL, &exported, &error);
    if (status == STOCKADE_OK)
        status = read_all(core, &folder);
    if (status == STOCKADE_OK)
        status = tell(core, &folder);
    if (status == STOCKADE_OK)
        status = stockade_run(core, &error);
    if (error != NULL && !stockade_is_end(status))
        fprintf(stderr, "finder: %s\n", stockade_error_message(error));
    stockade_error_free(error);
    stockade_free(core); /* takes leave */
    folder_free(&folder);
    return stockade_exit_status(status);
}
