// SPDX-License-Identifier: BSD-2-Clause
/*
 * xdplb-agent: options, the event loop, signals.
 */
#include <errno.h>
#include <ev.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <sodium.h>
#include <systemd/sd-daemon.h>

#include "agent.h"
#include "log.h"
#include "privileges.h"
#include "xdplb/types.h"

#define EXIT_DONE   0
#define EXIT_FAILED 1
#define EXIT_USAGE  2

static const char help[] =
	"Usage: xdplb-agent FILE [--node NAME]\n"
	"\n"
	"Probes the backends of this node and shares their health with the access nodes, as the\n"
	"cluster file FILE says; on an access node, receives it and writes the health map. Stays "
	"in\n"
	"the foreground.\n"
	"\n"
	"  -n, --node NAME   this node's name in FILE (default: the host name)\n"
	"  -h, --help        this text\n"
	"  -V, --version     the version\n"
	"\n"
	"SIGHUP reads FILE and keys anew, SIGTERM and SIGINT end it. `xdplb-load health agent` "
	"shows\n"
	"what it knows. Exit status: 0 ended by a signal, 1 failed, 2 wrong usage. Manual:\n"
	"xdplb-agent(8).\n";

static const struct option options[] = {
	{ "node", required_argument, NULL, 'n' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static int wrong_usage(const char *what, const char *which)
{
	fprintf(stderr, "xdplb-agent: %s%s%s (xdplb-agent --help tells the usage)\n", what,
		which ? ": " : "", which ? which : "");
	return EXIT_USAGE;
}

static int failed(const char *what)
{
	log_line(LOG_ERR, "%s", what);
	return EXIT_FAILED;
}

/* Return: whether the command line says what to run; if not, *ret_status is the exit status. */
static bool read_options(int argc, char **argv, char *ret_node, int *ret_status)
{
	int option;

	*ret_status = EXIT_USAGE;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "n:hV", options, NULL)) != -1) {
		if (option == 'h' || option == 'V') {
			fputs(option == 'h' ? help : "xdplb-agent " XDPLB_VERSION "\n", stdout);
			*ret_status = fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
			return false;
		}
		if (option != 'n') {
			wrong_usage("unknown or incomplete option", argv[optind - 1]);
			return false;
		}
		if (!*optarg || strlen(optarg) >= XDPLB_NAME_LEN || strchr(optarg, '/')) {
			wrong_usage("--node: not a node's name", optarg);
			return false;
		}
		strcpy(ret_node, optarg);
	}
	if (optind == argc)
		wrong_usage("which FILE?", NULL);
	else if (optind + 1 < argc)
		wrong_usage("one word too many", argv[optind + 1]);
	return optind + 1 == argc;
}

static void on_end(struct ev_loop *loop, ev_signal *signal, int events)
{
	log_line(LOG_NOTICE, "ends: %s", strsignal(signal->signum));
	ev_break(loop, EVBREAK_ALL);
}

static void on_reload(struct ev_loop *loop, ev_signal *signal, int events)
{
	sd_notify(0, "RELOADING=1");
	agent_reload(signal->data);
	sd_notify(0, "READY=1");
}

static void on_watchdog(struct ev_loop *loop, ev_timer *timer, int events)
{
	sd_notify(0, "WATCHDOG=1");
}

static void run(struct ev_loop *loop, struct agent *agent)
{
	ev_signal term, interrupt, reload;
	uint64_t watchdog_us = 0;
	ev_timer watchdog;

	ev_signal_init(&term, on_end, SIGTERM);
	ev_signal_init(&interrupt, on_end, SIGINT);
	ev_signal_init(&reload, on_reload, SIGHUP);
	reload.data = agent;
	ev_signal_start(loop, &term);
	ev_signal_start(loop, &interrupt);
	ev_signal_start(loop, &reload);
	ev_init(&watchdog, on_watchdog);
	if (sd_watchdog_enabled(0, &watchdog_us) > 0) {
		watchdog.repeat = (double)watchdog_us / 3e6;
		ev_timer_again(loop, &watchdog);
	}
	sd_notify(0, "READY=1");
	ev_run(loop, 0);
	sd_notify(0, "STOPPING=1");
	ev_timer_stop(loop, &watchdog);
	ev_signal_stop(loop, &term);
	ev_signal_stop(loop, &interrupt);
	ev_signal_stop(loop, &reload);
}

int main(int argc, char **argv)
{
	char node[XDPLB_NAME_LEN] = "";
	struct agent *agent;
	struct ev_loop *loop;
	int status;

	if (!read_options(argc, argv, node, &status))
		return status;
	if (!*node && (gethostname(node, sizeof(node)) || node[sizeof(node) - 1]))
		return failed("the host name is too long for a node: use --node");
	if (geteuid() != 0)
		return failed("must be run as root");
	signal(SIGPIPE, SIG_IGN);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	libbpf_set_print(NULL);
	if (sodium_init() < 0)
		return failed("cannot start libsodium");
	loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (!loop)
		return failed("cannot make an event loop");
	if (agent_new(loop, argv[optind], node, &agent))
		return EXIT_FAILED;
	if (privileges_use_priority())
		log_line(LOG_NOTICE, "cannot raise its priority: on a busy machine it may see late "
				     "what happens");
	if (privileges_drop())
		log_line(LOG_WARNING, "cannot give up capabilities");
	run(loop, agent);
	agent_free(agent);
	ev_loop_destroy(loop);
	return EXIT_DONE;
}
