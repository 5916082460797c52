/* What this library was compiled for. */
#include "engine.h"
#include "products.h"
#include "transform.h"
#include "vector.h"

int64_t deblur_lanes(void) { return LANES; }
int64_t deblur_panel(void) { return PANEL; }
int64_t deblur_side(void) { return SIDE; }
int64_t deblur_channels_per_word(void) { return CHANNELS_PER_WORD; }
