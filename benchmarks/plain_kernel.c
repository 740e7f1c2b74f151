/* The sums of postrisk's kernel as a plain C loop: a yardstick for benchmarks, never shipped.
 *
 * It does what src/postrisk/ngrams.py and model.py do for the shipped hashing (character orders
 * 1 to 5, words of 1 and 2, 18 bits, a table of four int8 weights a bucket, the whole text), over
 * code points that are folded already, and gives the same whole numbers. Scaling, calibration,
 * windows and bands are not in it.
 *
 *     cc -O3 -march=native -shared -fPIC plain_kernel.c -o plain_kernel.so
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { CATEGORIES = 4, ORDERS = 5, BITS = 18, BLANK = ' ', WORD_LIMIT = 0x2000, BLOCK = 256 };
enum { ONE_WORD = 11, TWO_WORDS = 12 };

static const uint32_t MULTIPLIER = 0x01000193u;
static const uint32_t WORD_MULTIPLIER = 0x9E3779B1u;
static const uint32_t SALT = 0x7F4A7C15u;

typedef int8_t Row __attribute__((vector_size(CATEGORIES)));
typedef int32_t Sums __attribute__((vector_size(4 * CATEGORIES)));

/* Murmur3's finaliser; the top bits name the bucket. */
static inline uint32_t bucket_of(uint32_t hash, uint32_t order)
{
    hash += SALT * order;
    hash ^= hash >> 16;
    hash *= 0x85EBCA6Bu;
    hash ^= hash >> 13;
    hash *= 0xC2B2AE35u;
    return hash >> (32 - BITS);
}

static inline Sums weights_of(const int8_t *table, uint32_t bucket)
{
    Row row;
    memcpy(&row, table + (size_t)bucket * CATEGORIES, sizeof row);
    return __builtin_convertvector(row, Sums);
}

static inline Sums add_buckets(Sums sums, const int8_t *table, const uint32_t *buckets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sums += weights_of(table, buckets[i]);
    return sums;
}

/* Character n-grams that start in codes[0 .. starts); codes[last] is the blank after the text.
 * Hashing fills a small buffer, which compilers turn into vector code, and look-ups follow. */
static Sums add_characters(Sums sums, int64_t *count, const uint32_t *codes, size_t starts,
                           size_t last, const int8_t *table)
{
    uint32_t hashes[BLOCK], buckets[BLOCK];
    size_t filled = 0;

    for (size_t i = 0; i < starts; i++) {
        hashes[i] = codes[i];
        buckets[filled] = bucket_of(codes[i], 1);
        filled += codes[i] != BLANK; /* a blank alone is no n-gram */
    }
    sums = add_buckets(sums, table, buckets, filled);
    *count += (int64_t)filled;

    for (uint32_t order = 2; order <= ORDERS; order++) {
        if (last < order - 1)
            break;
        size_t fitting = last - (order - 1) + 1;
        if (fitting > starts)
            fitting = starts;
        for (size_t i = 0; i < fitting; i++) {
            hashes[i] = hashes[i] * MULTIPLIER + codes[i + order - 1];
            buckets[i] = bucket_of(hashes[i], order);
        }
        sums = add_buckets(sums, table, buckets, fitting);
        *count += (int64_t)fitting;
    }
    return sums;
}

/* Words and pairs of words that no other word stands between; the text ends with a blank. */
static Sums add_words(Sums sums, int64_t *count, const uint32_t *codes, size_t length,
                      const uint8_t *is_word, const int8_t *table)
{
    uint32_t hash = 0, power = 1, previous = 0;
    size_t letters = 0, words = 0;

    for (size_t i = 0; i < length; i++) {
        uint32_t code = codes[i];
        if (is_word[code < WORD_LIMIT ? code : WORD_LIMIT]) {
            hash += code * power;
            power *= WORD_MULTIPLIER;
            letters++;
        } else if (letters) {
            sums += weights_of(table, bucket_of(hash, ONE_WORD));
            if (words++)
                sums += weights_of(table, bucket_of(previous * MULTIPLIER + hash, TWO_WORDS));
            previous = hash;
            hash = 0;
            power = 1;
            letters = 0;
        }
    }
    *count += words ? (int64_t)(2 * words - 1) : 0;
    return sums;
}

/* Sum each text's weights.
 *
 * codes    folded code points, a blank before, between and after the texts
 * edges    n_texts + 1 positions of those blanks
 * table    2^18 buckets of four weights
 * is_word  for code points below 0x2000, and one entry, 0, for all others
 * sums     out, n_texts rows of four
 * counts   out, how many n-grams each text has
 */
void plain_sums(const uint32_t *codes, const int64_t *edges, int64_t n_texts, const int8_t *table,
                const uint8_t *is_word, int32_t *sums, int64_t *counts)
{
    for (int64_t text = 0; text < n_texts; text++) {
        const uint32_t *first = codes + edges[text];
        size_t last = (size_t)(edges[text + 1] - edges[text]);
        Sums found = {0};

        counts[text] = 0;
        for (size_t at = 0; at < last; at += BLOCK) {
            size_t starts = last - at < BLOCK ? last - at : BLOCK;
            found = add_characters(found, &counts[text], first + at, starts, last - at, table);
        }
        if (last)
            found = add_words(found, &counts[text], first, last + 1, is_word, table);
        memcpy(sums + text * CATEGORIES, &found, sizeof found);
    }
}
