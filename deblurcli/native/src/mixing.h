/* The interface for networks of linear layers on features (N, H, W, C), without gaps: float32, or bfloat16 in the library
   that multiplies it. Channels are multiples of the panel; in bfloat16 the numbers that are mixed are even. */
#ifndef DEBLUR_MIXING_H
#define DEBLUR_MIXING_H

#include "engine.h"

/* y = weights x + bias on channels. The weights lie panel by panel of outputs, in each word by word of inputs, and for
   each word the panel's outputs. */
typedef struct {
    const float *weights; /* NULL: there is no such layer */
    const float *bias;
    int64_t in, out;
} Dense;

/* One axis of a gated MLP, or of spatial gating weights, over whole images. An image is cut into blocks of size x size
   pixels or into a grid of size x size cells; what is mixed are the pixels of a block, or those at one place of all
   cells.

   A pixel's row of channels goes through the layers that there are: gelu(before(norm(row))); gelu(halves(norm(row))), of
   which the first half waits and the second goes on; gelu(gate(norm(row))), of which the second half, normed again, is
   mixed and then multiplies the first. Without `gate` the row itself is mixed. What comes of it goes through `leave`,
   with `gate` behind the row. */
typedef struct {
    const void *from; /* features: `x`, or on the grid the half that waits */
    void *waiting;    /* of `halves` */
    void *to;         /* what the result goes to */
    const void *added; /* features that the result is added to, or NULL; may be `to` */
    int64_t images, height, width, channels;
    int64_t size, grid;
    Dense before, halves, gate;
    const float *scale, *shift; /* of the norm after `gate` */
    const void *spatial;        /* size^2 rows of as many features, and zeros up to a multiple of four rows */
    const float *spatial_bias;
    Dense leave;
} Mixing;

/* leave(act(enter(norm(row))) * factor) + added for every pixel's row of channels; without `enter` leave(row), or
   leave(norm(row)). What `act` does is GELU, or the product of two halves: then every panel of `enter` has as many
   outputs of the one as of the other. */
typedef struct {
    const void *from;
    const void *factor; /* NULL for none */
    const void *added;  /* NULL for none */
    void *to;           /* may be `from` */
    int64_t adds;       /* whether the result is added to what is there */
    int64_t pixels, channels;
    int64_t normed; /* whether the norm comes first without `enter` */
    int64_t halves; /* whether halves are multiplied, in place of GELU */
    Dense enter, leave;
} Pointwise;

/* Rows of the product of the two halves of a 3x3 convolution of every channel by itself, beyond the edges zeros. */
typedef struct {
    const void *from; /* features, twice as many channels as in `to` */
    void *to;         /* the first of these rows */
    const float *weights, *bias; /* nine rows of weights, and one of biases, for the channels of `from` */
    int64_t height, width; /* of `from` */
    int64_t channels;      /* of `to` */
    int64_t top, rows;     /* of the result, that are wanted */
} Depthwise;

/* The norm of every pixel, in float32. */
typedef struct {
    const void *from;
    float *to;
    const float *scale, *shift;
    int64_t pixels, channels;
} Normalisation;

/* Rows `top` to top + rows - 1 of what features are at another resolution. */
typedef struct {
    const void *from;
    void *to; /* the first of these rows */
    int64_t height, width, channels; /* of `from` */
    int64_t factor;                  /* even on the way down */
    int64_t up;                      /* whether they are enlarged, and then added to what is there */
    int64_t top, rows;
} Resizing;

/* The end of a residual channel attention block: to = x + attended * factors, + shortcut. */
typedef struct {
    void *to; /* may be `x` */
    const void *x, *attended;
    const void *shortcut; /* NULL for none */
    const float *factors; /* one for each channel of an image */
    int64_t images, pixels, channels; /* pixels of an image */
} Attending;

/* The sums of features over the pixels of each of so many pieces as deblur_gathered_pieces says. */
typedef struct {
    const void *from; /* features, or float32 that is written `to` features */
    void *to;
    float *sums; /* `channels` for every piece */
    int64_t floats, pixels, channels;
} Gathering;

/* Floats that one thread needs. */
int64_t deblur_mixing_scratch(const Mixing *);
int64_t deblur_pointwise_scratch(const Pointwise *);
int64_t deblur_resize_scratch(const Resizing *);

void deblur_depthwise(const Depthwise *, const Workers *);
void deblur_mixing(const Mixing *, const Workers *);
void deblur_normalise(const Normalisation *, const Workers *);
void deblur_attend(const Attending *, const Workers *);
void deblur_resize(const Resizing *, const Workers *);
void deblur_gather(const Gathering *, const Workers *);
int64_t deblur_gathered_pieces(const Gathering *);
void deblur_pointwise(const Pointwise *, const Workers *);

#endif
