/* Vectors of floats, as wide as the registers of the instruction set that this file is compiled for.

   GCC's and Clang's vector extensions give every instruction set the same source: the usual operators work element by
   element, a scalar operand is broadcast, and a product that is added becomes one fused instruction where there is one
   (-ffp-contract=fast). */
#ifndef DEBLUR_VECTOR_H
#define DEBLUR_VECTOR_H

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
enum { LANES = 16, REGISTERS = 32 };
#elif defined(__AVX2__)
enum { LANES = 8, REGISTERS = 16 };
#elif defined(__aarch64__)
enum { LANES = 4, REGISTERS = 32 };
#else
enum { LANES = 4, REGISTERS = 16 };
#endif

typedef float Vector __attribute__((vector_size(4 * LANES)));
typedef double Doubles __attribute__((vector_size(8 * LANES)));
typedef int Mask __attribute__((vector_size(4 * LANES)));
typedef Vector Anywhere __attribute__((aligned(4), may_alias)); /* in memory, at any address of a float */

/* A product's block of results that stays in registers: TALL rows of WIDE vectors. */
enum { WIDE = 2, TALL = REGISTERS == 32 ? 12 : 6, PANEL = WIDE * LANES };

#define INLINE static inline __attribute__((always_inline))

INLINE Vector load(const float *from) { return *(const Anywhere *)from; }
INLINE void store(float *to, Vector value) { *(Anywhere *)to = value; }
INLINE Vector all(float value) { return value - (Vector){0}; }
INLINE Vector zeros(void) { return (Vector){0}; }

INLINE float sum_of(Vector x) {
#if defined(__AVX512F__)
    return _mm512_reduce_add_ps((__m512)x); /* which the compiler does not make of the loop */
#else
    for (int half = LANES / 2; half; half /= 2)
        for (int i = 0; i < half; i++)
            x[i] += x[i + half];
    return x[0];
#endif
}

/* Element by element, `limit` where x is NaN: one instruction. */
INLINE Vector at_most(Vector x, Vector limit) {
#if defined(__AVX512F__)
    return (Vector)_mm512_min_ps((__m512)x, (__m512)limit);
#else
    Mask below = x < limit;
    return (Vector)(((Mask)x & below) | ((Mask)limit & ~below));
#endif
}
INLINE Vector at_least(Vector x, Vector limit) {
#if defined(__AVX512F__)
    return (Vector)_mm512_max_ps((__m512)x, (__m512)limit);
#else
    Mask above = x > limit;
    return (Vector)(((Mask)x & above) | ((Mask)limit & ~above));
#endif
}

/* 1 / x for 2^-126 <= x <= 2^126, to fourteen binary digits at least, and up to a rounding or two. */
INLINE Vector rough_reciprocal(Vector x) {
#if defined(__AVX512F__)
    return (Vector)_mm512_rcp14_ps((__m512)x); /* a division takes as long as ten products */
#else
    return 1.0f / x;
#endif
}
INLINE Vector reciprocal(Vector x) {
#if defined(__AVX512F__)
    Vector guess = rough_reciprocal(x);
    return guess + guess * (1.0f - guess * x);
#else
    return 1.0f / x;
#endif
}

/* NaN stays NaN, as in PyTorch, so that a network that fails can be noticed. */
INLINE Vector relu(Vector x) { return (Vector)((Mask)x & ~(x <= zeros())); }
INLINE Vector leaky_relu(Vector x, float slope) {
    Mask below = x < zeros();
    return (Vector)(((Mask)(x * slope) & below) | ((Mask)x & ~below));
}

#endif
