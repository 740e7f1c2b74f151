"""The sums of the shipped model's n-grams, compiled by numba; see numba_trial.py."""

from __future__ import annotations

import numba

u32 = numba.uint32


@numba.njit(cache=True, nogil=True)
def bucket(mixed, order, bits):
    mixed = u32(mixed + u32(u32(0x7F4A7C15) * order))
    mixed = u32(mixed ^ (mixed >> u32(16)))
    mixed = u32(mixed * u32(0x85EBCA6B))
    mixed = u32(mixed ^ (mixed >> u32(13)))
    return u32(u32(mixed * u32(0xC2B2AE35)) >> u32(32 - bits))


@numba.njit(cache=True, nogil=True)
def sum_texts(codes, edges, is_word, weights, bits, sums):
    n = weights.shape[1]
    for text in range(len(edges) - 1):
        last, before = edges[text + 1], u32(0)
        has_before, word, power, inside = False, u32(0), u32(1), False
        for i in range(edges[text], last + 1):
            code = codes[i]
            hashed = u32(0)
            for order in range(1, 6):
                if i == last or i + order - 1 > last:
                    break
                hashed = u32(u32(hashed * u32(0x01000193)) + codes[i + order - 1])
                if order > 1 or code != u32(32):
                    row = bucket(hashed, u32(order), bits)
                    for c in range(n):
                        sums[text, c] += weights[row, c]
            if code < u32(len(is_word)) and is_word[code]:
                word = u32(word + u32(code * power)) if inside else code
                power = u32(power * u32(0x9E3779B1)) if inside else u32(0x9E3779B1)
                inside = True
            elif inside:
                row = bucket(word, u32(11), bits)
                for c in range(n):
                    sums[text, c] += weights[row, c]
                if has_before:
                    pair = u32(u32(before * u32(0x01000193)) + word)
                    row = bucket(pair, u32(12), bits)
                    for c in range(n):
                        sums[text, c] += weights[row, c]
                before, has_before, inside = word, True, False
