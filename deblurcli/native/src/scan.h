/* The interface of linear recurrences along lines of an image: h[t] = (1 - g[t]) x[t] + g[t] h[t - 1] for every channel,
   whose vectors they run along. Lines go along an image's rows or its columns, from either end. */
#ifndef DEBLUR_SCAN_H
#define DEBLUR_SCAN_H

#include "engine.h"

/* Where a line's pixels are, in floats: from one to the next along it, from a line to the next, from image to image.
   A pixel's channels have no gaps. */
typedef struct {
    float *first; /* of the first line of the first image */
    int64_t along, across, image;
} Lines;

typedef struct {
    Lines x, gates, out;
    Lines before; /* h[-1] of every line; NULL for zeros */
    int64_t length, lines, images, channels; /* of a line, in an image; channels are a multiple of the lanes */
    int64_t block;                           /* lines that go on together */
} Scan;

/* The gradients of what is made of a scan's result, from the one of that result; `before` was zeros. */
typedef struct {
    Scan scan;
    Lines of_out;
    Lines of_x; /* is added to what is there */
    Lines of_gates;
} ScanGradient;

/* Needs no scratch. */
void deblur_scan(const Scan *, const Workers *);
/* Needs block x channels floats for every thread. */
void deblur_scan_gradient(const ScanGradient *, const Workers *);

#endif
