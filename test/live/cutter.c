#include "live.h"
#include "cutter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAIRS_MAX 64

struct pair {
	int client, server; /* -1: free */
};

/* Seen by both processes. */
struct counts {
	atomic_uint connections, cuts;
};

struct cutter {
	pid_t child;
	int control;
	unsigned port;
	struct counts *counts;
};

struct order {
	size_t after;
	bool reset;
};

/* In the child. */
struct forwarder {
	int listener, control;
	struct sockaddr_in to;
	struct pair pairs[PAIRS_MAX];
	struct counts *counts;
	struct order order;
	bool ordered;
};

static void end_pair(struct pair *pair, bool reset)
{
	struct linger at_once = {.l_onoff = 1};

	if (reset)
		setsockopt(pair->client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(pair->client);
	close(pair->server);
	pair->client = pair->server = -1;
}

static void cut_all(struct forwarder *forwarder)
{
	size_t i;

	for (i = 0; i < PAIRS_MAX; i++) {
		if (forwarder->pairs[i].client < 0)
			continue;
		end_pair(&forwarder->pairs[i], forwarder->order.reset);
		atomic_fetch_add(&forwarder->counts->connections, 1);
	}
	forwarder->ordered = false;
	atomic_fetch_add(&forwarder->counts->cuts, 1);
}

static bool write_all(int fd, const char *data, size_t len)
{
	ssize_t wrote;

	for (; len; data += wrote, len -= (size_t)wrote) {
		wrote = send(fd, data, len, MSG_NOSIGNAL);
		if (wrote <= 0)
			return false;
	}
	return true;
}

/* false once the connection is over. */
static bool pass_on(struct forwarder *forwarder, int from, int to, bool from_server)
{
	bool counts = from_server && forwarder->ordered;
	char data[16384];
	size_t most = counts && forwarder->order.after < sizeof(data) ? forwarder->order.after : sizeof(data);
	ssize_t got = recv(from, data, most, 0);

	if (got <= 0 || !write_all(to, data, (size_t)got))
		return false;
	if (counts)
		forwarder->order.after -= (size_t)got;
	return true;
}

static void take_up(struct forwarder *forwarder)
{
	int client = accept(forwarder->listener, NULL, NULL), one = 1;
	size_t i;

	for (i = 0; i < PAIRS_MAX && forwarder->pairs[i].client >= 0; i++)
		;
	if (client < 0 || i == PAIRS_MAX)
		_exit(2);
	forwarder->pairs[i].client = client;
	forwarder->pairs[i].server = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(forwarder->pairs[i].server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(forwarder->pairs[i].server, (struct sockaddr *)&forwarder->to, sizeof(forwarder->to)) < 0)
		end_pair(&forwarder->pairs[i], true);
}

static void take_order(struct forwarder *forwarder)
{
	if (recv(forwarder->control, &forwarder->order, sizeof(forwarder->order), 0) != sizeof(forwarder->order))
		_exit(0);
	forwarder->ordered = true;
}

static void forward(struct forwarder *forwarder)
{
	struct pollfd fds[2 + 2 * PAIRS_MAX];
	size_t i;

	for (;;) {
		fds[0] = (struct pollfd){forwarder->control, POLLIN, 0};
		fds[1] = (struct pollfd){forwarder->listener, POLLIN, 0};
		for (i = 0; i < PAIRS_MAX; i++) {
			fds[2 + 2 * i] = (struct pollfd){forwarder->pairs[i].client, POLLIN, 0};
			fds[3 + 2 * i] = (struct pollfd){forwarder->pairs[i].server, POLLIN, 0};
		}
		if (poll(fds, 2 + 2 * PAIRS_MAX, -1) < 0)
			_exit(2);
		for (i = 0; i < PAIRS_MAX; i++) {
			struct pair *pair = &forwarder->pairs[i];

			if ((fds[2 + 2 * i].revents && !pass_on(forwarder, pair->client, pair->server, false)) ||
			    (fds[3 + 2 * i].revents && !pass_on(forwarder, pair->server, pair->client, true)))
				end_pair(pair, false);
			if (forwarder->ordered && !forwarder->order.after) {
				cut_all(forwarder);
				break;
			}
		}
		if (fds[0].revents)
			take_order(forwarder);
		if (forwarder->ordered && !forwarder->order.after)
			cut_all(forwarder);
		if (fds[1].revents)
			take_up(forwarder);
	}
}

static void child(int listener, int control, unsigned port, struct counts *counts)
{
	struct forwarder forwarder = {
		.listener = 3,
		.control = 4,
		.to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
		.counts = counts,
	};
	size_t i;

	/* nothing else of the parent's is kept open */
	if (dup2(listener, 100) < 0 || dup2(control, 101) < 0 || dup2(100, 3) < 0 || dup2(101, 4) < 0)
		_exit(2);
	for (i = 5; i < 1024; i++)
		close((int)i);
	for (i = 0; i < PAIRS_MAX; i++)
		forwarder.pairs[i].client = forwarder.pairs[i].server = -1;
	forward(&forwarder);
}

struct cutter *cutter_start(const char *url)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct cutter *cutter = calloc(1, sizeof(*cutter));
	const char *colon = strrchr(url, ':');
	socklen_t len = sizeof(at);
	int listener, control[2];

	assert_non_null(cutter);
	assert_non_null(colon);
	cutter->counts = mmap(NULL, sizeof(*cutter->counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(cutter->counts != MAP_FAILED);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 64), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	cutter->port = ntohs(at.sin_port);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control), 0);
	cutter->child = fork();
	assert_true(cutter->child >= 0);
	if (!cutter->child)
		child(listener, control[1], (unsigned)atoi(colon + 1), cutter->counts);
	close(listener);
	close(control[1]);
	cutter->control = control[0];
	return cutter;
}

void cutter_stop(struct cutter *cutter)
{
	int status;

	close(cutter->control);
	assert_int_equal(waitpid(cutter->child, &status, 0), cutter->child);
	assert_int_equal(status, 0);
	munmap(cutter->counts, sizeof(*cutter->counts));
	free(cutter);
}

unsigned cutter_port(const struct cutter *cutter)
{
	return cutter->port;
}

void cutter_cut(struct cutter *cutter, size_t after, bool reset)
{
	struct order order = {.after = after, .reset = reset};

	assert_int_equal(send(cutter->control, &order, sizeof(order), MSG_NOSIGNAL), sizeof(order));
}

unsigned cutter_connections(const struct cutter *cutter)
{
	return atomic_load(&cutter->counts->connections);
}

unsigned cutter_cuts(const struct cutter *cutter)
{
	return atomic_load(&cutter->counts->cuts);
}
