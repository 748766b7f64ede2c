/* grants: what this worker may do, as `welcome` said it: patterns over whole segments (docs/protocol.md, section 8).
 *
 * Decides nothing that counts: the core checks everything again. It is here so that a worker's author gets a clear error
 * at once, and before an emit, which has no answer. */
#ifndef STOCKADE_SRC_GRANTS_H
#define STOCKADE_SRC_GRANTS_H

#include "writers.h"

/* A segment of a pattern or a name. */
struct segment {
    const char *data;
    size_t size;
};

/* Takes the next segment off the text; `more` says whether there is another. */
static struct segment segment_take(const char **text, const char *end, char separator, bool *more) {
    const char *begin = *text;
    const char *found = begin < end ? memchr(begin, separator, (size_t)(end - begin)) : NULL;
    struct segment segment = {begin, (size_t)((found ? found : end) - begin)};
    *more = found != NULL;
    *text = found ? found + 1 : end;
    return segment;
}

struct pattern {
    struct segment *segments;
    size_t count;
    /* A pattern is an automaton: its states are the positions in it, and one past its end, where it accepts. These are
     * two sets of them, each `count + 1` flags. */
    bool *now, *next;
};

struct patterns {
    struct pattern *all;
    size_t count;
    char separator;
};

static bool segment_is(struct segment segment, const char *text) {
    return segment.size == strlen(text) && memcmp(segment.data, text, segment.size) == 0;
}

/* Add a position, and those reached from it by letting `**` stand for nothing. */
static void pattern_reach(const struct pattern *pattern, bool *set, size_t position) {
    set[position] = true;
    while (position < pattern->count && segment_is(pattern->segments[position], "**"))
        set[++position] = true;
}

static void pattern_begin(const struct pattern *pattern) {
    memset(pattern->now, 0, pattern->count + 1);
    pattern_reach(pattern, pattern->now, 0);
}

/* One segment more; NULL is one that no pattern names. */
static void pattern_step(struct pattern *pattern, const struct segment *segment) {
    memset(pattern->next, 0, pattern->count + 1);
    for (size_t at = 0; at < pattern->count; at++) {
        if (!pattern->now[at])
            continue;
        const struct segment *own = &pattern->segments[at];
        if (segment_is(*own, "**"))
            pattern_reach(pattern, pattern->next, at);
        else if (segment_is(*own, "*") ||
                 (segment && own->size == segment->size && memcmp(own->data, segment->data, own->size) == 0))
            pattern_reach(pattern, pattern->next, at + 1);
    }
    bool *next = pattern->next;
    pattern->next = pattern->now;
    pattern->now = next;
}

static void pattern_follow(struct pattern *pattern, const char *name, size_t size, char separator) {
    const char *end = name + size;
    pattern_begin(pattern);
    for (bool more = true; more;) {
        struct segment segment = segment_take(&name, end, separator, &more);
        pattern_step(pattern, &segment);
    }
}

static bool pattern_matches(struct pattern *pattern, const char *name, size_t size, char separator) {
    pattern_follow(pattern, name, size, separator);
    return pattern->now[pattern->count];
}

/* Whether it matches whatever one or more segments follow: if it does so for segments that it does not name, it does so
 * for all. After as many steps as it has positions nothing changes any more. */
static bool pattern_covers(struct pattern *pattern, const char *prefix, size_t size, char separator) {
    pattern_follow(pattern, prefix, size, separator);
    for (size_t step = 0; step <= pattern->count + 1; step++) {
        pattern_step(pattern, NULL);
        if (!pattern->now[pattern->count])
            return false;
    }
    return true;
}

/* Whether it matches anything at all that has one or more segments behind these. */
static bool pattern_meets(struct pattern *pattern, const char *prefix, size_t size, char separator) {
    pattern_follow(pattern, prefix, size, separator);
    for (size_t at = 0; at < pattern->count; at++) {
        if (pattern->now[at])
            return true;
    }
    return false;
}

