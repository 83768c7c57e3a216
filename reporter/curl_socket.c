#include "reporter/curl_socket.h"

#include <netdb.h>

#include "conf/mem.h"
#include "reporter/address.h"

curl_socket_t
curl_socket(const struct curl_sockaddr *a, bool allow_private, char *refused,
    size_t size)
{
	const char *why = allow_private ? NULL : address_refuse(&a->addr);
	char text[NI_MAXHOST] = "?";

	if (why == NULL)
		return socket(a->family, a->socktype | SOCK_CLOEXEC,
		    a->protocol);
	(void)getnameinfo(&a->addr, a->addrlen, text, sizeof(text), NULL, 0,
	    NI_NUMERICHOST);
	(void)fmt(refused, size, "%s is not for us to use: %s", text, why);
	return CURL_SOCKET_BAD;
}
