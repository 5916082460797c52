/* What this library was compiled for. */
#include "engine.h"
#include "vector.h"

int64_t deblur_lanes(void) { return LANES; }
int64_t deblur_panel(void) { return PANEL; }
