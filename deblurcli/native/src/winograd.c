/* Convolutions with fewer multiplications: Winograd's algorithm, in float32 with windows of 10x10 and in bfloat16 of 8x8.

   Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016. A window is transformed, each
   of its 100 or 64 places is multiplied by the matrix of the transformed weights at that place, and the result is
   transformed back to outputs: 6x6 or 4x4 for a 5x5 kernel, 8x8 or 6x6 for a 3x3 one. The work goes block by block of
   windows, small enough that all that is between the transforms stays in the cache. */
#include "parallel.h"
#include "products.h"
#include "transform.h"
#include "vector.h"
#include "window.h"

enum { LINE = 16 /* words of the cache */ };

#define BLOCK_WORDS (128 * 1024) /* of transformed windows and products per block: half a megabyte of the L2 cache */

typedef struct {
    const Convolution *convolution;
    int64_t outputs;         /* per window and direction */
    int64_t across, windows; /* windows per row of them, and in all */
    int64_t words;           /* of the channels of all sources */
    int64_t products;        /* channels of all outputs of a pixel */
    int64_t block;           /* windows that are treated together, a multiple of TALL */
    int64_t chunk;           /* output channels that are treated together */
} Plan;

/* Words between two places; a few more than needed, or all places would fall on the same few lines of the cache. */
INLINE int64_t place_step(int64_t block, int64_t words) { return block * words + 16; }

static Plan plan_of(const Convolution *conv, int64_t threads) {
    Plan plan = {
        .convolution = conv,
        .outputs = SIDE + 1 - conv->kernel,
        .products = conv->up * conv->up * conv->out_channels,
        .chunk = PANEL,
    };
    plan.across = (conv->width + plan.outputs - 1) / plan.outputs;
    plan.windows = plan.across * ((conv->out_rows / conv->up + plan.outputs - 1) / plan.outputs);
    for (int s = 0; s < SOURCES; s++)
        plan.words += conv->sources[s].channels / CHANNELS_PER_WORD;
    while (plan.chunk < 64 && plan.products % (2 * plan.chunk) == 0)
        plan.chunk *= 2;
    int64_t fits = BLOCK_WORDS / (PLACES * (plan.words + plan.chunk));
    int64_t fair = (plan.windows + threads - 1) / threads; /* on small images every thread shall have some */
    fits = fits < TALL ? TALL : fits / TALL * TALL;
    fair = (fair + TALL - 1) / TALL * TALL;
    plan.block = fits < fair ? fits : fair;
    return plan;
}

/* For the transformed windows, their products, and what the window's surroundings are copied to. */
INLINE int64_t scratch_of(const Plan *plan) {
    int64_t values = place_step(plan->block, plan->words), products = place_step(plan->block, plan->chunk);
    return PLACES * (values + products + plan->words * CHANNELS_PER_WORD);
}

int64_t deblur_winograd_scratch(const Convolution *conv) {
    Plan plan = plan_of(conv, 1);
    return scratch_of(&plan);
}

/* The window at (top, left) of all sources; `to` is where its first place goes, places `step` words apart. */
INLINE void load_window(const Plan *plan, int64_t top, int64_t left, float *patch, float *to, int64_t step) {
    const Convolution *conv = plan->convolution;
    for (int s = 0; s < SOURCES; s++) {
        const Source *source = &conv->sources[s];
        if (!source->channels)
            continue;
        const float *rows[SIDE];
        int64_t pixel = window(source, conv->width, top, left, SIDE, SIDE, patch, rows);
        for (int64_t c = 0; c < source->channels; c += LANES, to += LANES / CHANNELS_PER_WORD) {
            Vector half[SIDE][SIDE];
            for (int j = 0; j < SIDE; j++) {
                Vector column[SIDE], result[SIDE];
                for (int i = 0; i < SIDE; i++)
                    column[i] = load(rows[i] + j * pixel + c);
                for (int i = 0; i < SIDE; i++) /* the next window's; the processor does not see so many rows coming */
                    __builtin_prefetch(rows[i] + (j + plan->outputs) * pixel + c);
                transform_input(column, result);
                for (int i = 0; i < SIDE; i++)
                    half[i][j] = result[i];
            }
            for (int i = 0; i < SIDE; i++) {
                Vector result[SIDE];
                transform_input(half[i], result);
                for (int j = 0; j < SIDE; j++)
                    store_values(to + (i * SIDE + j) * step, result[j]);
                for (int j = 0; j < SIDE; j++)
                    __builtin_prefetch(to + (i * SIDE + j) * step + plan->words, 1);
            }
        }
    }
}

