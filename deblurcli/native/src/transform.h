/* The transforms of Winograd's algorithm in one direction.

   A window's values, and a kernel's, are a polynomial's coefficients. The transforms evaluate them at 0, at some points
   with both signs and at infinity; products there are those of the polynomials, and transformed back those of the
   convolution. All coefficients here are constants to the compiler. */
#ifndef DEBLUR_TRANSFORM_H
#define DEBLUR_TRANSFORM_H

#include "products.h"
#include "vector.h"

/* Larger windows save multiplications and lose accuracy. In float32 the points for 10 lose 15 dB against those for 8, and
   less than any other pairs of eighths and thirds; bfloat16 has no digits to spare. */
enum { SIDE = CHANNELS_PER_WORD == 1 ? 10 : 8, PLACES = SIDE * SIDE, PAIRS = SIDE / 2 - 1 };
enum { LARGEST_OUT = SIDE - 2, LARGEST_KERNEL = 5 };

/* The points that are taken with both signs. */
INLINE double point(int i) {
    static const double of_10[] = {0.375, 0.75, 1.25, 2.5}, of_8[] = {0.5, 1, 2, 0};
    return SIDE == 10 ? of_10[i] : of_8[i];
}

/* The coefficients of x^0, x^2, x^4 and so on of the product of (x^2 - p^2) for all points p but the one given. */
INLINE void product(int without, double coefficients[PAIRS + 1]) {
    coefficients[0] = 1;
    for (int k = 1; k <= PAIRS; k++)
        coefficients[k] = 0;
    for (int i = 0; i < PAIRS; i++)
        if (i != without) {
            for (int k = PAIRS; k > 0; k--)
                coefficients[k] = coefficients[k - 1] - point(i) * point(i) * coefficients[k];
            coefficients[0] *= -point(i) * point(i);
        }
}

/* The sum of every other value times its coefficient, of which the last is 1. */
INLINE Vector every_other(const Vector *values, const double *coefficients, int count) {
    Vector sum = values[2 * count - 2];
    for (int k = count - 2; k >= 0; k--)
        sum += values[2 * k] * (float)coefficients[k];
    return sum;
}

/* For each point, the sum of a window's values d times the coefficients of the product of (x - q) for all others q. */
INLINE void transform_input(const Vector d[SIDE], Vector r[SIDE]) {
    double coefficients[PAIRS + 1];
    product(PAIRS, coefficients);
    r[0] = every_other(d, coefficients, PAIRS + 1);
    r[SIDE - 1] = every_other(d + 1, coefficients, PAIRS + 1);
    for (int i = 0; i < PAIRS; i++) { /* x (x + p) and x (x - p) times the rest */
        product(i, coefficients);
        Vector even = every_other(d + 2, coefficients, PAIRS), odd = every_other(d + 1, coefficients, PAIRS);
        r[1 + 2 * i] = even + odd * (float)point(i);
        r[2 + 2 * i] = even - odd * (float)point(i);
    }
}

/* The products m at the points to `count` outputs: output k is the sum of all products times their point's power k. */
INLINE void transform_output(const Vector m[SIDE], Vector *y, int count) {
    Vector sum[PAIRS], difference[PAIRS];
    double power[PAIRS];
    for (int i = 0; i < PAIRS; i++) {
        sum[i] = m[1 + 2 * i] + m[2 + 2 * i];
        difference[i] = m[1 + 2 * i] - m[2 + 2 * i];
        power[i] = 1;
    }
    for (int k = 0; k < count; k++) {
        const Vector *of = k % 2 ? difference : sum;
        y[k] = of[0] * (float)power[0];
        for (int i = 1; i < PAIRS; i++)
            y[k] += of[i] * (float)power[i];
        for (int i = 0; i < PAIRS; i++)
            power[i] *= point(i);
    }
    y[0] += m[0];
    y[count - 1] += m[SIDE - 1];
}

/* Row i: what a row of weights is multiplied by for place i. */
static inline void weight_matrix(int64_t kernel, double matrix[SIDE][LARGEST_KERNEL]) {
    double points[SIDE - 1] = {0};
    for (int i = 0; i < PAIRS; i++) {
        points[1 + 2 * i] = point(i);
        points[2 + 2 * i] = -point(i);
    }
    for (int i = 0; i < SIDE - 1; i++) {
        double power = 1;
        for (int j = 0; j < SIDE - 1; j++)
            power /= i == j ? 1 : points[i] - points[j];
        for (int64_t x = 0; x < kernel; x++, power *= points[i])
            matrix[i][x] = power;
    }
    for (int64_t x = 0; x < kernel; x++)
        matrix[SIDE - 1][x] = x == kernel - 1;
}

#endif
