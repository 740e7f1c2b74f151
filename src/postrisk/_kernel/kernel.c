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
enum { LONGEST_ORDER = 8, LANES = 4, LANE_FITS = 256, NO_MEMORY = -1 };
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
    const uint8_t *weights;      /* n_buckets x stride, each 128 too high */
    const double *scales, *biases;
    const double *slopes, *intercepts; /* of calibration, by language x category */
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

/* N-grams of one kind, by ascending start: their buckets, and for words where they lie. */
typedef struct {
    uint32_t *buckets;
    int64_t *starts, *ends;
    int64_t n;
} Grams;

/* All n-grams of one text. Those of character order k start at 0, 1, 2, ... */
typedef struct {
    Grams chars[LONGEST_ORDER + 1], words, pairs;
    uint32_t *hashes;
    int64_t capacity;
} TextGrams;

/* Sums of weights and numbers of n-grams that start before each cut of one text. */
typedef struct {
    int64_t *at;                 /* ascending positions */
    int64_t *sums, *counts;      /* n x stride, n */
    int64_t capacity, n;
} Cuts;

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
    TextGrams grams;
    Cuts cuts;
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

static int reserve_grams(TextGrams *grams, int64_t size) {
    if (size <= grams->capacity) return 0;
    int64_t capacity = size + size / 2 + 64;
    Grams *of_words[] = {&grams->words, &grams->pairs};
    for (int order = 1; order <= LONGEST_ORDER; order++)
        if (grow(&grams->chars[order].buckets, capacity, sizeof(uint32_t))) return NO_MEMORY;
    for (int i = 0; i < 2; i++)
        if (grow(&of_words[i]->buckets, capacity, sizeof(uint32_t)) ||
            grow(&of_words[i]->starts, capacity, sizeof(int64_t)) ||
            grow(&of_words[i]->ends, capacity, sizeof(int64_t)))
            return NO_MEMORY;
    if (grow(&grams->hashes, capacity, sizeof(uint32_t))) return NO_MEMORY;
    grams->capacity = capacity;
    return 0;
}

/* Hash the character n-grams, order by order, with a rolling multiply-add. */
ALWAYS_INLINE void hash_chars(const Model *model, const Folded *text, TextGrams *grams) {
    uint32_t *hashes = grams->hashes;
    memcpy(hashes, text->codes, (size_t)text->length * sizeof *hashes);
    for (int64_t order = 1; order <= model->longest_order; order++) {
        int64_t fits = order == 1 ? text->length : text->length - order + 2;
        int64_t n = fits < 0 ? 0 : fits;
        const uint32_t *codes = text->codes + order - 1;
        uint32_t *buckets = grams->chars[order].buckets;
        if (order > 1)
            for (int64_t i = 0; i < n; i++) hashes[i] = hashes[i] * MULTIPLIER + codes[i];
        grams->chars[order].n = 0;
        if (!(model->char_orders >> order & 1)) continue;
        grams->chars[order].n = n;
        for (int64_t i = 0; i < n; i++)
            buckets[i] = bucket(hashes[i], (uint32_t)order, model->bits);
    }
}

static void add_word(Grams *words, uint32_t bucket, int64_t start, int64_t end) {
    words->buckets[words->n] = bucket;
    words->starts[words->n] = start;
    words->ends[words->n++] = end;
}

/* Find words, which are runs of letters and digits of alphabets, and pairs of neighbours. */
ALWAYS_INLINE void hash_words(const Model *model, const Folded *text, TextGrams *grams) {
    uint32_t before = 0;
    int64_t before_start = -1;
    grams->words.n = grams->pairs.n = 0;
    for (int64_t i = 1; i < text->length; i++) {
        if (!(text->classes[i] & WORD)) continue;
        int64_t start = i;
        uint32_t hash = 0, power = 1;
        for (; text->classes[i] & WORD; i++, power *= WORD_MULTIPLIER)
            hash += text->codes[i] * power;
        if (model->word_orders >> 1 & 1)
            add_word(&grams->words, bucket(hash, WORD_1, model->bits), start, i);
        if ((model->word_orders >> 2 & 1) && before_start >= 0)
            add_word(&grams->pairs, bucket(before * MULTIPLIER + hash, WORD_2, model->bits),
                     before_start, i);
        before = hash;
        before_start = start;
    }
}

