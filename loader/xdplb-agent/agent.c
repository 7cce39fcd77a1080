// SPDX-License-Identifier: BSD-2-Clause
/*
 * The agent as a whole.
 */
#include "agent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent_state.h"
#include "log.h"
#include "tick.h"

/* ---- what the parts tell each other ---- */

static void on_datagram(void *context, const uint8_t *bytes, size_t length)
{
	struct agent *agent = context;
	struct share_message message;
	bool to_reporter = agent->reporter != NULL;

	/* A node of both roles has one port for both. */
	if (agent->reporter && agent->receiver &&
	    !share_decode(&agent->keys, bytes, length, &message))
		to_reporter =
			message.kind == SHARE_CHALLENGE || message.kind == SHARE_CHECK_REQUEST;
	if (to_reporter)
		reporter_datagram(agent->reporter, bytes, length);
	else if (agent->receiver)
		receiver_datagram(agent->receiver, bytes, length);
}

static void on_changed(void *context, size_t index)
{
	struct agent *agent = context;

	if (agent->receiver)
		receiver_own_changed(agent->receiver, index);
	if (agent->reporter)
		reporter_changed(agent->reporter, index);
}

static void on_answered(void *context, size_t index)
{
	struct agent *agent = context;
	struct share_entry entry = reporter_entry(checks_at(agent->checks, index));

	if (agent->reporter)
		reporter_answered(agent->reporter, index);
	asker_take(agent->asker, ASKER_OWN, 0, &entry, 1);
}

/* Own targets are probed here, all others by their nodes. */
static int on_ask(void *context, size_t reporter, const struct share_request *request)
{
	struct agent *agent = context;

	if (reporter != ASKER_OWN)
		return agent->receiver ? receiver_ask(agent->receiver, reporter, request) : -1;
	for (size_t i = 0; i < request->count; i++) {
		size_t index = checks_find(agent->checks, request->targets[i].backend,
					   request->targets[i].check);

		if (index != SIZE_MAX && request->action == SHARE_CHECK_ONCE)
			checks_request(agent->checks, index);
	}
	return 0;
}

/* ---- from a file to parts ---- */

static int pick_node(const struct agent *agent, const struct config *config, size_t *ret_node)
{
	int node = config_find_node(config, agent->name);

	if (node < 0) {
		log_line(LOG_ERR, "%s: has no node %s (--node NAME picks another)", agent->file,
			 agent->name);
		return -ENOENT;
	}
	if (config->sharing.is_set && !config->sharing.has_keys) {
		log_line(LOG_ERR, "%s:%d: sharing: cannot read the keys in %s", agent->file,
			 config->sharing.line, config->sharing.key_path);
		return -ENOKEY;
	}
	if (config->sharing.is_set && !config->nodes[node].has_address) {
		log_line(LOG_ERR, "%s:%d: node %s: has no address, expected one for sharing",
			 agent->file, config->nodes[node].line, agent->name);
		return -EINVAL;
	}
	*ret_node = (size_t)node;
	return 0;
}

static void free_config(struct config *config)
{
	if (config)
		config_free(config);
	free(config);
}

static int read_config(const struct agent *agent, struct config **ret_config, size_t *ret_node)
{
	struct config *config = calloc(1, sizeof(*config));
	struct config_errors errors = { 0 };
	int err = config ? config_load(agent->file, config, &errors) : -ENOMEM;

	log_lines(err ? LOG_ERR : LOG_WARNING, errors.text);
	if (err && (!errors.text || !errors.text[0]))
		log_line(LOG_ERR, "%s: %s", agent->file, strerror(-err));
	config_errors_free(&errors);
	if (err) {
		free(config);
		return err;
	}
	err = pick_node(agent, config, ret_node);
	if (err)
		free_config(config);
	else
		*ret_config = config;
	return err;
}

static bool same_link(const struct agent *agent, const struct config *config, size_t node)
{
	const struct config_node *now = agent->config ? agent_node(agent) : NULL;
	const struct config_node *next = &config->nodes[node];

	return now && agent->link && config->sharing.is_set && now->family == next->family &&
	       !memcmp(&now->address, &next->address, sizeof(now->address)) &&
	       agent->config->sharing.port == config->sharing.port;
}

/* The link that a config wants; the one there is may be it. */
static int want_link(struct agent *agent, const struct config *config, size_t node,
		     struct link **ret_link, struct error *error)
{
	const struct link_peer own = { config->nodes[node].family, config->nodes[node].address };

	*ret_link = NULL;
	if (same_link(agent, config, node))
		*ret_link = agent->link;
	else if (config->sharing.is_set)
		return link_open(agent->loop, &own, config->sharing.port, on_datagram, agent,
				 ret_link, error);
	return 0;
}

/* The reporter that config and checks want, if it is another than the one there is. */
static int want_reporter(struct agent *agent, struct link *link, struct reporter **ret_reporter,
			 struct error *error)
{
	const struct reporter_parts parts = { agent->loop, agent->checks, link, &agent->keys };

	*ret_reporter = NULL;
	if (!link || !agent_node(agent)->is_service)
		return 0;
	if (agent->reporter && link == agent->link &&
	    reporter_is_like(agent->reporter, agent->config, agent->node)) {
		*ret_reporter = agent->reporter;
		return 0;
	}
	return reporter_new(&parts, agent->config, agent->node, ret_reporter, error);
}

