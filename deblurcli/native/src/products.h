/* The number format in which Winograd's products are taken: float32, or bfloat16 where this is compiled for a processor
   that multiplies it.

   Transformed values and weights lie in words of four bytes: one number, or two of neighbouring channels. One
   instruction multiplies words and adds the products to float32. */
#ifndef DEBLUR_PRODUCTS_H
#define DEBLUR_PRODUCTS_H

#include "vector.h"

#if defined(__AVX512BF16__)

enum { CHANNELS_PER_WORD = 2 };

INLINE Vector add_products(Vector sum, Vector weights, float word) {
    return (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)weights, (__m512bh)_mm512_set1_ps(word));
}

/* Values of LANES channels, to half as many words. */
INLINE void store_values(float *to, Vector values) {
    _mm256_storeu_si256((__m256i *)to, (__m256i)_mm512_cvtneps_pbh((__m512)values));
}

/* Weights of the channels of one word, to LANES words. */
INLINE void store_weights(float *to, const Vector weights[CHANNELS_PER_WORD]) {
    __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)weights[0]));
    __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)weights[1]));
    store(to, (Vector)_mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}

#else

enum { CHANNELS_PER_WORD = 1 };

INLINE Vector add_products(Vector sum, Vector weights, float word) { return sum + weights * word; }
INLINE void store_values(float *to, Vector values) { store(to, values); }
INLINE void store_weights(float *to, const Vector weights[CHANNELS_PER_WORD]) { store(to, weights[0]); }

#endif

#endif
