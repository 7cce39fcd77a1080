// SPDX-License-Identifier: BSD-2-Clause
/*
 * What people ask the agent: {"ask": "status"}, and {"ask": "check", "service": NAME, "wait_ms": N}.
 * Also what the agent asks of others: checks now, and to start and stop them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "agent_state.h"
#include "clocks.h"
#include "health/health.h"
#include "log.h"

#define WAIT_DEFAULT_MS 3000
#define WAIT_MAX_MS     600000
/* A probe's answer is under way so much longer than the probe takes. */
#define ANSWER_SPARE_MS 300

/* ---- status ---- */

static json_t *seconds_since(uint64_t then_ms)
{
	return json_real((double)(clock_ms() - then_ms) / 1e3);
}

static json_t *check_json(const struct own_target *target)
{
	char text[ADDRESS_TEXT_LEN] = "";
	json_t *json;

	if (target->spec.family)
		address_port_print(&target->spec.addr, target->spec.family, target->spec.port,
				   text);
	json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:b}", "backend",
			 target->backend, "check", target->check_name, "type",
			 probe_type_name(target->spec.type), "address", text, "state",
			 health_state_name(target->state), "cause",
			 health_cause_name(target->cause), "weight",
			 target->weight ? target->weight : 100, "since_seconds",
			 seconds_since(target->since_ms), "stopped", (int)target->is_stopped);
	if (!target->has_result)
		return json;
	json_object_set_new(json, "last",
			    json_pack("{s:b, s:s, s:i, s:s, s:f, s:o}", "ok",
				      (int)target->result.ok, "cause",
				      health_cause_name(target->result.cause), "number",
				      target->result.number, "detail", target->result.detail,
				      "took_seconds", target->result.duration_us / 1e6,
				      "age_seconds", seconds_since(target->result_ms)));
	return json;
}

static json_t *checks_json(const struct agent *agent)
{
	json_t *list = json_array();

	for (size_t i = 0; i < checks_count(agent->checks); i++)
		json_array_append_new(list, check_json(checks_at(agent->checks, i)));
	return list;
}

static void add_refusals(json_t *json, const struct share_counters *counters)
{
	for (int i = SHARE_ACCEPTED + 1; i < SHARE_REFUSAL_COUNT; i++) {
		const json_t *before = json_object_get(json, share_refusal_names[i]);
		json_int_t count = json_integer_value(before) + (json_int_t)counters->refused[i];

		if (count)
			json_object_set_new(json, share_refusal_names[i], json_integer(count));
	}
}

static json_t *sharing_json(const struct agent *agent)
{
	const struct link_counters *link = link_counters(agent->link);
	json_t *refused = json_object();

	if (agent->reporter)
		add_refusals(refused, reporter_counters(agent->reporter));
	if (agent->receiver)
		add_refusals(refused, receiver_counters(agent->receiver));
	return json_pack("{s:I, s:I, s:I, s:o, s:o}", "sent", (json_int_t)link->sent, "received",
			 (json_int_t)link->received, "unsent", (json_int_t)link->unsent, "refused",
			 refused, "reporter",
			 agent->reporter ? reporter_json(agent->reporter) : json_null());
}

static json_t *services_json(const struct agent *agent)
{
	size_t up, all;

	services_count(agent->services, &up, &all);
	return json_pack("{s:I, s:I}", "up", (json_int_t)up, "all", (json_int_t)all);
}

static json_t *status_json(const struct agent *agent)
{
	const struct config_node *node = agent_node(agent);
	json_t *json = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "node", agent->name, "cluster",
				 agent->config->cluster, "file", agent->file, "reloads",
				 (json_int_t)agent->reloads, "failed_reloads",
				 (json_int_t)agent->failed_reloads, "status", agent->status);

	json_object_set_new(json, "attached",
			    node->is_access ? json_boolean(agent->attached.is_open) : json_null());
	json_object_set_new(json, "services",
			    agent->attached.is_open && node->is_access ? services_json(agent)
								       : json_null());
	json_object_set_new(json, "next_hops",
			    agent->attached.is_open ? neigh_json(agent->neigh) : json_null());
	json_object_set_new(json, "checks", checks_json(agent));
	json_object_set_new(json, "tunnels", tunnels_json(agent->tunnels));
	json_object_set_new(json, "links_changed",
			    json_integer((json_int_t)link_hops_changed(agent->link_hops)));
	json_object_set_new(json, "skipped_starts",
			    json_integer((json_int_t)checks_skipped(agent->checks)));
	json_object_set_new(json, "sharing", agent->link ? sharing_json(agent) : json_null());
	json_object_set_new(json, "reporters",
			    agent->receiver ? receiver_json(agent->receiver) : json_array());
	return json;
}

/* ---- check on request ---- */

struct asked_check {
	struct agent *agent;
	struct control_client *client; /* NULL: gone */
};

