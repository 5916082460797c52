/* Linear recurrences along the lines of an image, forward and with their gradients, in one pass over memory.

   A result depends on its line alone and is computed in one order, so it is the same however lines are spread over
   threads, and however they are cut if what comes after a cut is given what came before. */
#include "scan.h"

#include "parallel.h"
#include "vector.h"

INLINE float *place(const Lines *lines, int64_t image, int64_t line, int64_t t) {
    return lines->first + image * lines->image + line * lines->across + t * lines->along;
}

INLINE int64_t blocks_of(const Scan *scan) { return (scan->lines + scan->block - 1) / scan->block; }

/* The lines of a piece; returns the image that they are in. */
INLINE int64_t lines_of(const Scan *scan, int64_t index, int64_t *first, int64_t *end) {
    *first = index % blocks_of(scan) * scan->block;
    *end = *first + scan->block < scan->lines ? *first + scan->block : scan->lines;
    return index / blocks_of(scan);
}

static void scan_block(const void *job, int64_t index, float *scratch) {
    const Scan *scan = job;
    int64_t first, end, image = lines_of(scan, index, &first, &end);
    (void)scratch;
    for (int64_t t = 0; t < scan->length; t++)
        for (int64_t line = first; line < end; line++) {
            const float *x = place(&scan->x, image, line, t), *gates = place(&scan->gates, image, line, t);
            float *out = place(&scan->out, image, line, t);
            const float *before = t                    ? out - scan->out.along
                                  : scan->before.first ? place(&scan->before, image, line, 0)
                                                       : 0;
            for (int64_t c = 0; c < scan->channels; c += LANES) {
                Vector value = load(x + c), last = before ? load(before + c) : zeros();
                store(out + c, value + load(gates + c) * (last - value));
            }
        }
}

void deblur_scan(const Scan *scan, const Workers *workers) {
    in_parallel(workers, scan_block, scan, scan->images * blocks_of(scan));
}

/* From each line's end to its beginning; `scratch` has what comes to h[t] from h[t + 1]. */
static void gradient_block(const void *job, int64_t index, float *scratch) {
    const ScanGradient *gradient = job;
    const Scan *scan = &gradient->scan;
    int64_t first, end, image = lines_of(scan, index, &first, &end), channels = scan->channels;
    for (int64_t i = 0; i < (end - first) * channels; i++)
        scratch[i] = 0;
    for (int64_t t = scan->length - 1; t >= 0; t--)
        for (int64_t line = first; line < end; line++) {
            const float *x = place(&scan->x, image, line, t), *gates = place(&scan->gates, image, line, t);
            const float *before = t ? place(&scan->out, image, line, t - 1) : 0;
            const float *of_out = place(&gradient->of_out, image, line, t);
            float *of_x = place(&gradient->of_x, image, line, t), *carried = scratch + (line - first) * channels;
            float *of_gates = place(&gradient->of_gates, image, line, t);
            for (int64_t c = 0; c < channels; c += LANES) {
                Vector g = load(gates + c), of_h = load(of_out + c) + load(carried + c);
                Vector last = before ? load(before + c) : zeros(), kept = of_h * g;
                store(of_gates + c, of_h * (last - load(x + c)));
                store(of_x + c, load(of_x + c) + (of_h - kept));
                store(carried + c, kept);
            }
        }
}

void deblur_scan_gradient(const ScanGradient *gradient, const Workers *workers) {
    in_parallel(workers, gradient_block, gradient, gradient->scan.images * blocks_of(&gradient->scan));
}