ALWAYS_INLINE int hash_text(const Model *model, const Folded *text, TextGrams *grams) {
    if (reserve_grams(grams, text->length + LONGEST_ORDER)) return NO_MEMORY;
    hash_chars(model, text, grams);
    if (model->word_orders)
        hash_words(model, text, grams);
    else
        grams->words.n = grams->pairs.n = 0;
    return 0;
}

/* -------------------------------------------------------------------------------- sums */

/* Add the rows of some buckets to the sums of four categories. Two 16-bit lanes a word hold 257
 * bytes; a sum of whole rows less its even bytes leaves the odd ones. */
ALWAYS_INLINE void add_four(const uint8_t *weights, int64_t stride, const uint32_t *buckets,
                            int64_t n, int64_t *sums) {
    for (int64_t first = 0; first < n; first += LANE_FITS) {
        int64_t here = n - first < LANE_FITS ? n - first : LANE_FITS;
        uint64_t all = 0;
        uint32_t even = 0;
        for (int64_t i = first; i < first + here; i++) {
            uint32_t row;
            memcpy(&row, weights + (int64_t)buckets[i] * stride, sizeof row);
            all += row;
            even += row & 0x00FF00FFu;
        }
        uint32_t odd = (uint32_t)((all - even) >> 8);
        sums[0] += (int64_t)(even & 0xFFFF) - 128 * here;
        sums[1] += (int64_t)(odd & 0xFFFF) - 128 * here;
        sums[2] += (int64_t)(even >> 16) - 128 * here;
        sums[3] += (int64_t)(odd >> 16) - 128 * here;
    }
}

/* Add the rows of some buckets to the sums of all categories. */
ALWAYS_INLINE void add_rows(const Model *model, const uint32_t *buckets, int64_t n,
                            int64_t *sums) {
    if (model->stride == LANES) {            /* a constant stride is faster */
        add_four(model->weights, LANES, buckets, n, sums);
        return;
    }
    for (int64_t lane = 0; lane < model->stride; lane += LANES)
        add_four(model->weights + lane, model->stride, buckets, n, sums + lane);
}

/* Add the n-grams of one kind that start before `end`, from number `first` on; gives the next. */
ALWAYS_INLINE int64_t add_words(const Model *model, const Grams *words, int64_t first,
                                int64_t end, int64_t *sums) {
    int64_t last = first;
    while (last < words->n && words->starts[last] < end) last++;
    add_rows(model, words->buckets + first, last - first, sums);
    return last;
}

static int add_cut(Cuts *cuts, int64_t at, int64_t stride) {
    if (cuts->n == cuts->capacity) {
        int64_t capacity = cuts->capacity * 2 + 64;
        if (grow(&cuts->at, capacity, sizeof *cuts->at) ||
            grow(&cuts->counts, capacity, sizeof *cuts->counts) ||
            grow(&cuts->sums, capacity * stride, sizeof *cuts->sums))
            return NO_MEMORY;
        cuts->capacity = capacity;
    }
    cuts->at[cuts->n++] = at;
    return 0;
}

/* Sum weights and count n-grams segment by segment, and cumulate. The first cut is 0. */
ALWAYS_INLINE void sum_segments(const Model *model, const Folded *text, const TextGrams *grams,
                                Cuts *cuts) {
    const int64_t stride = model->stride;
    const uint8_t *blank = model->weights + (int64_t)bucket(BLANK, 1, model->bits) * stride;
    int64_t word = 0, pair = 0;
    memset(cuts->sums, 0, (size_t)stride * sizeof *cuts->sums);
    cuts->counts[0] = 0;
    for (int64_t cut = 1; cut < cuts->n; cut++) {
        int64_t start = cuts->at[cut - 1], end = cuts->at[cut], count = -word - pair;
        int64_t *sums = cuts->sums + cut * stride;
        memcpy(sums, sums - stride, (size_t)stride * sizeof *sums);
        for (int64_t order = 1; order <= model->longest_order; order++) {
            const Grams *chars = grams->chars + order;
            int64_t n = (end < chars->n ? end : chars->n) - start;
            if (n <= 0) continue;
            count += n;
            add_rows(model, chars->buckets + start, n, sums);
        }
        if (model->char_orders >> 1 & 1) {   /* a blank alone is no n-gram */
            int64_t blanks = 0;
            for (int64_t i = start; i < end; i++) blanks += text->codes[i] == BLANK;
            for (int64_t c = 0; c < stride; c++) sums[c] -= blanks * (blank[c] - 128);
            count -= blanks;
        }
        word = add_words(model, &grams->words, word, end, sums);
        pair = add_words(model, &grams->pairs, pair, end, sums);
        cuts->counts[cut] = cuts->counts[cut - 1] + count + word + pair;
    }
}