static json_t *answer_json(const struct agent *agent, const struct asked_target *answer)
{
	const struct config_target *target = answer->label;
	const struct config_backend *backend = &agent->config->backends[target->backend];
	char text[ADDRESS_TEXT_LEN] = "";
	json_t *json;

	if (target->family)
		address_port_print(&target->addr, target->family, target->port, text);
	json = json_pack("{s:s, s:s, s:s, s:s, s:b}", "backend", backend->name, "node",
			 agent->config->nodes[backend->node].name, "check",
			 agent->config->checks[target->check].name, "address", text, "answered",
			 (int)answer->is_answered);
	if (!answer->is_answered)
		return json;
	json_object_set_new(json, "state", json_string(health_state_name(answer->entry.state)));
	json_object_set_new(json, "cause", json_string(health_cause_name(answer->entry.cause)));
	json_object_set_new(json, "took_seconds", json_real(answer->entry.time / 1e6));
	json_object_set_new(json, "after_seconds", json_real(answer->after_ms / 1e3));
	return json;
}

static void on_check_done(void *context, const struct question *question)
{
	struct asked_check *asked = context;
	json_t *answers = json_array();

	for (size_t i = 0; i < question->count; i++)
		json_array_append_new(answers, answer_json(asked->agent, &question->targets[i]));
	control_reply(asked->client, json_pack("{s:o}", "answers", answers));
	free(asked);
}

static void on_gone(void *context)
{
	struct asked_check *asked = context;

	asker_forget(asked->agent->asker, asked);
	free(asked);
}

/* Who has the target: also on a node without the access role, which can ask nobody else. */
static size_t reporter_of(const struct agent *agent, const struct config_target *target)
{
	size_t node = agent->config->backends[target->backend].node;

	if (node == agent->node)
		return ASKER_OWN;
	return agent->receiver ? receiver_find_node(agent->receiver, node) : RECEIVER_NOBODY;
}

static bool has_target(const struct question *question, const struct config_target *target)
{
	for (size_t i = 0; i < question->count; i++) {
		if (question->targets[i].label == target)
			return true;
	}
	return false;
}

static int list_targets(const struct agent *agent, const struct config_service *service,
			struct question *question)
{
	question->targets = calloc(service->member_count + 1, sizeof(*question->targets));
	if (!question->targets)
		return -ENOMEM;
	question->again_ms = ANSWER_SPARE_MS;
	for (size_t i = 0; i < service->member_count; i++) {
		struct config_target *target = &agent->config->targets[service->members[i].target];
		struct asked_target *asked = &question->targets[question->count];
		uint32_t timeout;

		if (target->check == CONFIG_NO_CHECK || has_target(question, target))
			continue;
		asked->reporter = reporter_of(agent, target);
		asked->label = target;
		receiver_fill_target(agent->config, target, &asked->target);
		timeout = agent->config->checks[target->check].spec.timeout_ms + ANSWER_SPARE_MS;
		if (question->again_ms < timeout)
			question->again_ms = timeout;
		question->count++;
	}
	return 0;
}

static const struct config_service *find_service(const struct agent *agent, const char *name)
{
	for (size_t i = 0; name && i < agent->config->service_count; i++) {
		if (!strcmp(agent->config->services[i].name, name))
			return &agent->config->services[i];
	}
	return NULL;
}

static void refuse(struct control_client *client, const char *format, const char *what)
{
	control_reply(client, json_pack("{s:o}", "error", json_sprintf(format, what)));
}

static void ask_check(struct agent *agent, struct control_client *client, const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "service"));
	const json_t *wait = json_object_get(request, "wait_ms");
	const struct config_service *service = find_service(agent, name);
	struct asked_check *asked = calloc(1, sizeof(*asked));
	struct question question = { .action = SHARE_CHECK_ONCE,
				     .done = on_check_done,
				     .context = asked,
				     .wait_ms = WAIT_DEFAULT_MS };
	int err = -ENOMEM;

	if (json_integer_value(wait) > 0 && json_integer_value(wait) <= WAIT_MAX_MS)
		question.wait_ms = (uint32_t)json_integer_value(wait);
	if (!service) {
		free(asked);
		refuse(client, "the agent's file has no service %s", name ? name : "");
		return;
	}
	question.service = share_hash_name(service->name);
	if (asked)
		err = list_targets(agent, service, &question);
	if (!err && !question.count) {
		free(question.targets);
		free(asked);
		refuse(client, "service %s has no check", service->name);
		return;
	}
	if (!err) {
		*asked = (struct asked_check){ agent, client };
		control_on_gone(client, on_gone, asked);
		err = asker_ask(agent->asker, &question);
	}
	if (err) {
		free(asked);
		refuse(client, "cannot ask now: %s", strerror(-err));
	}
}

void agent_answer(void *context, struct control_client *client, const json_t *request)
{
	struct agent *agent = context;
	const char *what = json_string_value(json_object_get(request, "ask"));

	if (what && !strcmp(what, "status"))
		control_reply(client, status_json(agent));
	else if (what && !strcmp(what, "check"))
		ask_check(agent, client, request);
	else
		refuse(client, "no such question: %s", what ? what : "none");
}
