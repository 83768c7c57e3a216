#include "reporter/page.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "conf/log.h"
#include "reporter/clean.h"

/* The files as they are, terminated. */
#define EMBED(name, file)						\
	__asm__(".section .rodata\n"					\
	    ".global " #name "\n"					\
	    #name ":\n"							\
	    ".incbin \"" file "\"\n"					\
	    ".byte 0\n"							\
	    ".previous\n");						\
	extern const char name[]

EMBED(page_style, "reporter/page.css");
EMBED(page_script, "reporter/page.js");

/* https://www.w3.org/TR/CSP3/#grammardef-hash-source */
static void
put_hash(FILE *f, const char *directive, const char *text)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	unsigned char base64[4 * ((SHA256_DIGEST_LENGTH + 2) / 3) + 1];

	if (EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(),
	    NULL) != 1)
		fatal("OpenSSL has no SHA-256");
	EVP_EncodeBlock(base64, hash, sizeof(hash));
	fprintf(f, "; %s 'sha256-%s'", directive, (char *)base64);
}

void
page_begin(FILE *f, const char *title)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	    "<meta charset=\"utf-8\">\n"
	    "<meta http-equiv=\"Content-Security-Policy\" content=\""
	    "default-src 'none'", f);
	put_hash(f, "style-src", page_style);
	put_hash(f, "script-src", page_script);
	fputs("; base-uri 'none'; form-action 'none'\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width, "
	    "initial-scale=1\">\n"
	    "<meta name=\"referrer\" content=\"no-referrer\">\n<title>", f);
	page_text(f, title);
	fprintf(f, "</title>\n<style>%s</style>\n</head>\n<body>\n",
	    page_style);
}

void
page_end(FILE *f)
{
	fprintf(f, "<script>%s</script>\n</body>\n</html>\n", page_script);
}

void
page_text(FILE *f, const char *text)
{
	size_t len;

	if (text == NULL)
		text = "-";
	for (; *text != '\0'; text += len) {
		if (!clean_character(text, &len))
			fputs("\ufffd", f);
		else if (*text == '&')
			fputs("&amp;", f);
		else if (*text == '<')
			fputs("&lt;", f);
		else if (*text == '>')
			fputs("&gt;", f);
		else if (*text == '"')
			fputs("&quot;", f);
		else if (*text == '\'')
			fputs("&#39;", f);
		else
			fwrite(text, 1, len, f);
	}
}
