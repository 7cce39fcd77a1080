// SPDX-License-Identifier: BSD-2-Clause
/*
 * xdplb-load: the command table and its options.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>
#include <sodium.h>

#include "command.h"

/* Options, one bit each, that a command takes. */
enum {
	TAKES_FILE = 1 << 0,
	TAKES_NODE = 1 << 1,
	TAKES_WAIT = 1 << 2,
	TAKES_MODES = 1 << 3,
	TAKES_JSON = 1 << 4,
	TAKES_WORDS = 1 << 5,
	TAKES_LEASE = 1 << 6,
	TAKES_INTERVAL = 1 << 7,
	TAKES_DRAIN = 1 << 8,
};

static const struct command {
	const char *name;
	int (*run)(const struct command_line *line);
	unsigned int takes;
	const char *help;
} commands[] = {
	{ "attach", cmd_attach, TAKES_FILE | TAKES_NODE | TAKES_WAIT | TAKES_MODES,
	  "attach FILE   load this node's programs, attach them and apply FILE" },
	{ "apply", cmd_apply, TAKES_FILE | TAKES_NODE | TAKES_WAIT | TAKES_MODES | TAKES_DRAIN,
	  "apply FILE    change the running node to what FILE says, all or nothing" },
	{ "check", cmd_check, TAKES_FILE | TAKES_NODE,
	  "check FILE    find the errors in FILE; touches nothing" },
	{ "status", cmd_status, TAKES_NODE | TAKES_JSON | TAKES_INTERVAL,
	  "status        what runs on this node" },
	{ "drops", cmd_drops, TAKES_NODE | TAKES_JSON | TAKES_INTERVAL,
	  "drops         why packets are dropped here, and how many a second" },
	{ "trace", cmd_trace, TAKES_NODE | TAKES_JSON | TAKES_WORDS,
	  "trace tcp|udp SOURCE:PORT VIP:PORT [CONNECTION-ID]\n"
	  "                what lb_xdp would do with a packet, and why; nothing is sent" },
	{ "health", cmd_health, TAKES_NODE | TAKES_JSON | TAKES_WORDS | TAKES_LEASE | TAKES_WAIT,
	  "health        how the backends are, as this access node knows it\n"
	  "  health set BACKEND[/CHECK] up|down|maint|draining|NN%|auto\n"
	  "                say how a backend is, or (auto) leave it to its checks; obeyed at once\n"
	  "  health check SERVICE\n"
	  "                have the service's backends probed now, by the agents of their nodes\n"
	  "  health agent  what this node's agent knows" },
	{ "drain", cmd_drain, TAKES_NODE | TAKES_WORDS | TAKES_LEASE,
	  "drain BACKEND[/CHECK]\n"
	  "                give it no new connections; established ones go on (--for TIME: so "
	  "long);\n"
	  "                `health set BACKEND auto` ends that" },
	{ "tunnel", cmd_tunnel, TAKES_NODE | TAKES_JSON | TAKES_WORDS | TAKES_WAIT,
	  "tunnel list   the tunnels that end at this node, and whether they carry anything\n"
	  "  tunnel show NAME\n"
	  "                one of them, with labels and counters\n"
	  "  tunnel path FILE [NAME]\n"
	  "                the links and labels of FILE's tunnels, both ways\n"
	  "  tunnel verify FILE [NAME]\n"
	  "                walk tunnels on the wire, both ways, and compare" },
	{ "quic-id", cmd_quic_id, TAKES_JSON | TAKES_WORDS,
	  "quic-id FILE [BACKEND]\n"
	  "                what backends of services with `quic` put into their connection ids" },
	{ "detach", cmd_detach, TAKES_NODE,
	  "detach        take away everything that attach and apply have made" },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const char options_help[] =
	"Options:\n"
	"  -n, --node NAME        this node's name in FILE (default: the host name)\n"
	"  -w, --wait SECONDS     attach, apply: how long an access node waits for service nodes "
	"to\n"
	"                         confirm new backends (default: 3)\n"
	"      --xdp MODE         attach, apply: native, generic or auto, instead of FILE's mode\n"
	"      --tc KIND          attach, apply: tcx, clsact or auto (default: auto, TCX if the "
	"kernel "
	"has it)\n"
	"      --drain TIME       apply: first drain the backends that FILE leaves out, for so "
	"long at "
	"most\n"
	"      --lease TIME       health set: for how long, in seconds or with s, m, h\n"
	"      --for TIME         drain: the same; then the backend is out of use\n"
	"  -i, --interval SECONDS drops, status: over which rates are taken (default: drops 1, "
	"status\n"
	"                         none; 0: none)\n"
	"  -j, --json             status, drops, trace, health, tunnel, quic-id: as JSON\n"
	"  -v, --verbose          show what libbpf says; attach, apply: how long it took\n"
	"  -h, --help             this text\n"
	"  -V, --version          the version\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 wrong usage. Manual: xdplb-load(8).\n";

static void print_help(FILE *to)
{
	fputs("Usage: xdplb-load COMMAND [OPTION...]\n\nCommands:\n", to);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(to, "  %s\n", commands[i].help);
	fprintf(to, "\n%s", options_help);
}

static int wrong_usage(const char *what, const char *which)
{
	fprintf(stderr, "xdplb-load: %s%s%s (xdplb-load --help lists what there is)\n", what,
		which ? ": " : "", which ? which : "");
	return EXIT_USAGE;
}

/* The place of a word in a list that ends in NULL; -1: not there. */
static int word_index(const char *word, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(word, words[i]))
			return i;
	return -1;
}

