#include "process.h"

#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ERR_MAX (16u * 1024)
#define LOOK_MS 20

static void close_io(struct kshim__process *process, struct kshim__io *io)
{
	if (io->fd < 0)
		return;
	kshim__io_remove(process->loop, io);
	close(io->fd);
	io->fd = -1;
}

static void end_if_over(struct kshim__process *process)
{
	/* a grandchild may keep the pipes open: what counts is the plugin itself */
	if (!process->reaped)
		return;
	close_io(process, &process->out_io);
	close_io(process, &process->err_io);
	kshim__timer_stop(process->loop, &process->deadline);
	process->ended(process);
}

static void kill_it(struct kshim__process *process)
{
	/* it leads a group of its own, so that its children go with it */
	if (!process->reaped && kill(-process->pid, SIGKILL) != 0)
		kill(process->pid, SIGKILL);
}

/* Reads what is there; false at the end of the pipe. */
static bool drain(struct kshim__io *io, struct kshim__buf *into, size_t most, bool *too_long)
{
	char chunk[4096];
	ssize_t len;

	while ((len = read(io->fd, chunk, sizeof(chunk))) > 0) {
		if (into->len + (size_t)len <= most)
			kshim__buf_add(into, chunk, (size_t)len);
		else if (too_long)
			*too_long = true;
	}
	return len < 0 && (errno == EAGAIN || errno == EINTR);
}

static void out_ready(struct kshim__io *io, uint32_t events)
{
	struct kshim__process *process = KSHIM__OWNER(io, struct kshim__process, out_io);

	(void)events;
	if (!drain(io, &process->out, process->out_max, &process->too_long))
		close_io(process, io);
	if (process->too_long)
		kill_it(process);
}

static void err_ready(struct kshim__io *io, uint32_t events)
{
	struct kshim__process *process = KSHIM__OWNER(io, struct kshim__process, err_io);

	(void)events;
	if (!drain(io, &process->err, ERR_MAX, NULL))
		close_io(process, io);
}

static bool reap(struct kshim__process *process)
{
	if (!process->reaped && waitpid(process->pid, &process->status, WNOHANG) != 0)
		process->reaped = true;
	return process->reaped;
}

static void finish(struct kshim__process *process)
{
	if (process->out_io.fd >= 0)
		drain(&process->out_io, &process->out, process->out_max, &process->too_long);
	if (process->err_io.fd >= 0)
		drain(&process->err_io, &process->err, ERR_MAX, NULL);
	end_if_over(process);
}

static void child_ended(struct kshim__io *io, uint32_t events)
{
	struct kshim__process *process = KSHIM__OWNER(io, struct kshim__process, end);

	(void)events;
	if (!reap(process))
		return;
	close_io(process, &process->end);
	finish(process);
}

static void look(struct kshim__timer *timer)
{
	struct kshim__process *process = KSHIM__OWNER(timer, struct kshim__process, look);

	if (reap(process))
		finish(process);
	else
		kshim__timer_set(process->loop, timer, kshim__now_us() + LOOK_MS * 1000);
}

static void deadline_passed(struct kshim__timer *timer)
{
	struct kshim__process *process = KSHIM__OWNER(timer, struct kshim__process, deadline);

	process->timed_out = true;
	kill_it(process); /* its end is reported as any other */
}

/* The child gets the three standard descriptors and, all others being
 * close-on-exec, nothing else; signals as a fresh program expects them. */
static int spawn(struct kshim__process *process, char *const argv[], char *const envp[], int out, int err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int rc;

	rc = posix_spawn_file_actions_init(&actions);
	if (rc)
		return rc;
	rc = posix_spawnattr_init(&attributes);
	if (rc) {
		posix_spawn_file_actions_destroy(&actions);
		return rc;
	}
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	rc = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
	if (!rc)
		rc = posix_spawnp(&process->pid, argv[0], &actions, &attributes, argv, envp);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

/* A pipe whose reading end does not block; neither end survives an exec. Ends
 * above 2, so that dup2 onto a standard descriptor always clears the flag. */
static int open_pipe(int fds[2])
{
	int i;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return errno;
	for (i = 0; i < 2; i++) {
		int high = fds[i] > STDERR_FILENO ? fds[i] : fcntl(fds[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

		if (high < 0) {
			close(fds[0]);
			close(fds[1]);
			return EMFILE;
		}
		if (high != fds[i])
			close(fds[i]);
		fds[i] = high;
	}
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	return 0;
}

static void watch_end(struct kshim__process *process)
{
#ifdef SYS_pidfd_open
	process->pid_fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
#else
	process->pid_fd = -1;
#endif
	kshim__io_init(&process->end, process->pid_fd, child_ended);
	if (process->pid_fd >= 0) {
		fcntl(process->pid_fd, F_SETFD, FD_CLOEXEC);
		kshim__io_want(process->loop, &process->end, EPOLLIN);
	} else {
		kshim__timer_set(process->loop, &process->look, kshim__now_us() + LOOK_MS * 1000);
	}
}

bool kshim__process_start(struct kshim__process *process, kshim_loop *loop, char *const argv[], char *const envp[],
			  size_t out_max, int64_t timeout_ms, void (*ended)(struct kshim__process *process),
			  kshim_error **error)
{
	int out[2], err[2], rc;

	memset(process, 0, sizeof(*process));
	process->loop = loop;
	process->out_max = out_max;
	process->ended = ended;
	kshim__timer_init(&process->deadline, deadline_passed);
	kshim__timer_init(&process->look, look);
	if (!kshim__timer_reserve(loop))
		return kshim__fail(error, KSHIM_ENOMEM, "out of memory");
	if (!kshim__timer_reserve(loop)) {
		kshim__timer_unreserve(loop);
		return kshim__fail(error, KSHIM_ENOMEM, "out of memory");
	}
	rc = open_pipe(out);
	if (!rc) {
		rc = open_pipe(err);
		if (!rc) {
			rc = spawn(process, argv, envp, out[1], err[1]);
			close(err[1]);
			if (rc)
				close(err[0]);
		}
		close(out[1]);
		if (rc)
			close(out[0]);
	}
	if (rc) {
		kshim__timer_unreserve(loop);
		kshim__timer_unreserve(loop);
		return kshim__fail(error, KSHIM_ECONFIG, "%s: %s", argv[0], strerror(rc));
	}
	kshim__io_init(&process->out_io, out[0], out_ready);
	kshim__io_init(&process->err_io, err[0], err_ready);
	kshim__io_want(loop, &process->out_io, EPOLLIN);
	kshim__io_want(loop, &process->err_io, EPOLLIN);
	if (timeout_ms > 0)
		kshim__timer_set(loop, &process->deadline, kshim__now_us() + timeout_ms * 1000);
	watch_end(process);
	return true;
}

void kshim__process_stop(struct kshim__process *process)
{
	if (!process->loop)
		return;
	if (!reap(process)) {
		kill_it(process);
		/* killed, it is gone as soon as the kernel gets to it */
		while (waitpid(process->pid, &process->status, 0) < 0 && errno == EINTR)
			continue;
		process->reaped = true;
	}
	kshim__timer_stop(process->loop, &process->deadline);
	kshim__timer_stop(process->loop, &process->look);
	kshim__timer_unreserve(process->loop);
	kshim__timer_unreserve(process->loop);
	close_io(process, &process->out_io);
	close_io(process, &process->err_io);
	close_io(process, &process->end);
	kshim__buf_free_secret(&process->out);
	kshim__buf_free(&process->err);
	process->loop = NULL;
}
