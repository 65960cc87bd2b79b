#include "process.h"

#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ERR_MAX (16u * 1024)
#define READ_MAX (64u * 1024) /* of a pipe in one go: whoever fills it may never stop */
#define SHOWN 400             /* of what it wrote to stderr */
#define LOOK_MS 20
#define DYING_MS 1000 /* what a killed process may take to be gone */

static void close_io(struct kshim__process *process, struct kshim__io *io)
{
	if (io->fd < 0)
		return;
	kshim__io_remove(process->loop, io);
	close(io->fd);
	io->fd = -1;
}

/* A grandchild may keep the pipes open: what counts is the program itself. */
static void end_it(struct kshim__process *process)
{
	close_io(process, &process->out_io);
	close_io(process, &process->err_io);
	close_io(process, &process->end);
	kshim__timer_stop(process->loop, &process->deadline);
	kshim__timer_stop(process->loop, &process->look);
	process->ended(process);
}

/* Its end, if that has come. The host may have taken it: one that waits for any
 * child, or ignores SIGCHLD. */
static bool reap(struct kshim__process *process)
{
	pid_t got;

	if (process->reaped)
		return true;
	do {
		got = waitpid(process->pid, &process->status, WNOHANG);
	} while (got < 0 && errno == EINTR);
	process->reaped = got != 0;
	process->lost = got < 0;
	return process->reaped;
}

/* Only what was not reaped is killed: else the number may be another's by now. */
static void kill_it(struct kshim__process *process)
{
	siginfo_t info = {0};

	if (process->reaped || waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
		return;
	/* it leads a group of its own, so that its children go with it */
	if (kill(-process->pid, SIGKILL) != 0)
		kill(process->pid, SIGKILL);
}

/* Grows by copying: what realloc() frees would keep the secret. */
static void add_secret(struct kshim__buf *buf, const char *data, size_t len)
{
	struct kshim__buf larger;

	if (buf->len + len + 1 > buf->cap && !buf->failed) {
		kshim__buf_init(&larger);
		kshim__buf_reserve(&larger, (buf->len + len) * 2);
		if (buf->len)
			kshim__buf_add(&larger, buf->data, buf->len);
		kshim__buf_free_secret(buf);
		*buf = larger;
	}
	kshim__buf_add(buf, data, len);
}

/* Reads what is there; false at the end of the pipe. */
static bool drain(struct kshim__io *io, struct kshim__buf *into, size_t most, bool *too_long)
{
	char chunk[4096];
	size_t total = 0;
	ssize_t len;

	while (total < READ_MAX && (len = read(io->fd, chunk, sizeof(chunk))) > 0) {
		total += (size_t)len;
		if (into->len + (size_t)len <= most)
			add_secret(into, chunk, (size_t)len);
		else if (too_long)
			*too_long = true;
	}
	OPENSSL_cleanse(chunk, sizeof(chunk));
	return total >= READ_MAX || (len < 0 && (errno == EAGAIN || errno == EINTR));
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

static void finish(struct kshim__process *process)
{
	/* what it wrote is in the pipe; a pipe holds less than 1 MiB, and so does `most` */
	while (process->out_io.fd >= 0 && !process->too_long && process->out.len < process->out_max) {
		size_t before = process->out.len;

		if (!drain(&process->out_io, &process->out, process->out_max, &process->too_long) ||
		    process->out.len - before < READ_MAX)
			break;
	}
	if (process->err_io.fd >= 0)
		drain(&process->err_io, &process->err, ERR_MAX, NULL);
	end_it(process);
}

static void child_ended(struct kshim__io *io, uint32_t events)
{
	struct kshim__process *process = KSHIM__OWNER(io, struct kshim__process, end);

	(void)events;
	if (reap(process))
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

	if (process->timed_out) {
		process->stuck = true; /* it hangs in the kernel */
		end_it(process);
		return;
	}
	process->timed_out = true;
	kill_it(process); /* its end is reported as any other */
	kshim__timer_set(process->loop, timer, kshim__now_us() + DYING_MS * 1000);
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
	process->timeout_ms = timeout_ms;
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

/* Killed, it is gone as soon as the kernel gets to it, which is awaited, so that
 * no zombie stays; but not for long. */
static void await_end(struct kshim__process *process)
{
	struct pollfd end = {.fd = process->pid_fd, .events = POLLIN};
	int64_t until = kshim__now_us() + DYING_MS * 1000;

	while (!reap(process) && kshim__now_us() < until)
		poll(&end, process->pid_fd >= 0 ? 1 : 0, process->pid_fd >= 0 ? 10 : 1);
}

void kshim__process_stop(struct kshim__process *process)
{
	if (!process->loop)
		return;
	if (!reap(process)) {
		kill_it(process);
		if (!process->stuck)
			await_end(process);
	}
	kshim__timer_stop(process->loop, &process->deadline);
	kshim__timer_stop(process->loop, &process->look);
	kshim__timer_unreserve(process->loop);
	kshim__timer_unreserve(process->loop);
	close_io(process, &process->out_io);
	close_io(process, &process->err_io);
	close_io(process, &process->end);
	kshim__buf_free_secret(&process->out);
	kshim__buf_free_secret(&process->err);
	process->loop = NULL;
}

/* One line of what can be read, without half a character at its end. */
static size_t show(const struct kshim__buf *err, char said[SHOWN + 1])
{
	size_t len = err->len < SHOWN ? err->len : SHOWN, i;

	for (i = 0; i < len; i++)
		said[i] = (unsigned char)err->data[i] < ' ' || err->data[i] == 0x7f ? ' ' : err->data[i];
	if (len < err->len)
		while (len && ((unsigned char)err->data[len] & 0xc0) == 0x80)
			len--;
	while (len && said[len - 1] == ' ')
		len--;
	said[len] = '\0';
	return len;
}

kshim_error *kshim__process_problem(const struct kshim__process *process, const char *what)
{
	char said[SHOWN + 1];
	struct kshim__buf why;
	kshim_error *error;

	kshim__buf_init(&why);
	if (process->timed_out)
		kshim__buf_addf(&why, "did not end within %lld s", (long long)process->timeout_ms / 1000);
	else if (process->too_long)
		kshim__buf_addf(&why, "printed more than %zu bytes", process->out_max);
	else if (process->lost && !process->out.len)
		kshim__buf_adds(&why, "printed nothing, and its exit status was taken by another part of the program");
	else if (!process->lost && WIFSIGNALED(process->status))
		kshim__buf_addf(&why, "was killed by signal %d", WTERMSIG(process->status));
	else if (!process->lost && WEXITSTATUS(process->status) != 0)
		kshim__buf_addf(&why, "ended with status %d", WEXITSTATUS(process->status));
	else if (process->out.failed)
		return kshim__error_new(KSHIM_ENOMEM, "out of memory");
	else
		return NULL;
	if (show(&process->err, said))
		kshim__buf_addf(&why, ": %s", said);
	error = kshim__error_new(KSHIM_ECONFIG, "%s %s", what, why.data ? why.data : "failed");
	kshim__buf_free(&why);
	return error;
}
