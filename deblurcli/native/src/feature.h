/* Features in memory: float32, or bfloat16 in the library that multiplies it. Either way a row of them is one of words
   that a product reads (`products.h`): of one number, or of two neighbouring channels'. */
#ifndef DEBLUR_FEATURE_H
#define DEBLUR_FEATURE_H

#include "mixing.h"
#include "products.h"
#include "vector.h"

typedef float Word __attribute__((may_alias, aligned(2)));

#if defined(__AVX512BF16__)

typedef uint16_t Feature;

INLINE Vector load_features(const Feature *from) {
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)from));
    return (Vector)_mm512_slli_epi32(wide, 16);
}
INLINE void store_features(Feature *to, Vector values) {
    _mm256_storeu_si256((__m256i *)to, (__m256i)_mm512_cvtneps_pbh((__m512)values));
}

/* LANES features of each of two rows, to LANES words. */
INLINE void store_pair(Word *to, const Feature *row, const Feature *next) {
    __m512i low = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)row));
    __m512i high = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)next));
    _mm512_storeu_si512(to, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}

#else

typedef float Feature;

INLINE Vector load_features(const Feature *from) { return load(from); }
INLINE void store_features(Feature *to, Vector values) { store(to, values); }
INLINE void store_pair(Word *to, const Feature *row, const Feature *next) {
    (void)next;
    store((float *)to, load(row));
}

#endif

#endif
