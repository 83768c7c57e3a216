#ifndef REPORTER_ADDRESS_H
#define REPORTER_ADDRESS_H

#include <sys/socket.h>

/*
 * May a URL that a stranger published make us connect to this address?  Only
 * to global unicast ones, not into our own network (RFC 8460 section 7: a
 * TLSRPT record can name anybody).  An address that carries an IPv4 address
 * (mapped, NAT64, 6to4) is judged by that one.  Returns why not, as in
 * "loopback" (static), or NULL when it is public.
 */
const char *address_refuse(const struct sockaddr *sa);

#endif
