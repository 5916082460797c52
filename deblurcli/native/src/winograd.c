/* Convolutions with fewer multiplications: Winograd's F(4x4, 5x5) and F(6x6, 3x3).

   Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016. Both use windows of 8x8 and
   the points 0, 1, -1, 2, -2, 1/2, -1/2 and infinity. A window is transformed, each of its 64 places is multiplied by
   the matrix of the transformed weights at that place, and the result is transformed back to 4x4 or 6x6 pixels. The
   work goes block by block of windows, small enough that all that is between the transforms stays in the cache. */
#include "parallel.h"
#include "vector.h"
#include "window.h"

enum { SIDE = 8, PLACES = SIDE * SIDE, LARGEST_OUT = 6, LINE = 16 /* floats of the cache */ };

#define BLOCK_FLOATS (128 * 1024) /* of transformed windows and products per block: half a megabyte of the L2 cache */

/* Outputs per window and direction. */
INLINE int64_t outputs(int64_t kernel) { return SIDE + 1 - kernel; }

/* Eight values a stride apart, transformed. */
INLINE void transform_input(const Vector *d, int stride, Vector *r) {
    Vector d0 = d[0], d1 = d[stride], d2 = d[2 * stride], d3 = d[3 * stride];
    Vector d4 = d[4 * stride], d5 = d[5 * stride], d6 = d[6 * stride], d7 = d[7 * stride];
    r[0] = (d4 - d2) * 5.25f + (d0 - d6);
    r[7] = (d3 - d5) * 5.25f + (d7 - d1);
    Vector even = (d2 + d6) - d4 * 4.25f, odd = (d1 + d5) - d3 * 4.25f;
    r[1] = even + odd;
    r[2] = even - odd;
    even = (d6 + d2 * 0.25f) - d4 * 1.25f;
    odd = (d1 * 0.5f - d3 * 2.5f) + d5 * 2.0f;
    r[3] = even + odd;
    r[4] = even - odd;
    even = (d2 - d4 * 1.25f) * 4.0f + d6;
    odd = (d1 * 2.0f - d3 * 2.5f) + d5 * 0.5f;
    r[5] = even + odd;
    r[6] = even - odd;
}

/* Eight products a stride apart to `count` outputs. */
INLINE void transform_output(const Vector *m, int stride, Vector *y, int count) {
    Vector m0 = m[0], m7 = m[7 * stride];
    Vector s1 = m[stride] + m[2 * stride], d1 = m[stride] - m[2 * stride];
    Vector s2 = m[3 * stride] + m[4 * stride], d2 = m[3 * stride] - m[4 * stride];
    Vector s3 = m[5 * stride] + m[6 * stride], d3 = m[5 * stride] - m[6 * stride];
    y[0] = (m0 + s1) + (s2 + s3);
    y[1] = d3 * 0.5f + (d2 * 2.0f + d1);
    y[2] = s3 * 0.25f + (s2 * 4.0f + s1);
    y[3] = d3 * 0.125f + (d2 * 8.0f + d1);
    if (count == 4) {
        y[3] += m7;
        return;
    }
    y[4] = s3 * 0.0625f + (s2 * 16.0f + s1);
    y[5] = d3 * 0.03125f + (d2 * 32.0f + (d1 + m7));
}

typedef struct {
    const Convolution *convolution;
    int64_t side;            /* outputs per window */
    int64_t across, windows; /* windows per row of them, and in all */
    int64_t channels;        /* of all sources */
    int64_t block;           /* windows that are treated together, a multiple of TALL */
    int64_t chunk;           /* output channels that are treated together */
} Plan;

/* Between two places; a little more than needed, or all places would fall on the same few lines of the cache. */
INLINE int64_t place_step(int64_t block, int64_t channels) { return block * channels + 16; }

static Plan plan_of(const Convolution *conv, int64_t threads) {
    Plan plan = {.convolution = conv, .side = outputs(conv->kernel)};
    plan.across = (conv->width + plan.side - 1) / plan.side;
    plan.windows = plan.across * ((conv->out_rows + plan.side - 1) / plan.side);
    plan.channels = conv->sources[0].channels + conv->sources[1].channels;
    plan.chunk = PANEL;
    while (plan.chunk < 64 && conv->out_channels % (2 * plan.chunk) == 0)
        plan.chunk *= 2;
    int64_t fits = BLOCK_FLOATS / (PLACES * (plan.channels + plan.chunk));
    int64_t fair = (plan.windows + threads - 1) / threads; /* on small images every thread shall have some */
    fits = fits < TALL ? TALL : fits / TALL * TALL;
    fair = (fair + TALL - 1) / TALL * TALL;
    plan.block = fits < fair ? fits : fair;
    return plan;
}

