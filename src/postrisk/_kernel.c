/* The scoring kernel in C: the same numbers, to the bit, as postrisk.folding, postrisk.ngrams,
 * postrisk.model and postrisk.explanation give with numpy. Optional: it is built where a compiler
 * is found when the package is installed, and postrisk.native loads it with ctypes.
 *
 * Nothing is allocated that grows with a batch, only with its longest text. Floating-point
 * expressions keep numpy's order of operations; build with -ffp-contract=off.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(POSTRISK_CLONES)
#define CLONED __attribute__((target_clones("avx2", "default")))
#else
#define CLONED
#endif
#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum { BLANK = ' ', CODE_POINTS = 0x110000, CODE = 0x1FFFFF, CLASS_SHIFT = 24 };
enum { HAN = 1, LATIN = 2, WORD = 4 };   /* classes of folded code points */
enum { UND, EN, ZH };
enum { IN_WORD = 1, IS_SPACE = 2, IS_HAN = 4, IS_ALNUM = 8 }; /* classes for spans */
enum { LONGEST_ORDER = 8, LANES = 4, CHUNK = 256, NO_MEMORY = -1 };
enum { SUMS_FIT = 1 << 20 };             /* characters whose sums fit 32 bits */
enum { SHARES = 840, SPAN_COST = 5 };    /* lcm of 1 to 8; a fifth of the strongest token */

static const uint32_t MULTIPLIER = 0x01000193u, WORD_MULTIPLIER = 0x9E3779B1u;
static const uint32_t SALT = 0x7F4A7C15u, MIX_1 = 0x85EBCA6Bu, MIX_2 = 0xC2B2AE35u;
static const uint32_t WORD_1 = 11, WORD_2 = 12;          /* orders, as far as salts go */

/* Mirrors postrisk.native._Model field by field. */
typedef struct {
    const uint32_t *folded;      /* by code point: 0 to delete, else class << 24 | folded code
                                    point, or CODE_POINTS + number of an expansion */
    const int64_t *expansion_starts, *expansion_lengths;
    const uint32_t *expansions;  /* class << 24 | folded code point */
    const int8_t *weights;       /* n_buckets x stride */
    const double *scales;
    const int64_t *widths;
    int64_t n_widths, steps, whole;
    int64_t n_categories, stride;            /* stride: n_categories rounded up to lanes */
    int64_t char_orders, longest_order, word_orders; /* bit sets: order k is bit k */
    int64_t bits;
} Model;

/* One text, folded: codes[0] and codes[length] are the blanks at its edges, and n-grams start at
 * 0 .. length - 1. A text that folds to nothing has length 0. */
typedef struct {
    uint32_t *codes;
    uint8_t *classes;
    int64_t *sources;            /* original character of each code, where it is wanted */
    int64_t capacity, length;
} Folded;

/* The word n-grams of one text. */
typedef struct {
    uint32_t *buckets;
    int64_t *starts, *ends;
    int64_t capacity, n;
} Words;

/* Sums of weights and numbers of n-grams that start before each position of one text. Sums wrap
 * around: the difference of two is right while it fits 32 bits, as in every window it does. */
typedef struct {
    uint32_t *sums;              /* (length + 1) x stride */
    int64_t *counts;
    int64_t capacity;
} Cumulated;

typedef struct {
    double part;
    int64_t sum, count, start, end;
} Window;

/* A stretch of tokens, the sums on its left and at its end, and the nearest segment before it
 * that has less on its left. */
typedef struct {
    int64_t start, end, left, right, lower;
} Segment;

/* What each character of one text adds, and its tokens and their segments. */
typedef struct {
    uint8_t *classes;            /* of each original character */
    int64_t *steps, *rests;      /* by folded character */
    int64_t *characters;         /* by original character */
    int64_t *bounds, *scores;    /* of tokens */
    Segment *segments;
    int64_t capacity;
} Shares;

typedef struct {
    Folded text;
    Words words;
    Cumulated before;
    int64_t *total;
    Window *best;
    Shares shares;
} Scratch;

