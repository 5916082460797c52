/* Convolutions without tricks, for the layers that Winograd does not suit: strides, few input channels, and the
   transposed convolution, which is four small convolutions, one for each parity of the output's row and column. */
#include "parallel.h"
#include "vector.h"
#include "window.h"

typedef struct {
    const Convolution *convolution;
    int64_t taps, stride; /* the kernel is taps x taps */
    int64_t up;           /* output pixels per step, 1 or 2; with 2 there are four parities */
    int64_t steps;        /* per output row */
} Plan;

/* The window for TALL steps. */
INLINE int64_t window_width(const Plan *plan) { return (TALL - 1) * plan->stride + plan->taps; }

static int64_t scratch_of(const Plan *plan) {
    return plan->taps * window_width(plan) * plan->convolution->sources[0].channels;
}

/* TALL outputs of a panel of channels. */
INLINE void multiply(const Plan *plan, const float *const *rows, int64_t pixel, const float *weights,
                     Vector sums[TALL][WIDE]) {
    int64_t channels = plan->convolution->sources[0].channels, step = plan->stride * pixel;
    for (int i = 0; i < TALL; i++)
        for (int j = 0; j < WIDE; j++)
            sums[i][j] = zeros();
    for (int64_t y = 0; y < plan->taps; y++)
        for (int64_t x = 0; x < plan->taps; x++) {
            const float *values = rows[y] + x * pixel;
            for (int64_t c = 0; c < channels; c++, weights += PANEL) {
                Vector w[WIDE];
                for (int j = 0; j < WIDE; j++)
                    w[j] = load(weights + j * LANES);
#pragma GCC unroll 12
                for (int i = 0; i < TALL; i++)
                    for (int j = 0; j < WIDE; j++)
                        sums[i][j] += w[j] * values[i * step + c];
            }
        }
}

/* One row of outputs of one parity. */
static void convolve_row(const void *job, int64_t index, float *patch) {
    const Plan *plan = job;
    const Convolution *conv = plan->convolution;
    int64_t channels = conv->out_channels, parities = plan->up * plan->up;
    int64_t parity = index % parities, below = parity / plan->up, right = parity % plan->up;
    int64_t y = index / parities, out_y = y * plan->up + below;
    int64_t size = plan->taps * plan->taps * conv->sources[0].channels * channels;
    int64_t row_floats = plan->steps * plan->up * channels;

    for (int64_t first = 0; first < plan->steps; first += TALL) {
        const float *rows[8];
        int64_t pixel = window(&conv->sources[0], conv->width, y * plan->stride + below,
                               first * plan->stride - conv->before + right, plan->taps, window_width(plan), patch, rows);
        int64_t count = plan->steps - first < TALL ? plan->steps - first : TALL;
        for (int64_t panel = 0; panel < channels; panel += PANEL) {
            Vector sums[TALL][WIDE];
            multiply(plan, rows, pixel, conv->weights + parity * size + panel * (size / channels), sums);
            for (int64_t i = 0; i < count; i++) {
                int64_t place = ((first + i) * plan->up + right) * channels + panel;
                for (int j = 0; j < WIDE; j++, place += LANES) {
                    Vector value = sums[i][j] + load(conv->bias + panel + j * LANES);
                    if (conv->relu)
                        value = relu(value);
                    if (conv->residual)
                        value += load(conv->residual[out_y] + place);
                    store(conv->out + out_y * row_floats + place, value);
                }
            }
        }
    }
}

static Plan direct_plan(const Convolution *conv) {
    return (Plan){conv, conv->kernel, conv->stride, 1, (conv->width + conv->stride - 1) / conv->stride};
}

static Plan upsample_plan(const Convolution *conv) { return (Plan){conv, 2, 1, 2, conv->width}; }

int64_t deblur_direct_scratch(const Convolution *conv) {
    Plan plan = direct_plan(conv);
    return scratch_of(&plan);
}

void deblur_direct(const Convolution *conv, const Workers *workers) {
    Plan plan = direct_plan(conv);
    in_parallel(workers, convolve_row, &plan, conv->out_rows);
}

void deblur_upsample(const Convolution *conv, const Workers *workers) {
    Plan plan = upsample_plan(conv);
    in_parallel(workers, convolve_row, &plan, conv->out_rows / 2 * 4);
}

void deblur_direct_pack(const float *weights, float *packed, int64_t out, int64_t in, int64_t kernel) {
    int64_t taps = kernel * kernel;
    for (int64_t k = 0; k < out; k++)
        for (int64_t c = 0; c < in; c++)
            for (int64_t tap = 0; tap < taps; tap++)
                packed[((k / PANEL * taps + tap) * in + c) * PANEL + k % PANEL] = weights[(k * in + c) * taps + tap];
}

void deblur_upsample_pack(const float *weights, float *packed, int64_t out, int64_t in) {
    /* Output row 2i draws on the input rows i - 1 and i with the kernel's rows 3 and 1, row 2i + 1 on i and i + 1 with
       2 and 0; columns alike. */
    for (int64_t parity = 0; parity < 4; parity++)
        for (int64_t k = 0; k < out; k++)
            for (int64_t c = 0; c < in; c++)
                for (int64_t tap = 0; tap < 4; tap++) {
                    int64_t y = 3 - parity / 2 - tap / 2 * 2, x = 3 - parity % 2 - tap % 2 * 2;
                    int64_t place = parity * 4 * in * out + ((k / PANEL * 4 + tap) * in + c) * PANEL + k % PANEL;
                    packed[place] = weights[((c * out + k) * 4 + y) * 4 + x];
                }
}
