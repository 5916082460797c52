/* Convolutions with fewer multiplications: Winograd's F(6x6, 5x5) and F(8x8, 3x3).

   Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016. Both use windows of 10x10 and
   the points 0, +-3/8, +-3/4, +-5/4, +-5/2 and infinity. A window is transformed, each of its 100 places is multiplied
   by the matrix of the transformed weights at that place, and the result is transformed back to 6x6 or 8x8 pixels. The
   work goes block by block of windows, small enough that all that is between the transforms stays in the cache.

   Larger windows save multiplications and lose accuracy. These points lose the least among pairs of eighths and thirds:
   15 dB against windows of 8x8 with 0, +-1, +-2, +-1/2, in exchange for 30 % of the multiplications of 5x5 kernels. */
#include "parallel.h"
#include "vector.h"
#include "window.h"

enum { SIDE = 10, PLACES = SIDE * SIDE, LARGEST_OUT = 8, LARGEST_KERNEL = 5, PAIRS = 4 };
enum { LINE = 16 /* floats of the cache */ };

#define BLOCK_FLOATS (128 * 1024) /* of transformed windows and products per block: half a megabyte of the L2 cache */

/* Outputs per window and direction. */
INLINE int64_t outputs(int64_t kernel) { return SIDE + 1 - kernel; }

/* The points beside 0 and infinity, each with both signs, and their squares. */
#define P0 0.375
#define P1 0.75
#define P2 1.25
#define P3 2.5
#define S0 (P0 * P0)
#define S1 (P1 * P1)
#define S2 (P2 * P2)
#define S3 (P3 * P3)

/* What a window's values d, a polynomial's coefficients, are multiplied by for the points p and -p: the coefficients of
   x (x + p) and x (x - p) times (x^2 - a)(x^2 - b)(x^2 - c), where a, b and c are the squares of the other points. */
INLINE void transform_pair(const Vector *d, double p, double a, double b, double c, Vector *r) {
    float c0 = (float)(-a * b * c), c1 = (float)(a * b + a * c + b * c), c2 = (float)-(a + b + c);
    Vector even = (d[2] * c0 + d[4] * c1) + (d[6] * c2 + d[8]);
    Vector odd = (d[1] * c0 + d[3] * c1) + (d[5] * c2 + d[7]);
    r[0] = odd * (float)p + even;
    r[1] = even - odd * (float)p;
}

/* The same for 0 (from d) and infinity (from d + 1): the coefficients of the product of all (x^2 - p^2). */
INLINE Vector transform_end(const Vector *d) {
    const double two = S0 * S1 + S2 * S3 + (S0 + S1) * (S2 + S3);
    const double three = S0 * S1 * (S2 + S3) + S2 * S3 * (S0 + S1);
    Vector low = d[0] * (float)(S0 * S1 * S2 * S3) - d[2] * (float)three;
    return low + (d[4] * (float)two - (d[6] * (float)(S0 + S1 + S2 + S3) - d[8]));
}

INLINE void transform_input(const Vector *d, Vector *r) {
    r[0] = transform_end(d);
    transform_pair(d, P0, S1, S2, S3, r + 1);
    transform_pair(d, P1, S0, S2, S3, r + 3);
    transform_pair(d, P2, S0, S1, S3, r + 5);
    transform_pair(d, P3, S0, S1, S2, r + 7);
    r[9] = transform_end(d + 1);
}

/* The products at the points to `count` outputs: output k is the sum of all products times their point's power k. */
INLINE void transform_output(const Vector *m, Vector *y, int count) {
    static const double point[PAIRS] = {P0, P1, P2, P3};
    Vector sum[PAIRS], difference[PAIRS];
    double power[PAIRS] = {1, 1, 1, 1};
    for (int i = 0; i < PAIRS; i++) {
        sum[i] = m[1 + 2 * i] + m[2 + 2 * i];
        difference[i] = m[1 + 2 * i] - m[2 + 2 * i];
    }
    for (int k = 0; k < count; k++) {
        const Vector *of = k % 2 ? difference : sum;
        Vector low = of[0] * (float)power[0] + of[1] * (float)power[1];
        y[k] = low + (of[2] * (float)power[2] + of[3] * (float)power[3]);
        for (int i = 0; i < PAIRS; i++)
            power[i] *= point[i];
    }
    y[0] += m[0];
    y[count - 1] += m[SIDE - 1];
}

typedef struct {
    const Convolution *convolution;
    int64_t side;            /* outputs per window */
    int64_t across, windows; /* windows per row of them, and in all */
    int64_t channels;        /* of all sources */
    int64_t products;        /* channels of all outputs of a pixel */
    int64_t block;           /* windows that are treated together, a multiple of TALL */
    int64_t chunk;           /* output channels that are treated together */
} Plan;

/* Between two places; a little more than needed, or all places would fall on the same few lines of the cache. */
INLINE int64_t place_step(int64_t block, int64_t channels) { return block * channels + 16; }

