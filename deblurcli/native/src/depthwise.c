/* A 3x3 convolution of every channel by itself, and the product of its two halves. */
#include "feature.h"
#include "parallel.h"

enum { AT_ONCE = 4 /* pixels whose sums stay in registers */, TILE = 32 /* pixels whose rows stay in the cache */ };

/* One half of AT_ONCE pixels from column x on, LANES channels; `inside` says that no column is beyond an edge. */
INLINE void add_taps(const Depthwise *job, const Feature *const rows[3], int64_t x, int64_t channel, int inside,
                     Vector sums[AT_ONCE]) {
    int64_t channels = 2 * job->channels;
    for (int i = 0; i < AT_ONCE; i++)
        sums[i] = load(job->bias + channel);
    for (int row = 0; row < 3; row++) {
        if (!rows[row])
            continue;
        const Feature *from = rows[row] + x * channels + channel;
        const float *weights = job->weights + 3 * row * channels + channel;
        Vector columns[AT_ONCE + 2];
        for (int i = 0; i < AT_ONCE + 2; i++) {
            int there = inside || (x + i >= 1 && x + i <= job->width);
            columns[i] = there ? load_features(from + (i - 1) * channels) : zeros();
        }
        for (int tap = 0; tap < 3; tap++) {
            Vector weight = load(weights + tap * channels);
            for (int i = 0; i < AT_ONCE; i++)
                sums[i] += weight * columns[i + tap];
        }
    }
}

INLINE void multiply_halves(const Depthwise *job, const Feature *const rows[3], Feature *to, int64_t x, int64_t channel,
                            int inside) {
    int64_t channels = job->channels, count = job->width - x < AT_ONCE ? job->width - x : AT_ONCE;
    Vector first[AT_ONCE], second[AT_ONCE];
    add_taps(job, rows, x, channel, inside, first);
    add_taps(job, rows, x, channel + channels, inside, second);
    for (int i = 0; i < AT_ONCE; i++)
        if (inside || i < count)
            store_features(to + (x + i) * channels + channel, first[i] * second[i]);
}

static void run_row(const void *given, int64_t index, float *scratch) {
    const Depthwise *job = given;
    (void)scratch;
    int64_t y = job->top + index, step = job->width * 2 * job->channels;
    const Feature *rows[3];
    for (int row = 0; row < 3; row++)
        rows[row] = y + row < 1 || y + row > job->height ? 0 : (const Feature *)job->from + (y + row - 1) * step;
    Feature *to = (Feature *)job->to + index * job->width * job->channels;
    for (int64_t left = 0; left < job->width; left += TILE)
        for (int64_t channel = 0; channel < job->channels; channel += LANES)
            for (int64_t x = left; x < left + TILE && x < job->width; x += AT_ONCE) {
                if (x > 0 && x + AT_ONCE < job->width)
                    multiply_halves(job, rows, to, x, channel, 1);
                else
                    multiply_halves(job, rows, to, x, channel, 0);
            }
}

void deblur_depthwise(const Depthwise *job, const Workers *workers) {
    in_parallel(workers, run_row, job, job->rows);
}
