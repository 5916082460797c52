/* Products of small matrices that are in the cache: rows of words times a panel of them. */
#ifndef DEBLUR_TILE_H
#define DEBLUR_TILE_H

#include "feature.h"

/* Add to `tall` rows of a panel; `tall` is a constant to the compiler. Rows are `step` words apart. */
INLINE void add_tile(int tall, const Word *rows, int64_t step, int64_t words, const Word *panel,
                     Vector sums[TALL][WIDE]) {
    for (int64_t c = 0; c < words; c++, panel += PANEL) {
        Vector w[WIDE];
        for (int j = 0; j < WIDE; j++)
            w[j] = load((const float *)panel + j * LANES);
#pragma GCC unroll 12
        for (int i = 0; i < tall; i++)
            for (int j = 0; j < WIDE; j++)
                sums[i][j] = add_products(sums[i][j], w[j], rows[i * step + c]);
    }
}

/* What becomes of the sums of one row at a panel's first column. */
typedef void Finish(void *context, int64_t row, int64_t column, const Vector sums[WIDE]);

/* `tall` rows from `row` on, of which `count` are there. The sums begin at the biases: one for each column, or for each
   row if `of_rows`. */
INLINE void finish_tile(int tall, int64_t count, const Word *rows, int64_t step, int64_t words, const Word *panel,
                        const float *bias, int of_rows, int64_t row, int64_t column, Finish finish, void *context) {
    Vector sums[TALL][WIDE];
#pragma GCC unroll 12
    for (int i = 0; i < tall; i++)
        for (int j = 0; j < WIDE; j++)
            sums[i][j] = of_rows ? all(bias[i]) : load(bias + j * LANES);
    add_tile(tall, rows, step, words, panel, sums);
    Vector found[TALL][WIDE]; /* in memory: sums that a loop takes one by one would not stay in registers above */
#pragma GCC unroll 12
    for (int i = 0; i < tall; i++)
        for (int j = 0; j < WIDE; j++)
            found[i][j] = sums[i][j];
    for (int64_t i = 0; i < count; i++)
        finish(context, row + i, column, found[i]);
}

enum { MIDDLE = TALL > 8 ? 8 : 4 };

/* Up to TALL rows, as few more as possible: up to three are read beyond them. */
INLINE void finish_some(int64_t count, const Word *rows, int64_t step, int64_t words, const Word *panel,
                        const float *bias, int of_rows, int64_t row, int64_t column, Finish finish, void *context) {
    if (count > MIDDLE)
        finish_tile(TALL, count, rows, step, words, panel, bias, of_rows, row, column, finish, context);
    else if (count > 4)
        finish_tile(MIDDLE, count, rows, step, words, panel, bias, of_rows, row, column, finish, context);
    else
        finish_tile(4, count, rows, step, words, panel, bias, of_rows, row, column, finish, context);
}

/* A layer on rows of features that are `step` features apart. */
INLINE void run_dense(const Dense *layer, const Feature *rows, int64_t step, int64_t count, Finish finish,
                      void *context) {
    int64_t words = layer->in / CHANNELS_PER_WORD;
    step /= CHANNELS_PER_WORD;
    for (int64_t k = 0; k < layer->out; k += PANEL) {
        const Word *panel = (const Word *)layer->weights + k * words;
        for (int64_t row = 0; row < count; row += TALL)
            finish_some(count - row < TALL ? count - row : TALL, (const Word *)rows + row * step, step, words, panel,
                        layer->bias + k, 0, row, k, finish, context);
    }
}

#endif
