/*
 * kubeshim/election.h - one leader among several processes, by a Lease.
 *
 * The protocol is that of client-go's tools/leaderelection, so that candidates of
 * both kinds understand each other: the leader writes its identity into a
 * coordination.k8s.io/v1 Lease and renews it; the others take it over once they
 * saw no change of it for as long as it says, by their own monotonic clocks. The
 * clocks of the machines do not matter, only that they run equally fast. The
 * account needs get, create and update of leases.
 *
 * Every callback runs from the loop. Anything may be called inside, also
 * kshim_election_free(). Times are in milliseconds.
 */
#ifndef KUBESHIM_ELECTION_H
#define KUBESHIM_ELECTION_H

#include <kubeshim/common.h>

KSHIM_BEGIN_DECLS

typedef struct kshim_election kshim_election;

/* A candidate for the Lease of this name; a NULL namespace is the client's. The
 * identity tells candidates apart and must be another in each; NULL: the host's
 * name and a random number. New; NULL, and kshim_client_error() tells, for a bad
 * name (KSHIM_EINVAL), a client that was freed, or without memory. */
KSHIM_API kshim_election *kshim_election_new(kshim_client *client, const char *namespace_, const char *name,
					     const char *identity);

/* Ends it at once: nothing is sent, so that a Lease it holds runs out by itself,
 * and no callback of it runs any more. */
KSHIM_API void kshim_election_free(kshim_election *election);

/* Before the start. For how long a Lease that is not renewed stays its leader's
 * (15,000), after how long without success a leader gives up (10,000), and how
 * long it waits between two attempts (2,000). 0; -1, and kshim_client_error()
 * tells (KSHIM_EINVAL), unless lease > renew > retry * 1.2, or after the start.
 * A Lease is counted in seconds: others see it rounded up. */
KSHIM_API int kshim_election_set_times(kshim_election *election, int64_t lease, int64_t renew, int64_t retry);

/* Whether a leader that is stopped releases its Lease, so that the next one needs
 * not wait: starts as 1. */
KSHIM_API void kshim_election_set_release(kshim_election *election, int release);

/* Whether one that lost its Lease stands again; else that is its end. Starts as
 * 0. */
KSHIM_API void kshim_election_set_again(kshim_election *election, int again);

/* We lead from here on. */
typedef void kshim_election_fn(kshim_election *election, void *user);
KSHIM_API void kshim_election_on_leading(kshim_election *election, kshim_election_fn *fn, void *user);

/* We lead no more, once for each time that we led. `why`, borrowed: NULL if it was
 * stopped (the Lease is released only afterwards); KSHIM_ECONFLICT: somebody else
 * has it; KSHIM_ECANCELED: the client was freed; else why it could not be renewed
 * in time. */
typedef void kshim_election_ended_fn(kshim_election *election, const kshim_error *why, void *user);
KSHIM_API void kshim_election_on_lost(kshim_election *election, kshim_election_ended_fn *fn, void *user);

/* Another leader than before was seen, perhaps ourselves. `identity` is borrowed
 * until it returns. */
typedef void kshim_election_leader_fn(kshim_election *election, const char *identity, void *user);
KSHIM_API void kshim_election_on_leader(kshim_election *election, kshim_election_leader_fn *fn, void *user);

/* An attempt failed for `why`, borrowed until it returns, and another follows as
 * long as there is time: the server is out of reach, or does not allow it. Each
 * such attempt is told, but not that another candidate was faster. */
KSHIM_API void kshim_election_on_error(kshim_election *election, kshim_election_ended_fn *fn, void *user);

/* Stands for election, until it is stopped or the Lease was lost. `ended` (or
 * NULL) runs once, at the end and behind all others; its `why` is NULL if it was
 * stopped, or else as with kshim_election_on_lost(), or why the Lease could not
 * be released. 0; -1, and kshim_client_error() tells, if it was started before or
 * the client was freed (KSHIM_ECANCELED), for a client that makes dry runs
 * (KSHIM_EINVAL), or without memory. */
KSHIM_API int kshim_election_start(kshim_election *election, kshim_election_ended_fn *ended, void *user);

/* Ends it well: the leader is told that it leads no more, then the Lease is
 * released, then `ended` runs. Does nothing when it does not run. */
KSHIM_API void kshim_election_stop(kshim_election *election);

/* 1 if we lead now: also 0 once the time for renewal is over and the loop has had
 * no chance to tell. */
KSHIM_API int kshim_election_is_leader(const kshim_election *election);

/* Borrowed until the loop runs. The leader that was last seen, NULL: none; our own
 * identity; why the last attempt failed, NULL if it did not. */
KSHIM_API const char *kshim_election_leader(const kshim_election *election);
KSHIM_API const char *kshim_election_identity(const kshim_election *election);
KSHIM_API const kshim_error *kshim_election_error(const kshim_election *election);

KSHIM_END_DECLS

#endif
