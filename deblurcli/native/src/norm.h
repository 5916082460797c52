/* Layer normalisation of one pixel's channels. */
#ifndef DEBLUR_NORM_H
#define DEBLUR_NORM_H

#include "features.h"

/* (row - mean) / sqrt(variance + 1e-6); `scale` and `shift` are NULL where the next layer has them in its weights. */
INLINE void normalise(const Feature *from, int64_t channels, const float *scale, const float *shift, Feature *to) {
    Vector sum = zeros(), squares = zeros();
    for (int64_t c = 0; c < channels; c += LANES)
        sum += load_features(from + c);
    Vector mean = all(sum_of(sum) / (float)channels);
    for (int64_t c = 0; c < channels; c += LANES) {
        Vector centred = load_features(from + c) - mean;
        squares += centred * centred;
    }
    Vector factor = all(1.0f / __builtin_sqrtf(sum_of(squares) / (float)channels + 1e-6f));
    for (int64_t c = 0; c < channels; c += LANES) {
        Vector value = (load_features(from + c) - mean) * factor;
        store_features(to + c, scale ? value * load(scale + c) + load(shift + c) : value);
    }
}

#endif