/* TALL rows of `count` words times a panel of weights. The weights are too many for the cache, and the processor
   does not guess well which come `next`. */
INLINE void multiply(const float *values, int64_t count, const float *weights, const float *next, float *to,
                     int64_t to_step) {
    Vector sums[TALL][WIDE];
#pragma GCC unroll 12
    for (int i = 0; i < TALL; i++)
        for (int j = 0; j < WIDE; j++)
            sums[i][j] = zeros();
    for (int64_t c = 0; c < count; c++, weights += PANEL, next += PANEL) {
        Vector w[WIDE];
        for (int j = 0; j < PANEL; j += LINE)
            __builtin_prefetch(next + j);
        for (int j = 0; j < WIDE; j++)
            w[j] = load(weights + j * LANES);
#pragma GCC unroll 12
        for (int i = 0; i < TALL; i++)
            for (int j = 0; j < WIDE; j++)
                sums[i][j] = add_products(sums[i][j], w[j], values[i * count + c]);
    }
#pragma GCC unroll 12
    for (int i = 0; i < TALL; i++)
        for (int j = 0; j < WIDE; j++)
            store(to + i * to_step + j * LANES, sums[i][j]);
}

/* The outputs of one window from its products, for the channels from `first` on; `outputs` is a constant to the
   compiler. */
INLINE void store_window(const Plan *plan, const float *from, int64_t step, int64_t top, int64_t left, int64_t first,
                         int outputs) {
    const Convolution *conv = plan->convolution;
    int64_t channels = conv->out_channels, up = conv->up;
    float leak = (float)conv->leak;
    int64_t height = conv->out_rows / up - top < outputs ? conv->out_rows / up - top : outputs;
    int64_t width = conv->width - left < outputs ? conv->width - left : outputs;
    for (int64_t k = 0; k < plan->chunk; k += LANES) {
        int64_t phase = (first + k) / channels, channel = (first + k) % channels;
        int64_t place = (left * up + phase % up) * channels + channel;
        Vector half[LARGEST_OUT][SIDE], bias = load(conv->bias + channel);
        for (int j = 0; j < SIDE; j++) {
            Vector column[SIDE], result[LARGEST_OUT];
            for (int i = 0; i < SIDE; i++)
                column[i] = load(from + (i * SIDE + j) * step + k);
            for (int i = 0; i < SIDE; i++) /* the next window's; 64 places are too many streams for the processor */
                __builtin_prefetch(from + (i * SIDE + j) * step + k + plan->chunk);
            transform_output(column, result, outputs);
            for (int i = 0; i < outputs; i++)
                half[i][j] = result[i];
        }
        for (int64_t i = 0; i < height; i++) {
            Vector result[LARGEST_OUT];
            transform_output(half[i], result, outputs);
            int64_t row = (top + i) * up + phase / up;
            float *out = conv->out + row * conv->width * up * channels + place;
            const float *residual = conv->residual ? conv->residual[row] + place : 0;
            for (int64_t j = 0; j < width; j++) {
                Vector value = result[j] + bias;
                if (conv->relu)
                    value = relu(value);
                else if (leak != 0)
                    value = leaky_relu(value, leak);
                if (residual)
                    value += load(residual + j * up * channels);
                store(out + j * up * channels, value);
                __builtin_prefetch(out + (j + outputs) * up * channels, 1); /* what the next window writes to */
            }
        }
    }
}

