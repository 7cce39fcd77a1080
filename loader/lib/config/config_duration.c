// SPDX-License-Identifier: BSD-2-Clause
/*
 * Times in the cluster file.
 */
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"

/* Milliseconds of a unit; 0: there is none such. */
static uint64_t unit_ms(const char *unit)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = { { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(unit, units[i].name))
			return units[i].ms;
	return 0;
}

bool draft_read_duration(const struct yaml_place *place, uint32_t min_ms, uint32_t max_ms,
			 uint32_t *ret_ms)
{
	static const char expected[] = "a time from %u ms to %u s: 100ms, 2s, 1m";
	const char *text = place_text(place, "a time such as 100ms, 2s, 1m");
	size_t digits;
	uint64_t ms;

	if (!text)
		return false;
	digits = strspn(text, "0123456789");
	ms = digits && digits <= 9 ? strtoull(text, NULL, 10) * unit_ms(text + digits) : 0;
	if (ms < min_ms || ms > max_ms || !digits || !unit_ms(text + digits)) {
		place_refuse_value(place, expected, min_ms, max_ms / 1000);
		return false;
	}
	*ret_ms = (uint32_t)ms;
	return true;
}
