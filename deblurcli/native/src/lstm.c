/* The update of a convolutional LSTM cell, in one pass over its gates. */
#include "parallel.h"
#include "vector.h"

/* e^x: 2 to the whole part of x / ln 2, times a polynomial of the rest (Taylor to the sixth power, error 1e-7). */
INLINE Vector exponential(Vector x) {
    x = (Vector)((Mask)x & ~(x > 87.0f)) + (Vector)((Mask)all(87.0f) & (x > 87.0f));
    x = (Vector)((Mask)x & ~(x < -87.0f)) + (Vector)((Mask)all(-87.0f) & (x < -87.0f));
    Vector power = x * 1.44269504f + 12582912.0f; /* adding 1.5 x 2^23 rounds to a whole number */
    Mask whole = (Mask)power - (Mask)all(12582912.0f);
    power -= 12582912.0f;
    Vector rest = (x - power * 0.693145752f) - power * 1.42860677e-6f;
    Vector sum = rest * (1.0f / 720) + 1.0f / 120;
    sum = sum * rest + 1.0f / 24;
    sum = sum * rest + 1.0f / 6;
    sum = sum * rest + 0.5f;
    sum = sum * rest + 1.0f;
    sum = sum * rest + 1.0f;
    return (Vector)((Mask)sum + (whole << 23));
}

INLINE Vector sigmoid(Vector x) { return 1.0f / (1.0f + exponential(-x)); }
INLINE Vector hyperbolic_tangent(Vector x) { return 1.0f - 2.0f / (1.0f + exponential(x * 2.0f)); }

static void update_row(const void *job, int64_t y, float *scratch) {
    const Memory *memory = job;
    int64_t channels = memory->channels;
    (void)scratch;
    for (int64_t x = 0; x < memory->width; x++) {
        int64_t pixel = y * memory->width + x;
        const float *gates = memory->gates + pixel * 4 * channels;
        const float *cell = memory->cell[y] ? memory->cell[y] + x * memory->cell_step : 0;
        float *state = memory->state + pixel * 2 * channels, *hidden = memory->hidden + pixel * channels;
        for (int64_t k = 0; k < channels; k += LANES) {
            Vector i = load(gates + k), j = load(gates + channels + k);
            Vector f = load(gates + 2 * channels + k), o = load(gates + 3 * channels + k);
            Vector c = sigmoid(i) * hyperbolic_tangent(j);
            if (cell)
                c += load(cell + k) * sigmoid(f + 1.0f); /* TensorFlow's forget bias of 1 */
            Vector h = hyperbolic_tangent(c) * sigmoid(o);
            store(state + k, c);
            store(state + channels + k, h);
            store(hidden + k, h);
        }
    }
}

void deblur_lstm(const Memory *memory, const Workers *workers) {
    in_parallel(workers, update_row, memory, memory->rows);
}
