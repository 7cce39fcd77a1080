// SPDX-License-Identifier: BSD-2-Clause
/*
 * Numbers with units in the cluster file, and switches.
 */
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"

struct unit {
	const char *name;
	uint64_t factor;
};

/* Digits and one of the units. Return: false: it is no such thing, or above the maximum. */
static bool parse_quantity(const char *text, const struct unit *units, uint64_t max,
			   uint64_t *ret_number)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t number;

	if (!digits || digits > 12)
		return false;
	while (units->name && strcmp(units->name, text + digits))
		units++;
	if (!units->name)
		return false;
	number = strtoull(text, NULL, 10);
	if (number > max / units->factor)
		return false;
	*ret_number = number * units->factor;
	return true;
}

bool draft_read_bandwidth(const struct yaml_place *place, uint64_t *ret_bits_per_second)
{
	static const char expected[] = "a bandwidth up to 10T, in bit/s: 64k, 10M, 1G";
	static const struct unit units[] = {
		{ "", 1 },           { "k", 1000 },          { "M", 1000000 },
		{ "G", 1000000000 }, { "T", 1000000000000 }, { NULL, 0 }
	};
	const char *text = place_text(place, expected);

	if (!text)
		return false;
	if (parse_quantity(text, units, 10000000000000, ret_bits_per_second))
		return true;
	place_refuse_value(place, "%s", expected);
	return false;
}

bool draft_read_delay(const struct yaml_place *place, uint32_t *ret_ns)
{
	static const char expected[] = "a delay up to 4s: 500ns, 50us, 2ms";
	static const struct unit units[] = {
		{ "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 }, { NULL, 0 }
	};
	const char *text = place_text(place, expected);
	uint64_t ns;

	if (!text)
		return false;
	if (!parse_quantity(text, units, 4000000000, &ns)) {
		place_refuse_value(place, "%s", expected);
		return false;
	}
	*ret_ns = (uint32_t)ns;
	return true;
}

bool draft_read_switch(const struct yaml_place *place, bool *ret_on)
{
	static const char *const words[] = { "true", "yes", "on", "false", "no", "off", NULL };
	int word = place_choice(place, words);

	if (word >= 0)
		*ret_on = word < 3;
	return word >= 0;
}