INLINE int64_t scratch_of(const Plan *plan) {
    int64_t products = PLACES * place_step(plan->block, plan->chunk);
    return PLACES * place_step(plan->block, plan->channels) + products + PLACES * plan->channels;
}

int64_t deblur_winograd_scratch(const Convolution *conv) {
    Plan plan = plan_of(conv, 1);
    return scratch_of(&plan);
}

/* The window at (top, left) of all sources; `to` is where its first place goes, places `step` floats apart. */
INLINE void load_window(const Plan *plan, int64_t top, int64_t left, float *patch, float *to, int64_t step) {
    const Convolution *conv = plan->convolution;
    for (int s = 0; s < 2; s++) {
        const Source *source = &conv->sources[s];
        if (!source->channels)
            continue;
        const float *rows[SIDE];
        int64_t pixel = window(source, conv->width, top, left, SIDE, SIDE, patch, rows);
        for (int64_t c = 0; c < source->channels; c += LANES, to += LANES) {
            Vector half[SIDE][SIDE];
            for (int j = 0; j < SIDE; j++) {
                Vector column[SIDE], result[SIDE];
                for (int i = 0; i < SIDE; i++)
                    column[i] = load(rows[i] + j * pixel + c);
                transform_input(column, 1, result);
                for (int i = 0; i < SIDE; i++)
                    half[i][j] = result[i];
            }
            for (int i = 0; i < SIDE; i++) {
                Vector result[SIDE];
                transform_input(half[i], 1, result);
                for (int j = 0; j < SIDE; j++)
                    store(to + (i * SIDE + j) * step, result[j]);
                for (int j = 0; j < SIDE; j++)
                    __builtin_prefetch(to + (i * SIDE + j) * step + plan->channels, 1);
            }
        }
    }
}

/* TALL rows of `channels` values times a panel of weights. The weights are too many for the cache, and the processor
   does not guess well which come `next`. */
INLINE void multiply(const float *values, int64_t channels, const float *weights, const float *next, float *to,
                     int64_t to_step) {
    Vector sums[TALL][WIDE];
#pragma GCC unroll 12
    for (int i = 0; i < TALL; i++)
        for (int j = 0; j < WIDE; j++)
            sums[i][j] = zeros();
    for (int64_t c = 0; c < channels; c++, weights += PANEL, next += PANEL) {
        Vector w[WIDE];
        for (int j = 0; j < PANEL; j += LINE)
            __builtin_prefetch(next + j);
        for (int j = 0; j < WIDE; j++)
            w[j] = load(weights + j * LANES);
#pragma GCC unroll 12
        for (int i = 0; i < TALL; i++)
            for (int j = 0; j < WIDE; j++)
                sums[i][j] += w[j] * values[i * channels + c];
    }
#pragma GCC unroll 12
    for (int i = 0; i < TALL; i++)
        for (int j = 0; j < WIDE; j++)
            store(to + i * to_step + j * LANES, sums[i][j]);
}

/* The outputs of one window from its products, for the channels from `first` on; `side` is a constant to the compiler. */
INLINE void store_window(const Plan *plan, const float *from, int64_t step, int64_t top, int64_t left, int64_t first,
                         int side) {
    const Convolution *conv = plan->convolution;
    int64_t channels = conv->out_channels;
    int64_t height = conv->out_rows - top < side ? conv->out_rows - top : side;
    int64_t width = conv->width - left < side ? conv->width - left : side;
    for (int64_t k = 0; k < plan->chunk; k += LANES) {
        Vector half[LARGEST_OUT][SIDE], bias = load(conv->bias + first + k);
        for (int j = 0; j < SIDE; j++) {
            Vector column[SIDE], result[LARGEST_OUT];
            for (int i = 0; i < SIDE; i++)
                column[i] = load(from + (i * SIDE + j) * step + k);
            for (int i = 0; i < SIDE; i++) /* the next window's; 64 places are too many streams for the processor */
                __builtin_prefetch(from + (i * SIDE + j) * step + k + plan->chunk);
            transform_output(column, 1, result, side);
            for (int i = 0; i < side; i++)
                half[i][j] = result[i];
        }
        for (int64_t i = 0; i < height; i++) {
            Vector result[LARGEST_OUT];
            transform_output(half[i], 1, result, side);
            int64_t place = left * channels + first + k;
            float *out = conv->out + (top + i) * conv->width * channels + place;
            const float *residual = conv->residual ? conv->residual[top + i] + place : 0;
            for (int64_t j = 0; j < width; j++) {
                Vector value = result[j] + bias;
                if (conv->relu)
                    value = relu(value);
                if (residual)
                    value += load(residual + j * channels);
                store(out + j * channels, value);
            }
        }
    }
}

