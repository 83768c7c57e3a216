#ifndef REPORTER_ADDRESS_H
#define REPORTER_ADDRESS_H

#include <stdbool.h>

#include <sys/socket.h>

/*
 * May a URL that a stranger published make us connect to this address?  Only
 * to global unicast ones, not into our own network (RFC 8460 section 7: a
 * TLSRPT record can name anybody).  An address that carries an IPv4 address
 * (mapped, NAT64, 6to4) is judged by that one.
 */
bool	address_is_public(const struct sockaddr *sa);

/* Why not, as in "loopback" (static); NULL when it is public. */
const char *address_refuse(const struct sockaddr *sa);

#endif
