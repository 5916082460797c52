/* Layer normalisation of one pixel's channels. */
#ifndef DEBLUR_NORM_H
#define DEBLUR_NORM_H

#include "feature.h"

/* (row - mean) / sqrt(variance + 1e-6), times `scale` and plus `shift` unless those are NULL: then the next layer has
   them in its weights. `to` is a row of features, or of `floats`. */
INLINE void normalise_row(const Feature *from, int64_t channels, const float *scale, const float *shift, void *to,
                          int floats) {
    Vector sum = zeros(), squares = zeros();
    for (int64_t c = 0; c < channels; c += LANES)
        sum += load_features(from + c);
    Vector mean = all(sum_of(sum) * (1.0f / (float)channels));
    for (int64_t c = 0; c < channels; c += LANES) {
        Vector centred = load_features(from + c) - mean;
        squares += centred * centred;
    }
    Vector factor = all(1.0f / __builtin_sqrtf(sum_of(squares) * (1.0f / (float)channels) + 1e-6f));
    for (int64_t c = 0; c < channels; c += LANES) {
        Vector value = (load_features(from + c) - mean) * factor;
        if (scale)
            value = value * load(scale + c) + load(shift + c);
        if (floats)
            store((float *)to + c, value);
        else
            store_features((Feature *)to + c, value);
    }
}

/* Where the compiler knows how many channels there are, a row stays in registers. */
INLINE void normalise_any(const Feature *from, int64_t channels, const float *scale, const float *shift, void *to,
                          int floats) {
    if (channels == 32)
        normalise_row(from, 32, scale, shift, to, floats);
    else if (channels == 64)
        normalise_row(from, 64, scale, shift, to, floats);
    else if (channels == 128)
        normalise_row(from, 128, scale, shift, to, floats);
    else
        normalise_row(from, channels, scale, shift, to, floats);
}

INLINE void normalise(const Feature *from, int64_t channels, Feature *to) {
    normalise_any(from, channels, 0, 0, to, 0);
}
INLINE void normalise_and_scale(const Feature *from, int64_t channels, const float *scale, const float *shift,
                                Feature *to) {
    normalise_any(from, channels, scale, shift, to, 0);
}
INLINE void normalise_to_floats(const Feature *from, int64_t channels, const float *scale, const float *shift,
                                float *to) {
    normalise_any(from, channels, scale, shift, to, 1);
}

#endif