static void convolve_block(const void *job, int64_t index, float *scratch) {
    const Plan *plan = job;
    const Convolution *conv = plan->convolution;
    int64_t value_step = place_step(plan->block, plan->channels), product_step = place_step(plan->block, plan->chunk);
    float *values = scratch, *products = values + PLACES * value_step, *patch = products + PLACES * product_step;
    int64_t first = index * plan->block;
    int64_t count = plan->windows - first < plan->block ? plan->windows - first : plan->block;

    for (int64_t t = 0; t < count; t++) {
        int64_t row = (first + t) / plan->across, column = (first + t) % plan->across;
        load_window(plan, row * plan->side, column * plan->side - conv->before, patch, values + t * plan->channels,
                    value_step);
    }
    for (int64_t k = 0; k < conv->out_channels; k += plan->chunk) {
        for (int64_t place = 0; place < PLACES; place++)
            for (int64_t panel = 0; panel < plan->chunk; panel += PANEL) {
                const float *weights = conv->weights + (place * conv->out_channels + k + panel) * plan->channels;
                const float *next = weights + PANEL * plan->channels;
                if (panel + PANEL == plan->chunk)
                    next += (conv->out_channels - plan->chunk) * plan->channels;
                for (int64_t t = 0; t < count; t += TALL)
                    multiply(values + place * value_step + t * plan->channels, plan->channels, weights, next,
                             products + place * product_step + t * plan->chunk + panel, plan->chunk);
            }
        for (int64_t t = 0; t < count; t++) {
            int64_t row = (first + t) / plan->across, column = (first + t) % plan->across;
            const float *from = products + t * plan->chunk;
            if (plan->side == 4)
                store_window(plan, from, product_step, row * 4, column * 4, k, 4);
            else
                store_window(plan, from, product_step, row * 6, column * 6, k, 6);
        }
    }
}

void deblur_winograd(const Convolution *conv, const Workers *workers) {
    Plan plan = plan_of(conv, workers->threads);
    in_parallel(workers, convolve_block, &plan, (plan.windows + plan.block - 1) / plan.block);
}

void deblur_winograd_pack(const float *weights, float *packed, int64_t out, int64_t in, int64_t kernel) {
    static const double points[SIDE - 1] = {0, 1, -1, 2, -2, 0.5, -0.5};
    static const double factors[SIDE - 1] = {1,         -2.0 / 9,  -2.0 / 9, 1.0 / 90,
                                             1.0 / 90, 32.0 / 45, 32.0 / 45};
    double matrix[SIDE][5] = {{0}};
    for (int i = 0; i < SIDE - 1; i++)
        for (int64_t power = 0; power < kernel; power++)
            matrix[i][power] = power ? matrix[i][power - 1] * points[i] : factors[i];
    matrix[SIDE - 1][kernel - 1] = 1;
    for (int64_t k = 0; k < out; k++) {
        float *panel = packed + k / PANEL * PANEL * in + k % PANEL;
        for (int64_t c = 0; c < in; c++) {
            const float *w = weights + (k * in + c) * kernel * kernel;
            for (int i = 0; i < SIDE; i++) {
                double half[5] = {0};
                for (int64_t y = 0; y < kernel; y++)
                    for (int64_t x = 0; x < kernel; x++)
                        half[x] += matrix[i][y] * w[y * kernel + x];
                for (int j = 0; j < SIDE; j++) {
                    double sum = 0;
                    for (int64_t x = 0; x < kernel; x++)
                        sum += half[x] * matrix[j][x];
                    panel[(i * SIDE + j) * out * in + c * PANEL] = (float)sum;
                }
            }
        }
    }
}
