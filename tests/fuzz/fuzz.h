#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

/* What fuzz targets have in common; replay.c and libFuzzer call them. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a header promises, whatever was read. */
static inline void
demand(bool promise)
{
	if (!promise)
		abort();
}

#endif
