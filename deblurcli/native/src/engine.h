/* The interface of the library: what Python fills in and calls. Images are rows of pixels of channels, float32. */
#ifndef DEBLUR_ENGINE_H
#define DEBLUR_ENGINE_H

#include <stdint.h>

/* How work is spread over threads: PyTorch's own OpenMP if it could be found, so that no second set of threads
   competes with the first. */
typedef void (*OpenMP)(void (*work)(void *), void *data, unsigned threads, unsigned flags);

typedef struct {
    OpenMP openmp; /* NULL: threads of our own for every call */
    int64_t threads;
    float *scratch; /* threads times scratch_size floats, that hold numbers */
    int64_t scratch_size;
} Workers;

/* Rows of `width` pixels that need not be neighbours in memory. A row that is NULL is black, and so are the rows after
   the last and the pixels beside a row. */
typedef struct {
    const float *const *rows;
    int64_t count;
    int64_t channels;
    int64_t step; /* floats from one pixel to the next */
} Source;

enum { SOURCES = 4 };

typedef struct {
    Source sources[SOURCES]; /* their channels follow each other; all but the first may have none */
    int64_t width;           /* of the sources */
    const float *weights, *bias;
    int64_t kernel;
    int64_t before; /* black columns on the left */
    int64_t up;     /* output rows per step, and pixels per column: 2 for four outputs a pixel, at each parity of row and
                       column; their weights follow each other */
    int64_t relu;
    double leak; /* negative results are multiplied by it, if it is not 0, in place of `relu`; not of thin ones */
    const float *const *residual; /* rows of the output's shape, added after all else; NULL for none */
    float *out;                   /* rows without gaps */
    int64_t out_rows, out_channels;
} Convolution;

/* c' = c sigmoid(f + 1) + sigmoid(i) tanh(j) and h' = tanh(c') sigmoid(o), for `pixels` pixels of each row. */
typedef struct {
    const float *gates;       /* i, j, f, o: 4 x channels per pixel, rows without gaps */
    const float *const *cell; /* rows of c; NULL is zero */
    int64_t cell_step;        /* floats from one pixel to the next */
    float *state;             /* c', h' per pixel */
    float *hidden;            /* h' per pixel */
    int64_t rows, width, channels;
} Memory;

int64_t deblur_lanes(void);
int64_t deblur_panel(void);
/* Of Winograd's windows. */
int64_t deblur_side(void);
/* 1 where Winograd's products are in float32, 2 where they are in bfloat16. */
int64_t deblur_channels_per_word(void);

/* Floats that one thread of a convolution needs. */
int64_t deblur_winograd_scratch(const Convolution *);
int64_t deblur_direct_scratch(const Convolution *);

/* (kernel, kernel, in, out) weights to the order in which they are read; channels as the functions below demand. No
   scratch is needed. Winograd's take in x out x side^2 / channels per word floats, the others' as many as they are. */
void deblur_winograd_pack(const float *weights, float *packed, int64_t in, int64_t out, int64_t kernel,
                          const Workers *);
void deblur_direct_pack(const float *weights, float *packed, int64_t in, int64_t out, int64_t kernel);
/* The order of memory: out, row, column, in. */
void deblur_thin_pack(const float *weights, float *packed, int64_t in, int64_t out, int64_t kernel);

/* Stride 1, kernel 3 or 5, `up` 1 or 2; sources' channels multiples of the lanes, out_channels of the panel. */
void deblur_winograd(const Convolution *, const Workers *);
/* Stride 1, any kernel, one source; out_channels a multiple of the panel. */
void deblur_direct(const Convolution *, const Workers *);
/* Stride 1, one source with a multiple of the lanes in channels; at most 4 out_channels. */
void deblur_thin(const Convolution *, const Workers *);
void deblur_lstm(const Memory *, const Workers *);

#endif
