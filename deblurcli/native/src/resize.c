/* Features at another resolution, rows at a time: bilinear, with antialiasing downwards. */
#include "feature.h"
#include "parallel.h"

enum { COLUMNS = 16 /* that are made at a time on the way down */ };

INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

int64_t deblur_resize_scratch(const Resizing *job) {
    return (job->up ? job->width : (COLUMNS + 1) * job->factor) * job->channels;
}

/* The weight of one of 2 x factor taps of a triangle. */
INLINE float weight_of(int64_t tap, int64_t factor) {
    return (float)(1 + 2 * least(tap, 2 * factor - 1 - tap)) / (float)(2 * factor * factor);
}

/* Which taps lie within `length`, for a triangle whose first one is at `first`; returns 1 over the sum of theirs. */
INLINE float taps_within(int64_t first, int64_t factor, int64_t length, int64_t *from, int64_t *end) {
    *from = most(0, -first), *end = least(2 * factor, length - first);
    float sum = 0;
    for (int64_t tap = *from; tap < *end; tap++)
        sum += weight_of(tap, factor);
    return 1.0f / sum;
}

static void shrink_row(const void *given, int64_t index, float *scratch) {
    const Resizing *job = given;
    int64_t channels = job->channels, width = job->width, factor = job->factor, from, end;
    int64_t row = (job->top + index) * factor - factor / 2, columns = width / factor;
    float scale = taps_within(row, factor, job->height, &from, &end);
    Feature *to = (Feature *)job->to + index * columns * channels;
    for (int64_t column = 0; column < columns; column += COLUMNS) {
        int64_t stop = least(column + COLUMNS, columns);
        int64_t left = most(0, column * factor - factor / 2), right = least(width, stop * factor + factor / 2);
        const Feature *source = (const Feature *)job->from + ((row + from) * width + left) * channels;
        for (int64_t i = 0; i < (right - left) * channels; i += LANES) {
            Vector sum = zeros();
            for (int64_t tap = from; tap < end; tap++)
                sum += load_features(source + (tap - from) * width * channels + i) * (weight_of(tap, factor) * scale);
            store(scratch + i, sum);
        }
        for (int64_t x = column; x < stop; x++) {
            int64_t first, last, place = x * factor - factor / 2;
            float across = taps_within(place, factor, width, &first, &last);
            const float *pixels = scratch + (place + first - left) * channels;
            for (int64_t c = 0; c < channels; c += LANES) {
                Vector sum = zeros();
                for (int64_t tap = first; tap < last; tap++)
                    sum += load(pixels + (tap - first) * channels + c) * (weight_of(tap, factor) * across);
                store_features(to + x * channels + c, sum);
            }
        }
    }
}

/* The two places that output `x` lies between, and how far it is from the first. */
INLINE float between(int64_t x, int64_t factor, int64_t length, int64_t *first, int64_t *second) {
    int64_t twice = most(2 * x + 1 - factor, 0); /* the place in steps of 1 / (2 factor) */
    *first = twice / (2 * factor), *second = least(*first + 1, length - 1);
    return (float)(twice % (2 * factor)) / (float)(2 * factor);
}

static void grow_row(const void *given, int64_t index, float *scratch) {
    const Resizing *job = given;
    int64_t channels = job->channels, width = job->width, factor = job->factor, first, second;
    float part = between(job->top + index, factor, job->height, &first, &second);
    const Feature *above = (const Feature *)job->from + first * width * channels;
    const Feature *below = (const Feature *)job->from + second * width * channels;
    for (int64_t i = 0; i < width * channels; i += LANES) {
        Vector value = load_features(above + i);
        store(scratch + i, value + (load_features(below + i) - value) * part);
    }
    Feature *to = (Feature *)job->to + index * width * factor * channels;
    for (int64_t x = 0; x < width * factor; x++, to += channels) {
        part = between(x, factor, width, &first, &second);
        const float *left = scratch + first * channels, *right = scratch + second * channels;
        for (int64_t c = 0; c < channels; c += LANES) {
            Vector value = load(left + c);
            store_features(to + c, load_features(to + c) + (value + (load(right + c) - value) * part));
        }
    }
}

void deblur_resize(const Resizing *job, const Workers *workers) {
    in_parallel(workers, job->up ? grow_row : shrink_row, job, job->rows);
}