static void convolve_block(const void *job, int64_t index, float *scratch) {
    const Plan *plan = job;
    const Convolution *conv = plan->convolution;
    int64_t value_step = place_step(plan->block, plan->words), product_step = place_step(plan->block, plan->chunk);
    int64_t outputs = plan->outputs;
    float *values = scratch, *products = values + PLACES * value_step, *patch = products + PLACES * product_step;
    int64_t first = index * plan->block;
    int64_t count = plan->windows - first < plan->block ? plan->windows - first : plan->block;

    for (int64_t t = 0; t < count; t++) {
        int64_t top = (first + t) / plan->across * outputs, left = (first + t) % plan->across * outputs - conv->before;
        load_window(plan, top, left, patch, values + t * plan->words, value_step);
    }
    for (int64_t k = 0; k < plan->products; k += plan->chunk) {
        for (int64_t place = 0; place < PLACES; place++)
            for (int64_t panel = 0; panel < plan->chunk; panel += PANEL) {
                const float *weights = conv->weights + (place * plan->products + k + panel) * plan->words;
                const float *next = weights + PANEL * plan->words;
                if (panel + PANEL == plan->chunk)
                    next += (plan->products - plan->chunk) * plan->words;
                for (int64_t t = 0; t < count; t += TALL)
                    multiply(values + place * value_step + t * plan->words, plan->words, weights, next,
                             products + place * product_step + t * plan->chunk + panel, plan->chunk);
            }
        for (int64_t t = 0; t < count; t++) {
            int64_t top = (first + t) / plan->across * outputs, left = (first + t) % plan->across * outputs;
            const float *from = products + t * plan->chunk;
            if (conv->kernel == 5)
                store_window(plan, from, product_step, top, left, k, SIDE - 4);
            else
                store_window(plan, from, product_step, top, left, k, SIDE - 2);
        }
    }
}

void deblur_winograd(const Convolution *conv, const Workers *workers) {
    Plan plan = plan_of(conv, workers->threads);
    in_parallel(workers, convolve_block, &plan, (plan.windows + plan.block - 1) / plan.block);
}

typedef struct {
    const float *weights;
    float *packed;
    int64_t in, out, kernel;
    double matrix[SIDE][LARGEST_KERNEL]; /* see weight_matrix */
} Packing;

/* One channel's weights for LANES outputs from `from` on, at all places. */
INLINE void transform_weights(const Packing *packing, const float *from, Vector *to) {
    int64_t kernel = packing->kernel;
    Doubles half[SIDE][LARGEST_KERNEL] = {{{0}}};
    for (int64_t y = 0; y < kernel; y++)
        for (int64_t x = 0; x < kernel; x++) {
            const float *weight = from + (y * kernel + x) * packing->in * packing->out;
            Doubles value = __builtin_convertvector(load(weight), Doubles);
            for (int i = 0; i < SIDE; i++)
                half[i][x] += value * packing->matrix[i][y];
        }
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            Doubles sum = {0};
            for (int64_t x = 0; x < kernel; x++)
                sum += half[i][x] * packing->matrix[j][x];
            *to++ = __builtin_convertvector(sum, Vector);
        }
}

/* The weights of the input channels of one word. */
static void pack_word(const void *job, int64_t word, float *scratch) {
    const Packing *packing = job;
    int64_t words = packing->in / CHANNELS_PER_WORD, out = packing->out;
    (void)scratch;
    for (int64_t k = 0; k < out; k += LANES) {
        Vector transformed[CHANNELS_PER_WORD][PLACES];
        for (int64_t c = 0; c < CHANNELS_PER_WORD; c++)
            transform_weights(packing, packing->weights + (word * CHANNELS_PER_WORD + c) * out + k, transformed[c]);
        float *to = packing->packed + (k / PANEL * words + word) * PANEL + k % PANEL;
        for (int place = 0; place < PLACES; place++, to += words * out) {
            Vector weights[CHANNELS_PER_WORD];
            for (int c = 0; c < CHANNELS_PER_WORD; c++)
                weights[c] = transformed[c][place];
            store_weights(to, weights);
        }
    }
}

void deblur_winograd_pack(const float *weights, float *packed, int64_t in, int64_t out, int64_t kernel,
                          const Workers *workers) {
    Packing packing = {.weights = weights, .packed = packed, .in = in, .out = out, .kernel = kernel};
    weight_matrix(kernel, packing.matrix);
    in_parallel(workers, pack_word, &packing, in / CHANNELS_PER_WORD);
}