/* Grow the array that a pointer of any type points to; on failure the old one stays. */
static int grow(void *pointer, int64_t items, size_t size) {
    void *array;
    memcpy(&array, pointer, sizeof array);
    array = realloc(array, (size_t)items * size);
    if (!array) return NO_MEMORY;
    memcpy(pointer, &array, sizeof array);
    return 0;
}

/* ------------------------------------------------------------------ reading and folding */

/* Decode one code point and move on. Surrogates encoded like other code points are taken; what is
 * no UTF-8 becomes U+FFFD, and nothing is read beyond the end. */
ALWAYS_INLINE uint32_t decode(const uint8_t **at, const uint8_t *end) {
    const uint8_t *p = *at;
    uint32_t first = p[0];
    if (first < 0x80) {
        *at = p + 1;
        return first;
    }
    int64_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC0 || end - p < size) {
        *at = p + 1;
        return 0xFFFD;
    }
    *at = p + size;
    uint32_t code = first & (0xFFu >> (size + 1));
    for (int64_t i = 1; i < size; i++) code = code << 6 | (p[i] & 0x3F);
    return code < CODE_POINTS ? code : 0xFFFD;
}

static int reserve(Folded *text, int64_t size, int with_sources) {
    if (size <= text->capacity) return 0;
    int64_t capacity = size + size / 2 + 64, padded = capacity + LONGEST_ORDER;
    if (grow(&text->codes, padded, sizeof *text->codes)) return NO_MEMORY;
    if (grow(&text->classes, padded, sizeof *text->classes)) return NO_MEMORY;
    if (with_sources && grow(&text->sources, padded, sizeof *text->sources)) return NO_MEMORY;
    text->capacity = capacity;
    return 0;
}

/* Add a folded character unless it is a repeated blank or the third of a run; digits may run. */
ALWAYS_INLINE int64_t push(Folded *text, int64_t n, uint32_t entry, int64_t source, int sources) {
    uint32_t code = entry & CODE;
    if (code == text->codes[n - 1] &&
        (code == BLANK || (n > 1 && text->codes[n - 2] == code && (code < '0' || code > '9'))))
        return n;
    text->codes[n] = code;
    text->classes[n] = (uint8_t)(entry >> CLASS_SHIFT);
    if (sources) text->sources[n] = source;
    return n + 1;
}

/* Fold the text that starts at *at and ends at `end` or after `limit` characters. */
ALWAYS_INLINE int fold(const Model *model, const uint8_t **at, const uint8_t *end, int64_t limit,
                       Folded *text, int sources) {
    const uint8_t *p = *at;
    int64_t n = 1, read = 0, bound = end - p < limit ? end - p : limit;
    if (reserve(text, bound + 3, sources)) return NO_MEMORY;
    text->codes[0] = BLANK;
    text->classes[0] = 0;
    for (; p < end && read < limit; read++) {
        uint32_t entry = model->folded[decode(&p, end)];
        if (entry == 0) continue;
        if ((entry & CODE) < CODE_POINTS) {
            n = push(text, n, entry, read, sources);
            continue;
        }
        int64_t which = (entry & CODE) - CODE_POINTS, length = model->expansion_lengths[which];
        if (reserve(text, n + length + (bound - read) + 3, sources)) return NO_MEMORY;
        const uint32_t *expansion = model->expansions + model->expansion_starts[which];
        for (int64_t i = 0; i < length; i++) n = push(text, n, expansion[i], read, sources);
    }
    *at = p;
    /* A blank at the end is the text's edge; one is put where there is none. */
    text->length = text->codes[n - 1] == BLANK ? n - 1 : n;
    memset(text->codes + text->length + 1, 0, LONGEST_ORDER * sizeof *text->codes);
    text->codes[text->length] = BLANK;
    text->classes[text->length] = 0;
    return 0;
}

ALWAYS_INLINE int8_t language_of(const Folded *text) {
    int64_t han = 0, latin = 0;
    for (int64_t i = 0; i < text->length; i++) {
        han += text->classes[i] & HAN;
        latin += (text->classes[i] & LATIN) / LATIN;
    }
    if (!han && !latin) return UND;
    return 3 * han >= latin ? ZH : EN;
}

