/* Layer normalisation of features to the float32 rows that convolutions take. */
#include "norm.h"
#include "parallel.h"

enum { STRIP = 64 /* pixels */ };

static void run_strip(const void *given, int64_t index, float *scratch) {
    const Normalisation *job = given;
    (void)scratch;
    int64_t channels = job->channels, end = (index + 1) * STRIP;
    for (int64_t pixel = index * STRIP; pixel < end && pixel < job->pixels; pixel++)
        normalise_to_floats((const Feature *)job->from + pixel * channels, channels, job->scale, job->shift,
                            job->to + pixel * channels);
}

void deblur_normalise(const Normalisation *job, const Workers *workers) {
    in_parallel(workers, run_strip, job, (job->pixels + STRIP - 1) / STRIP);
}