/* ----------------------------------------------------------------------------- windows */

ALWAYS_INLINE double normaliser(int64_t count) {
    return count > 0 ? 1.0 / sqrt((double)count) : 0.0;
}

static int ascending(const void *one, const void *other) {
    int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;
    return (a > b) - (a < b);
}

static int64_t index_of(const Cuts *cuts, int64_t at) {
    const int64_t *found = bsearch(&at, cuts->at, (size_t)cuts->n, sizeof at, ascending);
    return found - cuts->at;
}

/* Let a window compete; of equal ones the first to start wins, then the shorter. */
static void compete(const Model *model, const Cuts *cuts, int64_t start, int64_t end,
                    Window *best) {
    int64_t first = index_of(cuts, start), last = index_of(cuts, end), stride = model->stride;
    int64_t count = cuts->counts[last] - cuts->counts[first];
    double factor = normaliser(count);
    for (int64_t c = 0; c < model->n_categories; c++) {
        int64_t sum = cuts->sums[last * stride + c] - cuts->sums[first * stride + c];
        double part = model->scales[c] * (double)sum * factor;
        Window *b = best + c;
        if (b->end < 0 || part > b->part ||
            (part == b->part && (start < b->start || (start == b->start && end < b->end))))
            *b = (Window){part, sum, count, start, end};
    }
}

/* Call for every window of one width: either note where it is cut, or let it compete. */
static int each_window(const Model *model, int64_t width, int64_t length, Cuts *cuts,
                       Window *best) {
    int64_t stride = width / model->steps, last = length - width;
    for (int64_t offset = 0;; offset += stride) {
        if (offset > last) offset = last;
        int64_t start = offset ? offset + 1 : 0, end = offset + 1 + width;
        if (best)
            compete(model, cuts, start, end, best);
        else if (add_cut(cuts, start, model->stride) || add_cut(cuts, end, model->stride))
            return NO_MEMORY;
        if (offset == last) return 0;
    }
}

static void sort_cuts(Cuts *cuts) {
    int64_t kept = 1;
    qsort(cuts->at, (size_t)cuts->n, sizeof *cuts->at, ascending);
    for (int64_t i = 1; i < cuts->n; i++)
        if (cuts->at[i] != cuts->at[kept - 1]) cuts->at[kept++] = cuts->at[i];
    cuts->n = kept;
}

/* Find the winning window of one folded text in each category. */
ALWAYS_INLINE int best_windows(const Model *model, Scratch *s) {
    Cuts *cuts = &s->cuts;
    int64_t length = s->text.length - 1;   /* without the blank at its edge */
    int split = model->n_widths && length > model->widths[0];
    if (hash_text(model, &s->text, &s->grams)) return NO_MEMORY;
    cuts->n = 0;
    if (add_cut(cuts, 0, model->stride) || add_cut(cuts, s->text.length, model->stride))
        return NO_MEMORY;
    if (split) {
        for (int64_t w = 0; w < model->n_widths && model->widths[w] < length; w++)
            if (each_window(model, model->widths[w], length, cuts, NULL)) return NO_MEMORY;
        sort_cuts(cuts);
    }
    sum_segments(model, &s->text, &s->grams, cuts);
    if (!split) {
        double factor = normaliser(cuts->counts[1]);
        for (int64_t c = 0; c < model->n_categories; c++) {
            int64_t sum = cuts->sums[model->stride + c];
            s->best[c] = (Window){model->scales[c] * (double)sum * factor, sum, cuts->counts[1],
                                  0, s->text.length};
        }
        return 0;
    }
    for (int64_t c = 0; c < model->n_categories; c++) s->best[c].end = -1;
    if (model->whole || length <= model->widths[model->n_widths - 1])
        compete(model, cuts, 0, s->text.length, s->best);
    for (int64_t w = 0; w < model->n_widths && model->widths[w] < length; w++)
        each_window(model, model->widths[w], length, cuts, s->best);
    return 0;
}