/* ------------------------------------------------------------------------------ n-grams */

ALWAYS_INLINE uint32_t bucket(uint32_t hash, uint32_t order, int64_t bits) {
    uint32_t mixed = hash + SALT * order;
    mixed ^= mixed >> 16;
    mixed *= MIX_1;
    mixed ^= mixed >> 13;
    mixed *= MIX_2;
    return mixed >> (32 - bits);
}

/* At how many positions of a text, from the first on, an n-gram of an order starts. */
ALWAYS_INLINE int64_t n_starts(int64_t length, int64_t order) {
    int64_t fits = order == 1 ? length : length - order + 2;
    return fits < 0 ? 0 : fits;
}

/* Hash the character n-grams that start at `base` and after it, one order a row. Gives in `starts`
 * how many of a chunk's positions each order has. */
ALWAYS_INLINE int64_t hash_chunk(const Model *model, const Folded *text, int64_t base,
                                 uint32_t buckets[][CHUNK], int64_t *starts) {
    uint32_t hashes[CHUNK];
    const uint32_t *codes = text->codes + base;
    int64_t left = text->length - base, here = left < CHUNK ? left : CHUNK;
    memcpy(hashes, codes, (size_t)here * sizeof *hashes);
    for (int64_t order = 1; order <= model->longest_order; order++) {
        if (order > 1)
            for (int64_t i = 0; i < here; i++)
                hashes[i] = hashes[i] * MULTIPLIER + codes[i + order - 1];
        int64_t n = n_starts(text->length, order) - base;
        starts[order] = 0;
        if (!(model->char_orders >> order & 1) || n <= 0) continue;
        starts[order] = n < here ? n : here;
        for (int64_t i = 0; i < here; i++)
            buckets[order][i] = bucket(hashes[i], (uint32_t)order, model->bits);
    }
    return here;
}

static void add_word(Words *words, uint32_t bucket, int64_t start, int64_t end) {
    words->buckets[words->n] = bucket;
    words->starts[words->n] = start;
    words->ends[words->n++] = end;
}

/* Find words, which are runs of letters and digits of alphabets, and pairs of neighbours. */
ALWAYS_INLINE int find_words(const Model *model, const Folded *text, Words *words) {
    words->n = 0;
    if (!model->word_orders) return 0;
    if (text->length + 1 > words->capacity) {
        int64_t capacity = text->length + text->length / 2 + 64;
        if (grow(&words->buckets, capacity, sizeof *words->buckets) ||
            grow(&words->starts, capacity, sizeof *words->starts) ||
            grow(&words->ends, capacity, sizeof *words->ends))
            return NO_MEMORY;
        words->capacity = capacity;
    }
    uint32_t before = 0;
    int64_t before_start = -1;
    for (int64_t i = 1; i < text->length; i++) {
        if (!(text->classes[i] & WORD)) continue;
        int64_t start = i;
        uint32_t hash = 0, power = 1;
        for (; text->classes[i] & WORD; i++, power *= WORD_MULTIPLIER)
            hash += text->codes[i] * power;
        if (model->word_orders >> 1 & 1)
            add_word(words, bucket(hash, WORD_1, model->bits), start, i);
        if ((model->word_orders >> 2 & 1) && before_start >= 0)
            add_word(words, bucket(before * MULTIPLIER + hash, WORD_2, model->bits), before_start,
                     i);
        before = hash;
        before_start = start;
    }
    return 0;
}

/* -------------------------------------------------------------------------------- sums */

/* Four weights as unsigned bytes, each 128 too high. */
ALWAYS_INLINE uint32_t four(const int8_t *weights) {
    uint32_t row;
    memcpy(&row, weights, sizeof row);
    return row ^ 0x80808080u;
}

/* Add the rows of at most CHUNK buckets to the sums of four categories. Two 16-bit lanes a word
 * hold 257 bytes. */
