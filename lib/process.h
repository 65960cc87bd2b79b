/*
 * A program run on the loop: its output collected, its end awaited, its time
 * bounded. Nothing blocks, no signal is touched: the child's end is learnt from
 * a pidfd, and only that child is ever reaped.
 */
#ifndef KSHIM__PROCESS_H
#define KSHIM__PROCESS_H

#include "buf.h"
#include "loop.h"

#include <kubeshim/error.h>
#include <sys/types.h>

struct kshim__process {
	kshim_loop *loop;
	pid_t pid;
	int pid_fd; /* -1: the kernel has none, the end is looked for by a timer */
	struct kshim__io end;
	struct kshim__io out_io; /* fd -1 once it is closed */
	struct kshim__io err_io;
	struct kshim__buf out;
	struct kshim__buf err; /* its beginning */
	struct kshim__timer deadline;
	struct kshim__timer look;
	size_t out_max;
	int64_t timeout_ms;
	bool too_long;  /* more output than out_max: killed */
	bool timed_out; /* killed */
	bool stuck;     /* and did not die of it */
	bool reaped;
	bool lost;  /* the host took its exit status: how it ended is unknown */
	int status; /* as waitpid() tells it */
	/* From the loop, once: it has ended, or could not be killed. */
	void (*ended)(struct kshim__process *process);
};

/* Starts argv[0] (found through PATH where it has no slash) with the environment
 * and /dev/null as its input. false and *error: it could not be started. */
bool kshim__process_start(struct kshim__process *process, kshim_loop *loop, char *const argv[], char *const envp[],
			  size_t out_max, int64_t timeout_ms, void (*ended)(struct kshim__process *process),
			  kshim_error **error);

/* Kills it if it still runs, and frees what the struct holds; `ended` is not
 * called any more. */
void kshim__process_stop(struct kshim__process *process);

/* In `ended`: NULL if it ended well, else why not ("ended with status 1: no such
 * profile"), with what it wrote to stderr on one line, behind `what`. */
kshim_error *kshim__process_problem(const struct kshim__process *process, const char *what);

#endif