static int set_xdp(const char *word, struct command_line *line)
{
	static const char *const modes[] = { "auto", "native", "generic", NULL };
	int mode = word_index(word, modes);

	if (mode < 0)
		return wrong_usage("--xdp takes auto, native or generic, not", word);
	line->options.has_xdp = true;
	line->options.xdp = mode;
	return EXIT_DONE;
}

static int set_tc(const char *word, struct command_line *line)
{
	static const char *const kinds[] = { "auto", "tcx", "clsact", NULL };
	int kind = word_index(word, kinds);

	if (kind < 0)
		return wrong_usage("--tc takes auto, tcx or clsact, not", word);
	line->options.tc = kind;
	return EXIT_DONE;
}

static int set_wait(const char *word, struct command_line *line)
{
	char *end;
	double seconds = strtod(word, &end);

	if (end == word || *end || !(seconds >= 0 && seconds <= 3600))
		return wrong_usage("--wait takes seconds from 0 to 3600, not", word);
	line->options.wait_ms = seconds * 1000;
	return EXIT_DONE;
}

static int set_interval(const char *word, struct command_line *line)
{
	char *end;
	double seconds = strtod(word, &end);

	if (end == word || *end || !(seconds >= 0 && seconds <= 3600))
		return wrong_usage("--interval takes seconds from 0 to 3600, not", word);
	line->interval_ms = (unsigned int)(seconds * 1000);
	line->has_interval = true;
	return EXIT_DONE;
}

static int read_time(const char *word, uint64_t *ret_ms)
{
	char *end;
	double seconds = strtod(word, &end);

	if (end != word && *end && !end[1]) {
		seconds *= *end == 'h' ? 3600 : *end == 'm' ? 60 : 1;
		end += strchr("smh", *end) != NULL;
	}
	if (end == word || *end || !(seconds > 0 && seconds <= 365 * 86400.0))
		return wrong_usage("--lease, --for and --drain take a time such as 10s, 5m, 1h, "
				   "not",
				   word);
	*ret_ms = seconds * 1000 + 0.5;
	return EXIT_DONE;
}

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	return vfprintf(stderr, format, args);
}

enum {
	OPTION_XDP = 256,
	OPTION_TC,
	OPTION_LEASE,
	OPTION_DRAIN
};

static const struct option long_options[] = {
	{ "node", required_argument, NULL, 'n' },
	{ "wait", required_argument, NULL, 'w' },
	{ "xdp", required_argument, NULL, OPTION_XDP },
	{ "tc", required_argument, NULL, OPTION_TC },
	{ "interval", required_argument, NULL, 'i' },
	{ "drain", required_argument, NULL, OPTION_DRAIN },
	{ "lease", required_argument, NULL, OPTION_LEASE },
	{ "for", required_argument, NULL, OPTION_LEASE },
	{ "json", no_argument, NULL, 'j' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* Takes one option; *ret_used collects what kinds were given. */
static int take_option(int option, struct command_line *line, unsigned int *ret_used)
{
	switch (option) {
	case 'n':
		*ret_used |= TAKES_NODE;
		line->node = optarg;
		return EXIT_DONE;
	case 'w':
		*ret_used |= TAKES_WAIT;
		return set_wait(optarg, line);
	case 'i':
		*ret_used |= TAKES_INTERVAL;
		return set_interval(optarg, line);
	case OPTION_XDP:
		*ret_used |= TAKES_MODES;
		return set_xdp(optarg, line);
	case OPTION_TC:
		*ret_used |= TAKES_MODES;
		return set_tc(optarg, line);
	case OPTION_LEASE:
		*ret_used |= TAKES_LEASE;
		return read_time(optarg, &line->lease_ms);
	case OPTION_DRAIN:
		*ret_used |= TAKES_DRAIN;
		return read_time(optarg, &line->drain_ms);
	case 'j':
		*ret_used |= TAKES_JSON;
		line->json = true;
		return EXIT_DONE;
	case 'v':
		line->verbose = true;
		libbpf_set_print(print_libbpf);
		return EXIT_DONE;
	case 'h':
		print_help(stdout);
		exit(EXIT_DONE);
	case 'V':
		puts("xdplb-load " XDPLB_VERSION);
		exit(EXIT_DONE);
	default:
		return wrong_usage("unknown or incomplete option", NULL);
	}
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int run_command(const struct command *command, int argc, char **argv, unsigned int used,
		       struct command_line *line)
{
	if (used & ~command->takes)
		return wrong_usage("an option that this command does not take", command->name);
	if (command->takes & TAKES_FILE) {
		if (optind == argc)
			return wrong_usage("which FILE?", command->name);
		line->file = argv[optind++];
	}
	if (command->takes & TAKES_WORDS) {
		line->words = argv + optind;
		line->word_count = argc - optind;
	} else if (optind < argc) {
		return wrong_usage("one word too many", argv[optind]);
	}
	return command->run(line);
}

int main(int argc, char **argv)
{
	struct command_line line = { .options.wait_ms = COMMAND_WAIT_MS,
				     .interval_ms = COMMAND_INTERVAL_MS };
	const struct command *command;
	unsigned int used = 0;
	int option;

	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	libbpf_set_print(NULL);
	if (sodium_init() < 0)
		return complain("cannot start libsodium");
	opterr = 0;
	while ((option = getopt_long(argc, argv, "n:w:i:jvhV", long_options, NULL)) != -1) {
		int err = take_option(option, &line, &used);

		if (err)
			return err;
	}
	if (optind == argc) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	command = find_command(argv[optind]);
	if (!command)
		return wrong_usage("no such command", argv[optind]);
	optind++;
	return run_command(command, argc, argv, used, &line);
}
