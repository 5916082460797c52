/* Vectors of floats, as wide as the registers of the instruction set that this file is compiled for.

   GCC's and Clang's vector extensions give every instruction set the same source: the usual operators work element by
   element, a scalar operand is broadcast, and a product that is added becomes one fused instruction where there is one
   (-ffp-contract=fast). */
#ifndef DEBLUR_VECTOR_H
#define DEBLUR_VECTOR_H

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

/* NaN stays NaN, as in PyTorch, so that a network that fails can be noticed. */
INLINE Vector relu(Vector x) { return (Vector)((Mask)x & ~(x <= zeros())); }

#endif
