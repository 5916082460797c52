/* Layers pixel by pixel, some rows of channels at a time: what lies between two layers stays in the cache. */
#include "gelu.h"
#include "norm.h"
#include "parallel.h"
#include "tile.h"

#include <string.h>

enum { STRIP = 96 /* pixels, a multiple of TALL */, SPARE = 3 /* that a product reads beyond */ };

typedef struct {
    const Pointwise *job;
    int64_t first;    /* pixel of the strip */
    Feature *entered; /* its rows after `enter` */
} Strip;

INLINE int64_t lines(int64_t features) { return (features + 63) / 64 * 64; }

int64_t deblur_pointwise_scratch(const Pointwise *job) {
    int64_t features = lines((STRIP + SPARE) * job->channels) + lines((STRIP + SPARE) * job->leave.in);
    return lines(features * (int64_t)sizeof(Feature)) / (int64_t)sizeof(float);
}

static inline void finish_enter(void *context, int64_t row, int64_t column, const Vector sums[WIDE]) {
    const Strip *strip = context;
    int64_t step = strip->job->leave.in;
    const Feature *factor = strip->job->factor;
    for (int j = 0; j < WIDE; j++, column += LANES) {
        Vector value = gelu(sums[j]);
        if (factor)
            value *= load_features(factor + (strip->first + row) * step + column);
        store_features(strip->entered + row * step + column, value);
    }
}

/* A panel of one half beside the same channels of the other. */
static inline void finish_halves(void *context, int64_t row, int64_t column, const Vector sums[WIDE]) {
    const Strip *strip = context;
    store_features(strip->entered + row * strip->job->leave.in + column / WIDE, sums[0] * sums[1]);
}

static inline void finish_leave(void *context, int64_t row, int64_t column, const Vector sums[WIDE]) {
    const Strip *strip = context;
    const Pointwise *job = strip->job;
    int64_t place = (strip->first + row) * job->leave.out + column;
    Feature *to = (Feature *)job->to + place;
    const Feature *added = job->added ? (const Feature *)job->added + place : 0;
    for (int j = 0; j < WIDE; j++) {
        Vector value = sums[j];
        if (added)
            value += load_features(added + j * LANES);
        if (job->adds)
            value += load_features(to + j * LANES);
        store_features(to + j * LANES, value);
    }
}

static void run_strip(const void *given, int64_t index, float *scratch) {
    const Pointwise *job = given;
    int64_t channels = job->channels, first = index * STRIP;
    int64_t count = job->pixels - first < STRIP ? job->pixels - first : STRIP;
    const Feature *from = (const Feature *)job->from + first * channels;
    Feature *rows = (Feature *)scratch;
    Strip strip = {.job = job, .first = first, .entered = rows + lines((STRIP + SPARE) * channels)};
    if (job->enter.weights) {
        for (int64_t i = 0; i < count; i++)
            normalise(from + i * channels, channels, rows + i * channels);
        if (job->halves)
            run_dense(&job->enter, rows, channels, count, finish_halves, &strip);
        else
            run_dense(&job->enter, rows, channels, count, finish_enter, &strip);
        rows = strip.entered;
    } else if (job->normed) {
        for (int64_t i = 0; i < count; i++)
            normalise(from + i * channels, channels, rows + i * channels);
    } else {
        memcpy(rows, from, count * channels * sizeof(Feature)); /* which may be read a little beyond its end */
    }
    run_dense(&job->leave, rows, job->leave.in, count, finish_leave, &strip);
}

void deblur_pointwise(const Pointwise *job, const Workers *workers) {
    in_parallel(workers, run_strip, job, (job->pixels + STRIP - 1) / STRIP);
}
