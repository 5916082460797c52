/* A small rectangle of the input with its surroundings of zeros, as an address for each of its rows. */
#ifndef DEBLUR_WINDOW_H
#define DEBLUR_WINDOW_H

#include "engine.h"
#include "vector.h"

#include <string.h>

/* Point `rows` at the pixels of the rectangle, which begins at row `top` and column `left`, either of which may lie
   outside. Where all of it is inside the image that is the image itself; else a copy in `patch`, which has room for
   height x width x channels floats. Returns the floats from one pixel to the next. */
INLINE int64_t window(const Source *source, int64_t image_width, int64_t top, int64_t left, int64_t height,
                      int64_t width, float *patch, const float **rows) {
    int inside = left >= 0 && left + width <= image_width && top >= 0 && top + height <= source->count;
    for (int64_t i = 0; inside && i < height; i++) {
        inside = source->rows[top + i] != 0;
        rows[i] = source->rows[top + i] + left * source->step;
    }
    if (inside)
        return source->step;
    int64_t channels = source->channels;
    for (int64_t i = 0; i < height; i++, patch += width * channels) {
        int64_t y = top + i;
        const float *row = y >= 0 && y < source->count ? source->rows[y] : 0;
        rows[i] = patch;
        for (int64_t j = 0; j < width; j++) {
            int64_t x = left + j;
            if (row && x >= 0 && x < image_width)
                memcpy(patch + j * channels, row + x * source->step, channels * sizeof(float));
            else
                memset(patch + j * channels, 0, channels * sizeof(float));
        }
    }
    return channels;
}

#endif