ALWAYS_INLINE void add_rows(const int8_t *weights, int64_t stride, const uint32_t *buckets,
                            int64_t n, int64_t *sums) {
    uint32_t even = 0, odd = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t row = four(weights + (int64_t)buckets[i] * stride);
        even += row & 0x00FF00FFu;
        odd += row >> 8 & 0x00FF00FFu;
    }
    sums[0] += (int64_t)(even & 0xFFFF) - 128 * n;
    sums[1] += (int64_t)(odd & 0xFFFF) - 128 * n;
    sums[2] += (int64_t)(even >> 16) - 128 * n;
    sums[3] += (int64_t)(odd >> 16) - 128 * n;
}

/* Sum the weights of a whole text and count its n-grams. */
ALWAYS_INLINE int64_t sum_text(const Model *model, const Folded *text, const Words *words,
                               int64_t *total) {
    uint32_t buckets[LONGEST_ORDER + 1][CHUNK];
    int64_t starts[LONGEST_ORDER + 1], stride = model->stride, count = words->n, blanks = 0;
    memset(total, 0, (size_t)stride * sizeof *total);
    for (int64_t base = 0; base < text->length; base += CHUNK) {
        hash_chunk(model, text, base, buckets, starts);
        for (int64_t order = 1; order <= model->longest_order; order++) {
            count += starts[order];
            for (int64_t lane = 0; lane < stride; lane += LANES)
                add_rows(model->weights + lane, stride, buckets[order], starts[order],
                         total + lane);
        }
    }
    if (model->char_orders >> 1 & 1) {   /* a blank alone is no n-gram */
        const int8_t *row = model->weights + (int64_t)bucket(BLANK, 1, model->bits) * stride;
        for (int64_t i = 0; i < text->length; i++) blanks += text->codes[i] == BLANK;
        for (int64_t c = 0; c < stride; c++) total[c] -= blanks * row[c];
    }
    for (int64_t first = 0; first < words->n; first += CHUNK) {
        int64_t n = words->n - first < CHUNK ? words->n - first : CHUNK;
        for (int64_t lane = 0; lane < stride; lane += LANES)
            add_rows(model->weights + lane, stride, words->buckets + first, n, total + lane);
    }
    return count - blanks;
}

/* Cumulate the weights and numbers of n-grams by the position where they start. */
ALWAYS_INLINE int cumulate(const Model *model, const Folded *text, const Words *words,
                           Cumulated *before) {
    uint32_t buckets[LONGEST_ORDER + 1][CHUNK];
    int64_t starts[LONGEST_ORDER + 1], stride = model->stride, n = text->length + 1;
    if (n > before->capacity) {
        int64_t capacity = n + n / 2;
        if (grow(&before->sums, capacity * stride, sizeof *before->sums) ||
            grow(&before->counts, capacity, sizeof *before->counts))
            return NO_MEMORY;
        before->capacity = capacity;
    }
    uint32_t *sums = before->sums;
    int64_t *counts = before->counts;
    memset(sums, 0, (size_t)(n * stride) * sizeof *sums);
    memset(counts, 0, (size_t)n * sizeof *counts);
    for (int64_t i = 0; i < words->n; i++) {
        const int8_t *row = model->weights + (int64_t)words->buckets[i] * stride;
        int64_t after = words->starts[i] + 1;
        counts[after]++;
        for (int64_t c = 0; c < stride; c++) sums[after * stride + c] += (uint32_t)row[c];
    }
    for (int64_t base = 0; base < text->length; base += CHUNK) {
        int64_t here = hash_chunk(model, text, base, buckets, starts);
        if (model->char_orders >> 1 & 1) starts[1] = here;
        for (int64_t i = 0; i < here; i++) {
            int64_t at = base + i, first = text->codes[at] == BLANK ? 2 : 1, found = 0;
            uint32_t *after = sums + (at + 1) * stride;
            for (int64_t lane = 0; lane < stride; lane += LANES) {
                uint32_t even = 0, odd = 0;
                found = 0;
                for (int64_t order = first; order <= model->longest_order; order++) {
                    if (i >= starts[order]) continue;
                    uint32_t row = four(model->weights + (int64_t)buckets[order][i] * stride + lane);
                    even += row & 0x00FF00FFu;
                    odd += row >> 8 & 0x00FF00FFu;
                    found++;
                }
                uint32_t bias = 128 * (uint32_t)found;
                const uint32_t *last = after - stride + lane;
                after[lane] += last[0] + (even & 0xFFFF) - bias;
                after[lane + 1] += last[1] + (odd & 0xFFFF) - bias;
                after[lane + 2] += last[2] + (even >> 16) - bias;
                after[lane + 3] += last[3] + (odd >> 16) - bias;
            }
            counts[at + 1] += counts[at] + found;
        }
    }
    return 0;
}

