/*
 * kubeshim/pod.h - what only Pods can: logs, and eviction.
 *
 * Every function that starts something returns a kshim_call: borrowed, for
 * kshim_call_cancel(). NULL means that nothing was started and no callback will
 * come: kshim_client_error() tells why (KSHIM_EINVAL, KSHIM_ENOMEM,
 * KSHIM_ECANCELED once the client was freed).
 */
#ifndef KUBESHIM_POD_H
#define KUBESHIM_POD_H

#include <kubeshim/common.h>
#include <kubeshim/options.h>

KSHIM_BEGIN_DECLS

/* Which part of which logs, and how they are read. */
typedef struct kshim_log_options kshim_log_options;

/* New, to kshim_log_options_free(); NULL without memory. The values are read
 * before the function that takes them returns. Setters return 0, or -1 when the
 * value is out of range or memory is short: the option is then unchanged. */
KSHIM_API kshim_log_options *kshim_log_options_new(void);
KSHIM_API void kshim_log_options_free(kshim_log_options *options);

/* The container; NULL (default): the only one of the Pod. The server refuses
 * (KSHIM_EBADREQUEST) where there are several. */
KSHIM_API int kshim_log_options_set_container(kshim_log_options *options, const char *container);

/* All of them: init containers, then containers, then ephemeral containers, as
 * the Pod lists them when the call begins. The container above is then not
 * regarded. */
KSHIM_API int kshim_log_options_set_all_containers(kshim_log_options *options, int all);

/* Goes on until the container has ended: see kshim_pod_logs(). */
KSHIM_API int kshim_log_options_set_follow(kshim_log_options *options, int follow);

/* The container that ran before the last restart. */
KSHIM_API int kshim_log_options_set_previous(kshim_log_options *options, int previous);

/* Only what was written in the last so many seconds (at least 1; 0: no such
 * limit), or since a time (RFC 3339, "2026-11-24T08:00:00Z"; the server cuts
 * it to its second; NULL: none). At most one of the two: kshim_pod_logs() refuses
 * both, as the server does. */
KSHIM_API int kshim_log_options_set_since_seconds(kshim_log_options *options, int64_t seconds);
KSHIM_API int kshim_log_options_set_since_time(kshim_log_options *options, const char *time);

/* Each line begins with its time (RFC 3339, with nanoseconds) and a space. */
KSHIM_API int kshim_log_options_set_timestamps(kshim_log_options *options, int timestamps);

/* Only the last so many lines (0: none of those that are there); -1 (default):
 * all. Of each container. */
KSHIM_API int kshim_log_options_set_tail_lines(kshim_log_options *options, int64_t lines);

/* Stops after so many bytes, of each container, perhaps inside a line (at least
 * 1; -1, default: no limit). Time stamps count. */
KSHIM_API int kshim_log_options_set_limit_bytes(kshim_log_options *options, int64_t bytes);

/* pretty=true. No server of Kubernetes does anything about it for a log. */
KSHIM_API int kshim_log_options_set_pretty(kshim_log_options *options, int pretty);

/* The API server does not check the kubelet's certificate. */
KSHIM_API int kshim_log_options_set_insecure_backend(kshim_log_options *options, int insecure);

/* The whole call's deadline in milliseconds, 0: none. -1 (default): none with
 * follow, else the client's. */
KSHIM_API int kshim_log_options_set_timeout(kshim_log_options *options, int64_t ms);

/* Bytes of a log, as the container wrote them: any bytes, not NUL-terminated,
 * borrowed until it returns. `container` is its name, borrowed likewise; NULL
 * where none was given and the object does not tell (a handle by name alone). Runs
 * from the loop, any number of times before the kshim_done_fn, never after. */
typedef void kshim_log_fn(const char *container, const char *data, size_t len, void *user);

/*
 * GET …/pods/NAME/log. `options` NULL: all that the only container wrote until
 * now. `data` NULL: the bytes are dropped. `user` is given to both callbacks.
 *
 * Without follow the bytes are handed on as they come, cut anywhere; of all
 * containers, one after the other, and a '\n' is put behind the last byte of a
 * container where the next one would begin inside a line. A container that has
 * no log yet is left out then, and kshim_result_warning() names it; if none has
 * one the call fails as for a single container: KSHIM_EBADREQUEST.
 *
 * With follow each call of `data` gets one whole line with its '\n' (the last
 * one perhaps without); the containers' lines come as they are written. The call
 *  - waits for a container that has not begun yet (looks once a second);
 *  - ends well when the container has ended, also if it is started again, when
 *    its Pod is gone or replaced by another of its name, or at limit_bytes;
 *  - goes on where the stream broke, was ended by the server, or by the log's
 *    rotation: no line is lost or doubled. (Lines carry their times on the wire;
 *    it asks again from the last line's second on, and drops what was handed on.
 *    What a rotation removed meanwhile the server does not have any more.)
 *    Ten such attempts (kshim_client_set_max_retries()) may fail in a row; a
 *    stream that brought a line, or lasted for 2 seconds, is none that failed.
 * A line is held until it is complete; one of more than 16 MiB is
 * KSHIM_EPROTOCOL. (Lines of more than some KiB are kept on the node in parts, and
 * a kubelet of 1.36 gives what came on stderr between two parts of a line of stdout
 * as one line with them.)
 *
 * Errors: KSHIM_ENOTFOUND (no such Pod), KSHIM_EBADREQUEST (no such container,
 * several to choose from, no previous one, or, without follow, it has not begun:
 * the server's message tells), KSHIM_EFORBIDDEN (pods/log, and with follow or
 * all containers pods, are to be allowed to "get"), those of any call. What came
 * before an error was handed on.
 */
KSHIM_API kshim_call *kshim_pod_logs(kshim_object *pod, const kshim_log_options *options, kshim_log_fn *data,
				     kshim_done_fn *done, void *user);

/* The same, the whole text in kshim_result_body() (empty: "", 0). More than
 * 64 MiB are KSHIM_EPROTOCOL. */
KSHIM_API kshim_call *kshim_pod_logs_text(kshim_object *pod, const kshim_log_options *options, kshim_done_fn *done,
					  void *user);

/*
 * Asks for the Pod's eviction (POST …/pods/NAME/eviction, policy/v1; Kubernetes
 * documents, "API-initiated Eviction"): a delete that respects PodDisruptionBudgets.
 * The Pod then goes as after kshim_object_delete(). Of the options grace period,
 * preconditions, propagation, dry run and timeout count.
 *
 * KSHIM_ETOOMANY if a PodDisruptionBudget does not allow it now: the error's
 * cause has the reason "DisruptionBudget" and names the budget; it is not tried
 * again here. KSHIM_ENOTFOUND if the Pod is gone; KSHIM_ESERVER if several
 * budgets cover it; KSHIM_ECONFLICT if a precondition does not hold.
 */
KSHIM_API kshim_call *kshim_pod_evict(kshim_object *pod, const kshim_options *options, kshim_done_fn *done,
				      void *user);

KSHIM_END_DECLS

#endif