static void put_config(struct agent *agent, struct config *config, size_t node)
{
	agent->config = config;
	agent->node = node;
	if (config)
		agent->keys = config->sharing.keys;
}

/* Those who have the old link in use have gone or got the new one. */
static void put_link(struct agent *agent, struct link *link)
{
	struct link *old = agent->link;

	agent->link = link;
	agent_renew_receiver(agent);
	agent_renew_tunnels(agent);
	if (old != link)
		link_close(old);
}

/* Makes a config the one in use. On failure the one before is in use again. */
static int use_config(struct agent *agent, struct config *config, size_t node, struct error *error)
{
	struct config *before = agent->config;
	size_t node_before = agent->node;
	struct reporter *reporter;
	struct link *link;
	int err = want_link(agent, config, node, &link, error);

	if (err)
		return err;
	err = checks_set(agent->checks, config, node);
	if (err) {
		fail(error, err, "no memory");
	} else {
		put_config(agent, config, node);
		err = want_reporter(agent, link, &reporter, error);
	}
	if (err) {
		put_config(agent, before, node_before);
		if (before)
			checks_set(agent->checks, before, node_before);
		if (link != agent->link)
			link_close(link);
		return err;
	}
	if (reporter != agent->reporter)
		reporter_free(agent->reporter);
	agent->reporter = reporter;
	/* Its questions are about targets of the old file. */
	asker_end(agent->asker);
	put_link(agent, link);
	free_config(before);
	return 0;
}

void agent_renew_receiver(struct agent *agent)
{
	const struct receiver_parts parts = {
		.loop = agent->loop,
		.config = agent->config,
		.node = agent->node,
		.view = &agent->attached.view,
		.keys = &agent->keys,
		.link = agent->link,
		.checks = agent->checks,
		.asker = agent->asker,
		.path = agent->path,
	};
	struct receiver *old = agent->receiver;
	struct error error = { 0 };

	agent->receiver = NULL;
	if (agent->attached.is_open && agent->attached.wants_access &&
	    agent_node(agent)->is_access && receiver_new(&parts, &agent->receiver, &error))
		log_line(LOG_ERR, "cannot write the health map: %s", error.text);
	if (old && agent->receiver)
		agent_tell_wishes(agent, old, agent->receiver);
	receiver_free(old);
}

void agent_reload(struct agent *agent)
{
	struct error error = { 0 };
	struct config *config;
	size_t node;

	if (!read_config(agent, &config, &node)) {
		if (!use_config(agent, config, node, &error)) {
			agent->reloads++;
			log_line(LOG_NOTICE, "%s was read anew", agent->file);
			return;
		}
		log_line(LOG_ERR, "%s: %s", agent->file, error.text);
		free_config(config);
	}
	agent->failed_reloads++;
	log_line(LOG_ERR, "%s is not used: everything goes on as before", agent->file);
}

/* ---- beginning and end ---- */

static int make_parts(struct agent *agent)
{
	const struct checks_sink checks = { agent, on_changed, on_answered };
	const struct asker_sink asker = { agent, on_ask };
	int err = checks_new(agent->loop, &checks, &agent->checks);

	if (!err)
		err = asker_new(agent->loop, &asker, &agent->asker);
	if (!err)
		err = path_new(agent->loop, &agent->path);
	if (!err)
		err = attached_init(&agent->attached, agent->name);
	if (err)
		log_line(LOG_ERR, "%s", strerror(-err));
	return err;
}

static int begin(struct agent *agent)
{
	struct config *config = NULL;
	struct error error = { 0 };
	size_t node;
	int err = read_config(agent, &config, &node);

	if (err)
		return err;
	if (config->nodes[node].is_access && tick_start())
		log_line(LOG_ERR, "cannot read the kernel's clock: %s", strerror(errno));
	err = control_open(agent->loop, agent->name, agent_answer, agent, &agent->control, &error);
	if (!err)
		err = use_config(agent, config, node, &error);
	if (err) {
		log_line(LOG_ERR, "%s", error.text);
		free_config(config);
	}
	return err;
}

int agent_new(struct ev_loop *loop, const char *file, const char *node, struct agent **ret_agent)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	int err;

	if (!agent)
		return -ENOMEM;
	agent->loop = loop;
	agent->file = file;
	strcpy(agent->name, node);
	err = make_parts(agent);
	if (!err)
		err = begin(agent);
	if (!err)
		err = watch_start(agent);
	if (err) {
		agent_free(agent);
		return err;
	}
	*ret_agent = agent;
	return 0;
}

void agent_free(struct agent *agent)
{
	if (!agent)
		return;
	watch_stop(agent);
	control_close(agent->control);
	asker_free(agent->asker);
	reporter_free(agent->reporter);
	receiver_free(agent->receiver);
	checks_free(agent->checks);
	services_free(agent->services);
	tunnels_free(agent->tunnels);
	link_hops_free(agent->link_hops);
	neigh_free(agent->neigh);
	path_free(agent->path);
	link_close(agent->link);
	attached_close(&agent->attached);
	free_config(agent->config);
	free(agent);
}
