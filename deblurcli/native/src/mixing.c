/* Gated MLPs and spatial gating weights along one axis: some places of the grid, or some blocks, at a time.

   All that lies between the features and the result of such a piece stays in the cache: row by row up to what is mixed,
   then the product with the matrix that mixes, then row by row to the result. */
#include "gelu.h"
#include "norm.h"
#include "parallel.h"
#include "tile.h"

#include <string.h>

enum { LINE = 64 / sizeof(Feature) /* features in a line of the cache */ };
enum { STRIP = 48 /* rows between two layers, a multiple of TALL */, SPARE = 3 /* that a product reads beyond */ };

/* One piece: `units` blocks, or places of the grid, side by side. Pixel k of unit u is row k * units + u. */
typedef struct {
    const Mixing *job;
    int64_t pixels; /* that are mixed */
    int64_t units;
    int64_t *places; /* where every row is, in features */
    int64_t ahead;   /* from there to where it is in the next piece */
    Feature *kept;   /* every row for `leave` */
    int64_t kept_step;
    Word *mixed;               /* a panel of a unit's channels after the other, in each the pixels, or pairs of them */
    Feature *normed, *entered; /* rows of a strip between two layers */
    int64_t first;             /* the strip's first row */
} Part;

INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Units of a piece at most: few channels would leave much of every access to memory unused. */
INLINE int64_t units_of(const Mixing *job) {
    int64_t fits = (job->size > 8 ? 64 : 256) / job->channels;
    return least(fits < 1 ? 1 : fits, job->width / job->size);
}

/* Parts of a thread's memory, in features; all begin at lines of the cache. */
typedef struct {
    int64_t places, kept, mixed, strip;
} Sizes;

INLINE int64_t lines(int64_t features) { return (features + 63) / 64 * 64; }

INLINE Sizes sizes_of(const Mixing *job) {
    int64_t rows = units_of(job) * job->size * job->size;
    return (Sizes){
        .places = lines(rows * (int64_t)(sizeof(int64_t) / sizeof(Feature))),
        .kept = lines((rows + SPARE) * job->leave.in),
        .mixed = lines(rows * job->channels),
        .strip = lines((STRIP + SPARE) * job->channels),
    };
}

int64_t deblur_mixing_scratch(const Mixing *job) {
    Sizes sizes = sizes_of(job);
    int64_t features = sizes.places + sizes.kept + sizes.mixed + 2 * sizes.strip;
    return lines(features * (int64_t)sizeof(Feature)) / (int64_t)sizeof(float);
}

static void find_places(const Part *part, int64_t image, int64_t top, int64_t left) {
    const Mixing *job = part->job;
    int64_t size = job->size, *to = part->places;
    int64_t down = job->grid ? job->height / size : 1, across = job->grid ? job->width / size : 1;
    int64_t apart = job->grid ? 1 : size; /* units */
    top *= apart, left *= apart;
    for (int64_t row = 0; row < size; row++)
        for (int64_t column = 0; column < size; column++)
            for (int64_t unit = 0; unit < part->units; unit++) {
                int64_t y = top + row * down, x = left + unit * apart + column * across;
                *to++ = ((image * job->height + y) * job->width + x) * job->channels;
            }
}

/* Of a strip's row: the first columns are the half that waits, the others what goes on. */
static inline void finish_halves(void *context, int64_t row, int64_t column, const Vector sums[WIDE]) {
    const Part *part = context;
    int64_t channels = part->job->channels;
    row += part->first;
    Feature *to = column < channels ? (Feature *)part->job->waiting + part->places[row] + column
                                    : part->kept + row * part->kept_step + column - channels;
    for (int j = 0; j < WIDE; j++)
        store_features(to + j * LANES, gelu(sums[j]));
}

/* The first columns are what is multiplied later, behind the row, the others its gate. */
static inline void finish_gate(void *context, int64_t row, int64_t column, const Vector sums[WIDE]) {
    const Part *part = context;
    int64_t channels = part->job->channels;
    Feature *to = column < channels ? part->kept + (part->first + row) * part->kept_step + channels + column
                                    : part->entered + row * channels + column - channels;
    for (int j = 0; j < WIDE; j++)
        store_features(to + j * LANES, gelu(sums[j]));
}

static inline void finish_before(void *context, int64_t row, int64_t column, const Vector sums[WIDE]) {
    const Part *part = context;
    for (int j = 0; j < WIDE; j++)
        store_features(part->entered + row * part->job->channels + column + j * LANES, gelu(sums[j]));
}

/* A strip's rows to where the product that mixes reads them: there pixels are what rows of channels are elsewhere. */
static void set_mixed(const Part *part, const Feature *rows, int64_t step, int64_t count) {
    int64_t channels = part->job->channels, units = part->units, pixel = part->first / units;
    for (int64_t i = 0; i < count; i += CHANNELS_PER_WORD * units, pixel += CHANNELS_PER_WORD)
        for (int64_t unit = 0; unit < units; unit++) {
            const Feature *row = rows + (i + unit) * step, *next = row + units * step;
            for (int64_t c = 0; c < channels; c += PANEL) {
                int64_t panel = (unit * channels + c) * part->pixels + pixel * PANEL;
                for (int j = 0; j < PANEL; j += LANES)
                    store_pair(part->mixed + panel / CHANNELS_PER_WORD + j, row + c + j, next + c + j);
            }
        }
}