static Plan plan_of(const Convolution *conv, int64_t threads) {
    Plan plan = {.convolution = conv, .side = outputs(conv->kernel)};
    plan.across = (conv->width + plan.side - 1) / plan.side;
    plan.windows = plan.across * ((conv->out_rows / conv->up + plan.side - 1) / plan.side);
    for (int s = 0; s < SOURCES; s++)
        plan.channels += conv->sources[s].channels;
    plan.products = conv->up * conv->up * conv->out_channels;
    plan.chunk = PANEL;
    while (plan.chunk < 64 && plan.products % (2 * plan.chunk) == 0)
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
    for (int s = 0; s < SOURCES; s++) {
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
                for (int i = 0; i < SIDE; i++) /* the next window's; the processor does not see so many rows coming */
                    __builtin_prefetch(rows[i] + (j + plan->side) * pixel + c);
                transform_input(column, result);
                for (int i = 0; i < SIDE; i++)
                    half[i][j] = result[i];
            }
            for (int i = 0; i < SIDE; i++) {
                Vector result[SIDE];
                transform_input(half[i], result);
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
    int64_t channels = conv->out_channels, up = conv->up;
    int64_t height = conv->out_rows / up - top < side ? conv->out_rows / up - top : side;
    int64_t width = conv->width - left < side ? conv->width - left : side;
    for (int64_t k = 0; k < plan->chunk; k += LANES) {
        int64_t parity = (first + k) / channels, channel = (first + k) % channels;
        int64_t place = (left * up + parity % up) * channels + channel;
        Vector half[LARGEST_OUT][SIDE], bias = load(conv->bias + channel);
        for (int j = 0; j < SIDE; j++) {
            Vector column[SIDE], result[LARGEST_OUT];
            for (int i = 0; i < SIDE; i++)
                column[i] = load(from + (i * SIDE + j) * step + k);
            for (int i = 0; i < SIDE; i++) /* the next window's; 64 places are too many streams for the processor */
                __builtin_prefetch(from + (i * SIDE + j) * step + k + plan->chunk);
            transform_output(column, result, side);
            for (int i = 0; i < side; i++)
                half[i][j] = result[i];
        }
        for (int64_t i = 0; i < height; i++) {
            Vector result[LARGEST_OUT];
            transform_output(half[i], result, side);
            int64_t row = (top + i) * up + parity / up;
            float *out = conv->out + row * conv->width * up * channels + place;
            const float *residual = conv->residual ? conv->residual[row] + place : 0;
            for (int64_t j = 0; j < width; j++) {
                Vector value = result[j] + bias;
                if (conv->relu)
                    value = relu(value);
                if (residual)
                    value += load(residual + j * up * channels);
                store(out + j * up * channels, value);
                __builtin_prefetch(out + (j + side) * up * channels, 1); /* what the next window writes to */
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
    for (int64_t k = 0; k < plan->products; k += plan->chunk) {
        for (int64_t place = 0; place < PLACES; place++)
            for (int64_t panel = 0; panel < plan->chunk; panel += PANEL) {
                const float *weights = conv->weights + (place * plan->products + k + panel) * plan->channels;
                const float *next = weights + PANEL * plan->channels;
                if (panel + PANEL == plan->chunk)
                    next += (plan->products - plan->chunk) * plan->channels;
                for (int64_t t = 0; t < count; t += TALL)
                    multiply(values + place * value_step + t * plan->channels, plan->channels, weights, next,
                             products + place * product_step + t * plan->chunk + panel, plan->chunk);
            }
        for (int64_t t = 0; t < count; t++) {
            int64_t row = (first + t) / plan->across, column = (first + t) % plan->across;
            const float *from = products + t * plan->chunk;
            if (plan->side == 6)
                store_window(plan, from, product_step, row * 6, column * 6, k, 6);
            else
                store_window(plan, from, product_step, row * 8, column * 8, k, 8);
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
    double matrix[SIDE][LARGEST_KERNEL]; /* row i: what a row of weights is multiplied by for place i */
} Packing;

/* The weights of one input channel. */
static void pack_channel(const void *job, int64_t c, float *scratch) {
    const Packing *packing = job;
    int64_t kernel = packing->kernel, in = packing->in, out = packing->out;
    (void)scratch;
    for (int64_t k = 0; k < out; k += LANES) {
        const float *from = packing->weights + c * out + k;
        float *to = packing->packed + (k / PANEL * in + c) * PANEL + k % PANEL;
        Doubles half[SIDE][LARGEST_KERNEL] = {{{0}}};
        for (int64_t y = 0; y < kernel; y++)
            for (int64_t x = 0; x < kernel; x++) {
                Doubles value = __builtin_convertvector(load(from + (y * kernel + x) * in * out), Doubles);
                for (int i = 0; i < SIDE; i++)
                    half[i][x] += value * packing->matrix[i][y];
            }
        for (int i = 0; i < SIDE; i++)
            for (int j = 0; j < SIDE; j++, to += in * out) {
                Doubles sum = {0};
                for (int64_t x = 0; x < kernel; x++)
                    sum += half[i][x] * packing->matrix[j][x];
                store(to, __builtin_convertvector(sum, Vector));
            }
    }
}

void deblur_winograd_pack(const float *weights, float *packed, int64_t in, int64_t out, int64_t kernel,
                          const Workers *workers) {
    static const double points[SIDE - 1] = {0, P0, -P0, P1, -P1, P2, -P2, P3, -P3};
    Packing packing = {.weights = weights, .packed = packed, .in = in, .out = out, .kernel = kernel};
    for (int i = 0; i < SIDE - 1; i++) {
        double power = 1;
        for (int j = 0; j < SIDE - 1; j++)
            power /= i == j ? 1 : points[i] - points[j];
        for (int64_t x = 0; x < kernel; x++, power *= points[i])
            packing.matrix[i][x] = power;
    }
    packing.matrix[SIDE - 1][kernel - 1] = 1;
    in_parallel(workers, pack_channel, &packing, in);
}
