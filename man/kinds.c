/* Writes kubeshim_kinds(7) from the rows of the built-in kinds. Part of the build, not of the library. */
#include "kind.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char head[] =
	".\\\" Written by man/kinds.c from the rows of the built-in kinds.\n"
	".Dd November 25, 2026\n"
	".Dt KUBESHIM_KINDS 7\n"
	".Os\n"
	".Sh NAME\n"
	".Nm kubeshim_kinds\n"
	".Nd the kinds that kubeshim knows without asking a server\n"
	".Sh SYNOPSIS\n"
	".In kubeshim/kind.h\n"
	".Sh DESCRIPTION\n"
	"A kind is a row of data, and the verbs are the same for all.\n"
	"These rows are built in; every other kind that a server has is found by\n"
	".Xr kshim_client_find_kind 3 ,\n"
	"read from its definition\n"
	".Pq Xr kshim_crd 3 ,\n"
	"or named by\n"
	".Xr kshim_kind_new 3 .\n"
	".Pp\n"
	"Of each there are: the constant; the kind, its plural and its short names, by all of which\n"
	".Xr kshim_kind_find 3\n"
	"finds it; the versions that Kubernetes 1.24 to 1.36 serve, the preferred one first, of which the one is\n"
	"used that the server has; whether it lives in namespaces; what\n"
	".Xr kshim_object_scale 3\n"
	"sets; and the subresources that any of these releases has.\n"
	"The verbs get, list, watch, create, update, patch, delete and deletecollection are there where nothing else\n"
	"is said.\n"
	"Kubernetes 1.25 and later have no PodSecurityPolicy.\n";

static const char tail[] =
	".Sh SEE ALSO\n"
	".Xr kshim_crd 3 ,\n"
	".Xr kshim_kind 3 ,\n"
	".Xr kshim_query 3 ,\n"
	".Xr kubeshim 7\n";

/* CronJob: CRON_JOB. */
static void print_constant(const char *kind)
{
	size_t i;

	printf(".It Dv KSHIM_");
	for (i = 0; kind[i]; i++)
		printf("%s%c", i && isupper((unsigned char)kind[i]) ? "_" : "", toupper((unsigned char)kind[i]));
	putchar('\n');
}

static void print_missing_verbs(const kshim_kind *kind)
{
	static const char *const verbs[] = {"get",    "list",  "watch",  "create",
					    "update", "patch", "delete", "deletecollection"};
	const char *before = "There is no ";
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!kshim_kind_has_verb(kind, verbs[i])) {
			printf("%s%s", before, verbs[i]);
			before = ", ";
		}
	}
	if (*before == ',')
		puts(".");
}

static void print_kind(const kshim_kind *kind)
{
	const char *at = kind->subresources, *before = "Subresources: ";
	size_t i;

	print_constant(kind->kind);
	printf("%s, %s", kind->kind, kind->plural);
	for (i = 0; kind->short_names[i]; i++)
		printf(", %s", kind->short_names[i]);
	printf(";\n");
	for (i = 0; kind->api_versions[i]; i++)
		printf("%s%s", i ? ", " : "", kind->api_versions[i]);
	printf("; %s.\n", kind->namespaced ? "in namespaces" : "without namespaces");
	if (kind->scale_pointer)
		printf("Scaling sets\n.Pa %s .\n", kind->scale_pointer);
	while (at && *(at += strspn(at, " "))) {
		printf("%s%.*s", before, (int)strcspn(at, " "), at);
		before = ", ";
		at += strcspn(at, " ");
	}
	if (*before == ',')
		puts(".");
	print_missing_verbs(kind);
}

int main(void)
{
	const kshim_kind *kind, *other;
	size_t i, j, count = kshim_kind_builtin_count();

	fputs(head, stdout);
	/* group by group, in the order in which they first appear */
	for (i = 0; i < count; i++) {
		kind = kshim_kind_builtin((kshim_builtin)i);
		for (j = 0; strcmp(kshim_kind_builtin((kshim_builtin)j)->group, kind->group) != 0; j++)
			;
		if (j < i)
			continue;
		printf(".Ss %s\n.Bl -tag -width Ds\n", *kind->group ? kind->group : "The core group");
		for (j = i; j < count; j++) {
			other = kshim_kind_builtin((kshim_builtin)j);
			if (strcmp(other->group, kind->group) == 0)
				print_kind(other);
		}
		puts(".El");
	}
	fputs(tail, stdout);
	return fflush(stdout) != 0 || ferror(stdout);
}
