/* Channel attention: the sums that it needs of its features, and its end. */
#include "feature.h"
#include "parallel.h"

enum { STRIP = 64 /* pixels */, SUMMED = 1024 /* pixels of a sum */ };

static void attend_strip(const void *given, int64_t index, float *scratch) {
    const Attending *job = given;
    (void)scratch;
    int64_t channels = job->channels, strips = (job->pixels + STRIP - 1) / STRIP, image = index / strips;
    int64_t first = index % strips * STRIP, count = job->pixels - first < STRIP ? job->pixels - first : STRIP;
    int64_t place = (image * job->pixels + first) * channels;
    const Feature *x = (const Feature *)job->x + place, *attended = (const Feature *)job->attended + place;
    const Feature *shortcut = job->shortcut ? (const Feature *)job->shortcut + place : 0;
    Feature *to = (Feature *)job->to + place;
    for (int64_t i = 0; i < count * channels; i += channels)
        for (int64_t c = 0; c < channels; c += LANES) {
            Vector factors = load(job->factors + image * channels + c);
            Vector value = load_features(x + i + c) + load_features(attended + i + c) * factors;
            if (shortcut)
                value += load_features(shortcut + i + c);
            store_features(to + i + c, value);
        }
}

void deblur_attend(const Attending *job, const Workers *workers) {
    in_parallel(workers, attend_strip, job, job->images * ((job->pixels + STRIP - 1) / STRIP));
}

static void gather_piece(const void *given, int64_t index, float *scratch) {
    const Gathering *job = given;
    (void)scratch;
    int64_t channels = job->channels, first = index * SUMMED;
    int64_t end = first + SUMMED < job->pixels ? first + SUMMED : job->pixels;
    float *sums = job->sums + index * channels;
    for (int64_t c = 0; c < channels; c += LANES)
        store(sums + c, zeros());
    for (int64_t i = first * channels; i < end * channels; i += channels)
        for (int64_t c = 0; c < channels; c += LANES) {
            Vector value;
            if (job->floats) {
                value = load((const float *)job->from + i + c);
                store_features((Feature *)job->to + i + c, value);
            } else {
                value = load_features((const Feature *)job->from + i + c);
            }
            store(sums + c, load(sums + c) + value);
        }
}

int64_t deblur_gathered_pieces(const Gathering *job) { return (job->pixels + SUMMED - 1) / SUMMED; }

void deblur_gather(const Gathering *job, const Workers *workers) {
    in_parallel(workers, gather_piece, job, deblur_gathered_pieces(job));
}