/* ----------------------------------------------------------------------------- windows */

/* Let a window compete; of equal ones the first to start wins, then the shorter. */
ALWAYS_INLINE void compete(Window *best, double scale, int64_t sum, int64_t count, int64_t start,
                           int64_t end) {
    double factor = count > 0 ? 1.0 / sqrt((double)count) : 0.0;
    double part = scale * (double)sum * factor;
    if (best->end < 0 || part > best->part ||
        (part == best->part && (start < best->start || (start == best->start && end < best->end))))
        *best = (Window){part, sum, count, start, end};
}

ALWAYS_INLINE void compete_between(const Model *model, const Cumulated *before, int64_t start,
                                   int64_t end, Window *best) {
    const uint32_t *first = before->sums + start * model->stride;
    const uint32_t *last = before->sums + end * model->stride;
    int64_t count = before->counts[end] - before->counts[start];
    for (int64_t c = 0; c < model->n_categories; c++)
        compete(best + c, model->scales[c], (int32_t)(last[c] - first[c]), count, start, end);
}

/* Find the winning window of one folded text in each category. */
ALWAYS_INLINE int best_windows(const Model *model, Scratch *s) {
    const Folded *text = &s->text;
    int64_t length = text->length - 1;   /* without the blank at its edge */
    for (int64_t c = 0; c < model->n_categories; c++) s->best[c].end = -1;
    if (find_words(model, text, &s->words)) return NO_MEMORY;
    int itself = model->whole || !model->n_widths ||
                 length <= model->widths[model->n_widths - 1];
    int split = model->n_widths && length > model->widths[0];
    if (split && cumulate(model, text, &s->words, &s->before)) return NO_MEMORY;
    if (itself && split && length < SUMS_FIT) {
        compete_between(model, &s->before, 0, text->length, s->best);
    } else if (itself) {
        int64_t count = sum_text(model, text, &s->words, s->total);
        for (int64_t c = 0; c < model->n_categories; c++)
            compete(s->best + c, model->scales[c], s->total[c], count, 0, text->length);
    }
    if (!split) return 0;
    for (int64_t w = 0; w < model->n_widths && model->widths[w] < length; w++) {
        int64_t width = model->widths[w], stride = width / model->steps, last = length - width;
        for (int64_t offset = 0;; offset += stride) {
            if (offset > last) offset = last;
            compete_between(model, &s->before, offset ? offset + 1 : 0, offset + 1 + width,
                            s->best);
            if (offset == last) break;
        }
    }
    return 0;
}

static int open_scratch(const Model *model, Scratch *s) {
    memset(s, 0, sizeof *s);
    return grow(&s->total, model->stride, sizeof *s->total) ||
           grow(&s->best, model->n_categories, sizeof *s->best);
}

static void close_scratch(Scratch *s) {
    void *arrays[] = {s->text.codes, s->text.classes, s->text.sources, s->words.buckets,
                      s->words.starts, s->words.ends, s->before.sums, s->before.counts,
                      s->total, s->best, s->shares.classes, s->shares.steps, s->shares.rests,
                      s->shares.characters, s->shares.bounds, s->shares.scores,
                      s->shares.segments};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
}

/* Score n texts that stand one after another in `data` as UTF-8.
 *
 * Text i is data[bounds[i] .. bounds[i + 1]); or, where `lengths` is given, the next lengths[i]
 * characters from data[bounds[0]] on, before data[bounds[1]]. Gives the sums and counts of the
 * winning windows, n x n_categories, and languages. */