static int open_scratch(const Model *model, Scratch *s) {
    memset(s, 0, sizeof *s);
    return grow(&s->best, model->n_categories, sizeof *s->best);
}

static void close_scratch(Scratch *s) {
    Grams *words = &s->grams.words, *pairs = &s->grams.pairs;
    void *arrays[] = {s->text.codes, s->text.classes, s->text.sources, words->buckets,
                      words->starts, words->ends, pairs->buckets, pairs->starts, pairs->ends,
                      s->grams.hashes, s->cuts.at, s->cuts.sums, s->cuts.counts, s->best,
                      s->shares.classes, s->shares.steps, s->shares.rests, s->shares.characters,
                      s->shares.bounds, s->shares.scores, s->shares.segments};
    for (int order = 1; order <= LONGEST_ORDER; order++) free(s->grams.chars[order].buckets);
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
}

/* Score n texts that stand one after another in `data` as UTF-8.
 *
 * Text i is data[bounds[i] .. bounds[i + 1]); or, where `lengths` is given, the next lengths[i]
 * characters from data[bounds[0]] on, before data[bounds[1]]. Gives calibrated logits, n x
 * n_categories, and languages; and the sums and counts of the winning windows where wanted. */
CLONED int postrisk_score(const Model *model, const uint8_t *data, const int64_t *bounds,
                          const int64_t *lengths, int64_t n, double *logits, int8_t *languages,
                          int64_t *sums, int64_t *counts) {
    const int64_t k = model->n_categories;
    Scratch s;
    int failed = open_scratch(model, &s);
    const uint8_t *at = data + bounds[0];
    for (int64_t i = 0; i < n && !failed; i++) {
        const uint8_t *end = data + bounds[lengths ? 1 : i + 1];
        failed = fold(model, &at, end, lengths ? lengths[i] : INT64_MAX, &s.text, 0) ||
                 best_windows(model, &s);
        if (failed) break;
        int8_t language = language_of(&s.text);
        const double *slopes = model->slopes + language * k;
        const double *intercepts = model->intercepts + language * k;
        languages[i] = language;
        for (int64_t c = 0; c < k; c++) {
            double logit = model->biases[c] + s.best[c].part;
            logits[i * k + c] = intercepts[c] + slopes[c] * logit;
            if (sums) sums[i * k + c] = s.best[c].sum;
            if (counts) counts[i * k + c] = s.best[c].count;
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
    const Folded *text = &s->text;
    const Window *window = s->best + category;
    const uint8_t *weights = model->weights + category;
    const Grams *of_words[] = {&s->grams.words, &s->grams.pairs};
    Shares *shares = &s->shares;
    int64_t sign = model->scales[category] < 0 ? -1 : 1, stride = model->stride, running = 0;
    memset(shares->steps, 0, (size_t)(text->length + 2) * sizeof *shares->steps);
    memset(shares->rests, 0, (size_t)(text->length + 2) * sizeof *shares->rests);
    memset(shares->characters, 0, (size_t)n_characters * sizeof *shares->characters);
    for (int64_t order = 1; order <= model->longest_order; order++) {
        const Grams *chars = s->grams.chars + order;
        for (int64_t i = 0; i < chars->n; i++)
            if (order > 1 || text->codes[i] != BLANK)
                share(shares, window, i, i + order,
                      sign * (weights[(int64_t)chars->buckets[i] * stride] - 128));
    }
    for (int kind = 0; kind < 2; kind++) {
        const Grams *words = of_words[kind];
        for (int64_t i = 0; i < words->n; i++)
            share(shares, window, words->starts[i], words->ends[i],
                  sign * (weights[(int64_t)words->buckets[i] * stride] - 128));
    }
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
int postrisk_abi(void) { return 2; }