/* Rows first to first + count - 1, up to what is mixed. */
static void run_strip(Part *part, int64_t first, int64_t count) {
    const Mixing *job = part->job;
    int64_t channels = job->channels, step = part->kept_step;
    part->first = first;
    for (int64_t i = 0; i < count; i++) {
        const Feature *from = (const Feature *)job->from + part->places[first + i];
        /* What is needed at last, and by the next piece: the processor does not see it coming. */
        for (int64_t c = 0; c < channels; c += LINE) {
            if (job->to != job->from)
                __builtin_prefetch((const Feature *)job->to + part->places[first + i] + c, 1);
            if (job->added && job->added != job->from && job->added != job->to)
                __builtin_prefetch((const Feature *)job->added + part->places[first + i] + c);
            if (job->halves.weights)
                __builtin_prefetch((const Feature *)job->waiting + part->places[first + i] + c, 1);
            __builtin_prefetch(from + part->ahead + c);
        }
        if (job->before.weights || job->halves.weights)
            normalise(from, channels, part->normed + i * channels);
        else
            memcpy(part->kept + (first + i) * step, from, channels * sizeof(Feature));
    }
    if (job->before.weights) {
        run_dense(&job->before, part->normed, channels, count, finish_before, part);
        for (int64_t i = 0; i < count; i++)
            normalise(part->entered + i * channels, channels, part->normed + i * channels);
    }
    if (job->halves.weights)
        run_dense(&job->halves, part->normed, channels, count, finish_halves, part);
    const Feature *rows = part->kept + first * step;
    if (job->gate.weights) {
        for (int64_t i = 0; i < count; i++)
            normalise(rows + i * step, channels, part->normed + i * channels);
        run_dense(&job->gate, part->normed, channels, count, finish_gate, part);
        for (int64_t i = 0; i < count; i++) {
            Feature *row = part->entered + i * channels;
            normalise_and_scale(row, channels, job->scale, job->shift, row);
        }
        rows = part->entered, step = channels;
    }
    set_mixed(part, rows, step, count);
}

/* Here rows are pixels and columns those of all units. */
static inline void finish_mixed(void *context, int64_t pixel, int64_t column, const Vector sums[WIDE]) {
    const Part *part = context;
    int64_t channels = part->job->channels, unit = column / channels;
    Feature *to = part->kept + (pixel * part->units + unit) * part->kept_step + column % channels;
    int gates = part->job->gate.weights != 0;
    if (gates)
        to += channels;
    for (int j = 0; j < WIDE; j++)
        store_features(to + j * LANES, gates ? sums[j] * load_features(to + j * LANES) : sums[j]);
}

static void mix(Part *part) {
    const Mixing *job = part->job;
    int64_t words = part->pixels / CHANNELS_PER_WORD, columns = part->units * job->channels;
    for (int64_t row = 0; row < part->pixels; row += TALL) /* some rows of the matrix stay in the first cache */
        for (int64_t column = 0; column < columns; column += PANEL)
            finish_some(least(TALL, part->pixels - row), (const Word *)job->spatial + row * words, words, words,
                        part->mixed + column * words, job->spatial_bias + row, 1, row, column, finish_mixed, part);
}

static inline void finish_leave(void *context, int64_t row, int64_t column, const Vector sums[WIDE]) {
    const Part *part = context;
    const Mixing *job = part->job;
    Feature *to = (Feature *)job->to + part->places[row] + column;
    const Feature *added = job->added ? (const Feature *)job->added + part->places[row] + column : 0;
    for (int j = 0; j < WIDE; j++)
        store_features(to + j * LANES, added ? load_features(added + j * LANES) + sums[j] : sums[j]);
}

static void mix_piece(const void *given, int64_t index, float *scratch) {
    const Mixing *job = given;
    Sizes sizes = sizes_of(job);
    int64_t most = units_of(job), height = job->height / job->size, width = job->width / job->size;
    int64_t across = (width + most - 1) / most;
    int64_t left = index % across * most, top = index / across % height, image = index / across / height;
    Part part = {
        .job = job,
        .pixels = job->size * job->size,
        .units = least(most, width - left),
        .places = (int64_t *)scratch,
        .ahead = (job->grid ? 1 : job->size) * most * job->channels,
        .kept = (Feature *)scratch + sizes.places,
        .kept_step = job->leave.in,
    };
    part.mixed = (Word *)(part.kept + sizes.kept);
    part.normed = (Feature *)part.mixed + sizes.mixed;
    part.entered = part.normed + sizes.strip;
    find_places(&part, image, top, left);
    int64_t rows = part.pixels * part.units, strip = STRIP / (CHANNELS_PER_WORD * part.units);
    strip *= CHANNELS_PER_WORD * part.units;
    for (int64_t first = 0; first < rows; first += strip)
        run_strip(&part, first, least(strip, rows - first));
    mix(&part);
    run_dense(&job->leave, part.kept, part.kept_step, rows, finish_leave, &part);
}

void deblur_mixing(const Mixing *job, const Workers *workers) {
    int64_t most = units_of(job), across = (job->width / job->size + most - 1) / most;
    in_parallel(workers, mix_piece, job, job->images * (job->height / job->size) * across);
}
