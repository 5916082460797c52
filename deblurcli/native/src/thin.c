/* Convolutions to very few channels, the network's last layer: here the vectors run along the input's channels. */
#include "parallel.h"
#include "vector.h"
#include "window.h"

enum { PIXELS = 4, MOST_OUT = 4 };

/* PIXELS outputs; `out` is a constant to the compiler. */
INLINE void multiply(const Convolution *conv, const float *const *rows, int64_t pixel, int out, float *results) {
    int64_t channels = conv->sources[0].channels, taps = conv->kernel;
    Vector sums[PIXELS][MOST_OUT];
    for (int i = 0; i < PIXELS; i++)
        for (int k = 0; k < out; k++)
            sums[i][k] = zeros();
    for (int64_t y = 0; y < taps; y++)
        for (int64_t x = 0; x < taps; x++)
            for (int64_t c = 0; c < channels; c += LANES) {
                const float *weights = conv->weights + (y * taps + x) * channels + c;
                Vector value[PIXELS];
                for (int i = 0; i < PIXELS; i++)
                    value[i] = load(rows[y] + (x + i) * pixel + c);
                for (int k = 0; k < out; k++) {
                    Vector w = load(weights + k * taps * taps * channels);
                    for (int i = 0; i < PIXELS; i++)
                        sums[i][k] += value[i] * w;
                }
            }
    for (int i = 0; i < PIXELS; i++)
        for (int k = 0; k < out; k++)
            results[i * out + k] = sum_of(sums[i][k]);
}

static void convolve_row(const void *job, int64_t y, float *patch) {
    const Convolution *conv = job;
    int64_t out = conv->out_channels;
    for (int64_t first = 0; first < conv->width; first += PIXELS) {
        const float *rows[8];
        float results[PIXELS * MOST_OUT];
        int64_t pixel = window(&conv->sources[0], conv->width, y, first - conv->before, conv->kernel,
                               PIXELS - 1 + conv->kernel, patch, rows);
        if (out == 1)
            multiply(conv, rows, pixel, 1, results);
        else if (out == 3)
            multiply(conv, rows, pixel, 3, results);
        else
            multiply(conv, rows, pixel, (int)out, results);
        int64_t count = conv->width - first < PIXELS ? conv->width - first : PIXELS;
        for (int64_t i = 0; i < count * out; i++) {
            float value = results[i] + conv->bias[i % out];
            if (conv->relu && value <= 0)
                value = 0;
            if (conv->residual)
                value += conv->residual[y][first * out + i];
            conv->out[(y * conv->width + first) * out + i] = value;
        }
    }
}

void deblur_thin(const Convolution *conv, const Workers *workers) {
    in_parallel(workers, convolve_row, conv, conv->out_rows);
}

void deblur_thin_pack(const float *weights, float *packed, int64_t in, int64_t out, int64_t kernel) {
    int64_t taps = kernel * kernel;
    for (int64_t k = 0; k < out; k++)
        for (int64_t c = 0; c < in; c++)
            for (int64_t tap = 0; tap < taps; tap++)
                packed[(k * taps + tap) * in + c] = weights[(tap * in + c) * out + k];
}
