/* Convolutions without tricks, for the network's first layer, whose channels are too few for vectors of them. */
#include "parallel.h"
#include "vector.h"
#include "window.h"

/* The window for TALL outputs. */
INLINE int64_t window_width(const Convolution *conv) { return TALL - 1 + conv->kernel; }

int64_t deblur_direct_scratch(const Convolution *conv) {
    return conv->kernel * window_width(conv) * conv->sources[0].channels;
}

/* TALL outputs of a panel of channels. */
INLINE void multiply(const Convolution *conv, const float *const *rows, int64_t pixel, const float *weights,
                     Vector sums[TALL][WIDE]) {
    int64_t channels = conv->sources[0].channels;
    for (int i = 0; i < TALL; i++)
        for (int j = 0; j < WIDE; j++)
            sums[i][j] = zeros();
    for (int64_t y = 0; y < conv->kernel; y++)
        for (int64_t x = 0; x < conv->kernel; x++) {
            const float *values = rows[y] + x * pixel;
            for (int64_t c = 0; c < channels; c++, weights += PANEL) {
                Vector w[WIDE];
                for (int j = 0; j < WIDE; j++)
                    w[j] = load(weights + j * LANES);
#pragma GCC unroll 12
                for (int i = 0; i < TALL; i++)
                    for (int j = 0; j < WIDE; j++)
                        sums[i][j] += w[j] * values[i * pixel + c];
            }
        }
}

static void convolve_row(const void *job, int64_t y, float *patch) {
    const Convolution *conv = job;
    int64_t channels = conv->out_channels, width = conv->width;
    int64_t size = conv->kernel * conv->kernel * conv->sources[0].channels; /* weights per output channel */

    for (int64_t first = 0; first < width; first += TALL) {
        const float *rows[8];
        int64_t pixel = window(&conv->sources[0], width, y, first - conv->before, conv->kernel, window_width(conv),
                               patch, rows);
        int64_t count = width - first < TALL ? width - first : TALL;
        for (int64_t panel = 0; panel < channels; panel += PANEL) {
            Vector sums[TALL][WIDE];
            multiply(conv, rows, pixel, conv->weights + panel * size, sums);
            for (int64_t i = 0; i < count; i++) {
                int64_t place = (first + i) * channels + panel;
                for (int j = 0; j < WIDE; j++, place += LANES) {
                    Vector value = sums[i][j] + load(conv->bias + panel + j * LANES);
                    if (conv->leak != 0)
                        value = leaky_relu(value, (float)conv->leak);
                    else if (conv->relu)
                        value = relu(value);
                    if (conv->residual)
                        value += load(conv->residual[y] + place);
                    store(conv->out + y * width * channels + place, value);
                }
            }
        }
    }
}

void deblur_direct(const Convolution *conv, const Workers *workers) {
    in_parallel(workers, convolve_row, conv, conv->out_rows);
}

void deblur_direct_pack(const float *weights, float *packed, int64_t in, int64_t out, int64_t kernel) {
    int64_t taps = kernel * kernel;
    for (int64_t k = 0; k < out; k++)
        for (int64_t c = 0; c < in; c++)
            for (int64_t tap = 0; tap < taps; tap++)
                packed[((k / PANEL * taps + tap) * in + c) * PANEL + k % PANEL] = weights[(tap * in + c) * out + k];
}
