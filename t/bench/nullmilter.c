/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What libmilter costs by itself: receives everything, asks for no reply but
 * the last, inserts one field. usage: nullmilter unix:/path
 */
#include <stdio.h>
#include <sys/types.h>

#include <libmilter/mfapi.h>

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
    unsigned long f3, unsigned long *pf0, unsigned long *pf1,
    unsigned long *pf2, unsigned long *pf3)
{
	(void)ctx;
	(void)f2;
	(void)f3;
	*pf0 = f0 & SMFIF_ADDHDRS;
	*pf1 = f1 & (SMFIP_NOUNKNOWN | SMFIP_NODATA | SMFIP_HDR_LEADSPC |
			SMFIP_NR_HDR | SMFIP_NR_CONN | SMFIP_NR_HELO |
			SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_EOH |
			SMFIP_NR_BODY);
	*pf2 = *pf3 = 0;
	return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *addr)
{
	(void)ctx;
	(void)host;
	(void)addr;
	return SMFIS_NOREPLY;
}

static sfsistat
on_name(SMFICTX *ctx, char *name)
{
	(void)ctx;
	(void)name;
	return SMFIS_NOREPLY;
}

static sfsistat
on_path(SMFICTX *ctx, char **argv)
{
	(void)ctx;
	(void)argv;
	return SMFIS_NOREPLY;
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx;
	(void)name;
	(void)value;
	return SMFIS_NOREPLY;
}

static sfsistat
on_eoh(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_NOREPLY;
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *chunk, size_t n)
{
	(void)ctx;
	(void)chunk;
	(void)n;
	return SMFIS_NOREPLY;
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	char name[] = "Authentication-Results";
	/* as long as a real one */
	char value[] =
	    " mx.bench.example;\n\tspf=none (the cost of the protocol alone) "
	    "smtp.mailfrom=sender.example;\n\tdkim=none (nothing was looked "
	    "at) header.d=sender.example;\n\tdmarc=none (p=none) "
	    "header.from=sender.example policy.dmarc=none";

	return smfi_insheader(ctx, 0, name, value) == MI_SUCCESS
		   ? SMFIS_ACCEPT
		   : SMFIS_TEMPFAIL;
}

int
main(int argc, char **argv)
{
	char name[] = "nullmilter";
	struct smfiDesc desc = {
	    .xxfi_name = name,
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_flags = SMFIF_ADDHDRS,
	    .xxfi_connect = on_connect,
	    .xxfi_helo = on_name,
	    .xxfi_envfrom = on_path,
	    .xxfi_envrcpt = on_path,
	    .xxfi_header = on_header,
	    .xxfi_eoh = on_eoh,
	    .xxfi_body = on_body,
	    .xxfi_eom = on_eom,
	    .xxfi_negotiate = on_negotiate,
	};

	if (argc != 2) {
		fprintf(stderr, "usage: nullmilter unix:/path\n");
		return 2;
	}
	if (smfi_setconn(argv[1]) != MI_SUCCESS ||
	    smfi_register(desc) != MI_SUCCESS ||
	    smfi_opensocket(1) != MI_SUCCESS || smfi_main() != MI_SUCCESS) {
		fprintf(stderr, "nullmilter: %s: not usable\n", argv[1]);
		return 1;
	}
	return 0;
}
