/* Layer normalisation of one pixel's channels. */
#ifndef DEBLUR_NORM_H
#define DEBLUR_NORM_H

#include "feature.h"

typedef struct {
    Vector mean, factor;
} Moments;

/* The mean of one pixel's channels and 1 / sqrt(variance + 1e-6). */
INLINE Moments moments(const Feature *from, int64_t channels) {
    Vector sum = zeros(), squares = zeros();
    for (int64_t c = 0; c < channels; c += LANES)
        sum += load_features(from + c);
    Vector mean = all(sum_of(sum) / (float)channels);
    for (int64_t c = 0; c < channels; c += LANES) {
        Vector centred = load_features(from + c) - mean;
        squares += centred * centred;
    }
    return (Moments){mean, all(1.0f / __builtin_sqrtf(sum_of(squares) / (float)channels + 1e-6f))};
}

/* Without factors: the next layer has them in its weights. */
INLINE void normalise(const Feature *from, int64_t channels, Feature *to) {
    Moments found = moments(from, channels);
    for (int64_t c = 0; c < channels; c += LANES)
        store_features(to + c, (load_features(from + c) - found.mean) * found.factor);
}

INLINE void normalise_and_scale(const Feature *from, int64_t channels, const float *scale, const float *shift,
                                Feature *to) {
    Moments found = moments(from, channels);
    for (int64_t c = 0; c < channels; c += LANES) {
        Vector value = (load_features(from + c) - found.mean) * found.factor;
        store_features(to + c, value * load(scale + c) + load(shift + c));
    }
}

INLINE void normalise_to_floats(const Feature *from, int64_t channels, const float *scale, const float *shift,
                                float *to) {
    Moments found = moments(from, channels);
    for (int64_t c = 0; c < channels; c += LANES) {
        Vector value = (load_features(from + c) - found.mean) * found.factor;
        store(to + c, value * load(scale + c) + load(shift + c));
    }
}

#endif
