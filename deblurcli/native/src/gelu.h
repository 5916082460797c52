/* The Gaussian error linear unit in its tanh form: x / (1 + e^-2z), z = sqrt(2 / pi) (x + 0.044715 x^3). */
#ifndef DEBLUR_GELU_H
#define DEBLUR_GELU_H

#include "products.h"
#include "vector.h"

INLINE Vector gelu(Vector x) {
    /* -2z / ln 2, so that what is needed is a power of 2; beyond the limits the result is x or 0 in float32 anyway. */
    Vector t = x * (x * x * -0.102943240f - 2.30220819f);
    t = at_least(at_most(t, all(125.0f)), all(-125.0f));
    Vector power = t + 12582912.0f; /* adding 1.5 x 2^23 rounds to a whole number, which is then in the lowest bits */
    Mask whole = (Mask)power << 23;
    Vector rest = t - (power - 12582912.0f);
    /* 2^rest for -1/2 to 1/2: the polynomials of the least relative error, 7.5e-5 and 7.5e-8 */
    Vector sum;
    if (CHANNELS_PER_WORD == 2) { /* the result will be rounded to eight binary digits */
        sum = rest * 5.517157e-2f + 2.426111e-1f;
        sum = sum * rest + 6.93261e-1f;
        sum = sum * rest + 9.9992807e-1f;
        return x * rough_reciprocal(1.0f + (Vector)((Mask)sum + whole));
    }
    sum = rest * 1.32765e-3f + 9.67554e-3f;
    sum = sum * rest + 5.550713e-2f;
    sum = sum * rest + 2.402212e-1f;
    sum = sum * rest + 6.9314697e-1f;
    sum = sum * rest + 1.00000007f;
    return x * reciprocal(1.0f + (Vector)((Mask)sum + whole));
}

#endif
