#ifndef REPORTER_CAS_H
#define REPORTER_CAS_H

/*
 * The system's CAs, which we trust where no ca_file is set.  A system without
 * them is no error to OpenSSL: it just trusts nobody.
 */

/*
 * Is there a certificate in this file, or in one of these folders, by the name
 * that OpenSSL looks for?  The folders are parted by colons; either may be
 * NULL.  0, or -1 with *why (the caller frees it).
 */
int	cas_look(const char *file, const char *folders, char **why);

/* Where OpenSSL looks: its own places, or those of the environment. */
int	cas_look_default(char **why);

#endif
