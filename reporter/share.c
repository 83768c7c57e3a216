#include "reporter/share.h"

#include "conf/mem.h"

unsigned
share_tenths(uint64_t n, uint64_t total)
{
	unsigned tenths;

	if (n == 0 || n >= total)
		return n == 0 ? 0 : 1000;
	tenths = (unsigned)(1000.0 * ((double)n / (double)total));
	return tenths < 1 ? 1 : tenths > 999 ? 999 : tenths;
}

char *
share_text(uint64_t n, uint64_t total, char buf[SHARE_TEXT])
{
	unsigned tenths = share_tenths(n, total);

	if (total == 0)
		fmt(buf, SHARE_TEXT, "-");
	else
		fmt(buf, SHARE_TEXT, "%u.%u %%", tenths / 10 % 1000,
		    tenths % 10);
	return buf;
}