CLONED int postrisk_score(const Model *model, const uint8_t *data, const int64_t *bounds,
                          const int64_t *lengths, int64_t n, int64_t *sums, int64_t *counts,
                          int8_t *languages) {
    Scratch s;
    int failed = open_scratch(model, &s);
    const uint8_t *at = data + bounds[0];
    for (int64_t i = 0; i < n && !failed; i++) {
        const uint8_t *end = data + bounds[lengths ? 1 : i + 1];
        failed = fold(model, &at, end, lengths ? lengths[i] : INT64_MAX, &s.text, 0) ||
                 best_windows(model, &s);
        if (failed) break;
        languages[i] = language_of(&s.text);
        for (int64_t c = 0; c < model->n_categories; c++) {
            *sums++ = s.best[c].sum;
            *counts++ = s.best[c].count;
        }
    }
    close_scratch(&s);
    return failed ? NO_MEMORY : 0;
}

/* ------------------------------------------------------------------------ explaining */

static int reserve_shares(Shares *shares, int64_t size) {
    if (size <= shares->capacity) return 0;
    int64_t capacity = size + size / 2 + 64;
    if (grow(&shares->classes, capacity, sizeof *shares->classes) ||
        grow(&shares->steps, capacity, sizeof *shares->steps) ||
        grow(&shares->rests, capacity, sizeof *shares->rests) ||
        grow(&shares->characters, capacity, sizeof *shares->characters) ||
        grow(&shares->bounds, capacity, sizeof *shares->bounds) ||
        grow(&shares->scores, capacity, sizeof *shares->scores) ||
        grow(&shares->segments, capacity, sizeof *shares->segments))
        return NO_MEMORY;
    shares->capacity = capacity;
    return 0;
}

/* Share the weight of one n-gram evenly among its characters in the window; the blanks at the
 * text's edges get nothing, and what does not divide goes to the first. */
static void share(Shares *shares, const Window *window, int64_t start, int64_t end,
                  int64_t weight) {
    if (start < window->start || start >= window->end) return;
    int64_t first = start ? start : 1, last = end < window->end ? end : window->end;
    int64_t size = last - first, all = weight * SHARES;
    int64_t even = all / size - (all % size < 0);
    shares->steps[first] += even;
    shares->steps[last] -= even;
    shares->rests[first] += all - even * size;
}

/* Share all n-grams of the winning window, and bring the shares to the original characters. */
ALWAYS_INLINE void share_text(const Model *model, Scratch *s, int64_t category,
                              int64_t n_characters) {
    uint32_t buckets[LONGEST_ORDER + 1][CHUNK];
    int64_t starts[LONGEST_ORDER + 1], stride = model->stride, running = 0;
    const Folded *text = &s->text;
    const Window *window = s->best + category;
    const int8_t *weights = model->weights + category;
    Shares *shares = &s->shares;
    int64_t sign = model->scales[category] < 0 ? -1 : 1;
    memset(shares->steps, 0, (size_t)(text->length + 2) * sizeof *shares->steps);
    memset(shares->rests, 0, (size_t)(text->length + 2) * sizeof *shares->rests);
    memset(shares->characters, 0, (size_t)n_characters * sizeof *shares->characters);
    for (int64_t base = 0; base < text->length; base += CHUNK) {
        hash_chunk(model, text, base, buckets, starts);
        for (int64_t order = 1; order <= model->longest_order; order++)
            for (int64_t i = 0; i < starts[order]; i++)
                if (order > 1 || text->codes[base + i] != BLANK)
                    share(shares, window, base + i, base + i + order,
                          sign * weights[(int64_t)buckets[order][i] * stride]);
    }
    for (int64_t i = 0; i < s->words.n; i++)
        share(shares, window, s->words.starts[i], s->words.ends[i],
              sign * weights[(int64_t)s->words.buckets[i] * stride]);
    for (int64_t i = 1; i < text->length; i++) {
        running += shares->steps[i];
        shares->characters[text->sources[i]] += running + shares->rests[i];
    }
}