static bool pattern_init(struct pattern *pattern, const char *text, char separator) {
    const char *end = text + strlen(text);
    size_t most = 1;
    for (const char *at = text; at < end; at++)
        most += *at == separator;
    pattern->segments = malloc(most * sizeof *pattern->segments);
    pattern->now = malloc(most + 1);
    pattern->next = malloc(most + 1);
    if (pattern->segments == NULL || pattern->now == NULL || pattern->next == NULL)
        return false;
    for (bool more = true; more;)
        pattern->segments[pattern->count++] = segment_take(&text, end, separator, &more);
    return true;
}

/* -- a grant: what its patterns allow, and what others deny ------------------------------------------------------------ */

struct grant {
    struct patterns allow, deny;
    char **texts; /* of both, those that allow first: what a stockade_grant shows */
};

static void patterns_free(struct patterns *patterns) {
    for (size_t at = 0; at < patterns->count; at++) {
        free(patterns->all[at].segments);
        free(patterns->all[at].now);
        free(patterns->all[at].next);
    }
    free(patterns->all);
}

static void grant_free(struct grant *grant) {
    size_t count = grant->allow.count + grant->deny.count;
    for (size_t at = 0; grant->texts != NULL && at < count; at++)
        free(grant->texts[at]);
    free(grant->texts);
    patterns_free(&grant->allow);
    patterns_free(&grant->deny);
    memset(grant, 0, sizeof *grant);
}

static bool patterns_init(struct patterns *patterns, stockade_value texts, char separator, char **kept) {
    patterns->separator = separator;
    patterns->all = calloc(stockade_count(texts) + 1, sizeof *patterns->all);
    stockade_iterator each = stockade_iterate(texts);
    for (stockade_value text; patterns->all != NULL && stockade_next(&each, NULL, &text);) {
        char *copy = stockade_text_copy(text);
        if (copy == NULL)
            return false;
        kept[patterns->count] = copy;
        if (!pattern_init(&patterns->all[patterns->count++], copy, separator))
            return false;
    }
    return patterns->all != NULL;
}

/* From two arrays of text. False: no memory, or a text that no name can be (it has a NUL). */
static bool grant_init(struct grant *grant, stockade_value allow, stockade_value deny, char separator) {
    grant->texts = calloc(stockade_count(allow) + stockade_count(deny) + 1, sizeof *grant->texts);
    return grant->texts != NULL && patterns_init(&grant->allow, allow, separator, grant->texts) &&
           patterns_init(&grant->deny, deny, separator, grant->texts + grant->allow.count);
}

typedef bool pattern_test(struct pattern *pattern, const char *name, size_t size, char separator);

static bool patterns_any(const struct patterns *patterns, pattern_test *test, const char *name, size_t size) {
    for (size_t at = 0; at < patterns->count; at++) {
        if (test(&patterns->all[at], name, size, patterns->separator))
            return true;
    }
    return false;
}

static bool grant_allows(const struct grant *grant, const char *name) {
    size_t size = strlen(name);
    return patterns_any(&grant->allow, pattern_matches, name, size) &&
           !patterns_any(&grant->deny, pattern_matches, name, size);
}

/* Whether one allowed pattern matches *every* name that begins with `prefix`, which ends in the separator, and no denied
 * one matches any. */
static bool grant_covers(const struct grant *grant, const char *prefix) {
    size_t size = strlen(prefix) - 1;
    return patterns_any(&grant->allow, pattern_covers, prefix, size) &&
           !patterns_any(&grant->deny, pattern_meets, prefix, size);
}

static stockade_grant grant_shown(const struct grant *grant) {
    stockade_grant shown = {(const char *const *)grant->texts, grant->allow.count, NULL, grant->deny.count};
    shown.deny = shown.allow ? shown.allow + grant->allow.count : NULL;
    return shown;
}

#endif
