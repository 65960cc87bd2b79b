#include "contract.h"

void check_that_it_goes_on(struct rig *rig)
{
	struct seen seen = {0};

	seen.rig = rig;
	assert_non_null(started(&seen, kshim_client_version(rig->client, seen_done, &seen)));
	rig_drive(rig);
	assert_ok(&seen);
}

void stalling_list(struct fakeapi_route *route, char **body)
{
	*body = pod_list(4, 10, NULL);
	*route = (struct fakeapi_route){"GET", LIST_PATH, .answer = {.body = *body, .end = FAKEAPI_STALL}};
	route->answer.end_after = (size_t)(strstr(*body, "pod-2") - *body);
}