/* Cut the original text into tokens: Han characters, words, blanks, and single signs. */
static int64_t find_tokens(Shares *shares, int64_t n_characters) {
    const uint8_t *classes = shares->classes;
    int64_t n = 0, i = 0;
    while (i < n_characters) {
        int64_t sum = 0;
        uint8_t run = classes[i] & IS_HAN ? 0 : classes[i] & (IN_WORD | IS_SPACE);
        shares->bounds[n] = i;
        do sum += shares->characters[i++];
        while (i < n_characters && run && (classes[i] & run));
        shares->scores[n++] = sum;
    }
    shares->bounds[n] = i;
    return n;
}

/* Find all maximal scoring segments in linear time (Ruzzo and Tompa, ISMB 1999). */
static int64_t maximal_segments(Shares *shares, int64_t n_tokens) {
    Segment *segments = shares->segments;
    int64_t n = 0, total = 0;
    for (int64_t i = 0; i < n_tokens; i++) {
        int64_t left = total;
        total += shares->scores[i];
        if (shares->scores[i] <= 0) continue;
        Segment found = {i, i + 1, left, total, -1};
        for (;;) {
            int64_t before = n - 1;
            while (before >= 0 && segments[before].left >= found.left)
                before = segments[before].lower;
            if (before < 0 || segments[before].right >= total) {
                found.lower = before;
                segments[n++] = found;
                break;
            }
            found.start = segments[before].start;
            found.left = segments[before].left;
            n = before;
        }
    }
    return n;
}

/* Find the stretch of whole tokens that adds the most; start -1 where none adds anything. */
static void strongest_span(Shares *shares, int64_t n_characters, int64_t *start, int64_t *end) {
    int64_t n_tokens = find_tokens(shares, n_characters), strongest = 0, most = 0;
    *start = *end = -1;
    for (int64_t i = 0; i < n_tokens; i++)
        if (shares->scores[i] > strongest) strongest = shares->scores[i];
    if (!strongest) return;
    for (int64_t i = 0; i < n_tokens; i++)
        shares->scores[i] = SPAN_COST * shares->scores[i] - strongest;
    int64_t n = maximal_segments(shares, n_tokens);
    for (int64_t i = 0; i < n; i++) {
        int64_t first = shares->bounds[shares->segments[i].start], sum = 0;
        int64_t last = shares->bounds[shares->segments[i].end], a = first, b = last;
        while (a < b && !(shares->classes[a] & IS_ALNUM)) a++;
        while (b > a && !(shares->classes[b - 1] & IS_ALNUM)) b--;
        if (a < b) first = a, last = b;      /* signs around it are left out */
        for (int64_t j = first; j < last; j++) sum += shares->characters[j];
        if (*start < 0 || sum > most) most = sum, *start = first, *end = last;
    }
}

/* Find the strongest span of n texts, each in one category: text i is
 * data[bounds[i] .. bounds[i + 1]). Gives the span's first and last character, -1 for none. */
CLONED int postrisk_spans(const Model *model, const uint8_t *span_classes, const uint8_t *data,
                          const int64_t *bounds, const int64_t *categories, int64_t n,
                          int64_t *starts, int64_t *ends) {
    Scratch s;
    int failed = open_scratch(model, &s);
    for (int64_t i = 0; i < n && !failed; i++) {
        const uint8_t *at = data + bounds[i], *end = data + bounds[i + 1];
        int64_t n_characters = 0;
        failed = fold(model, &at, end, INT64_MAX, &s.text, 1) || best_windows(model, &s) ||
                 reserve_shares(&s.shares, s.text.length + (end - data - bounds[i]) + 2);
        if (failed) break;
        for (at = data + bounds[i]; at < end; n_characters++)
            s.shares.classes[n_characters] = span_classes[decode(&at, end)];
        share_text(model, &s, categories[i], n_characters);
        strongest_span(&s.shares, n_characters, starts + i, ends + i);
    }
    close_scratch(&s);
    return failed ? NO_MEMORY : 0;
}

/* Raised when a function's arguments or the layout of Model change. */
int postrisk_abi(void) { return 1; }
