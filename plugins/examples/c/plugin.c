// Where the label `env` says "prod" (or what is configured), only one role changes data; everybody may read.

#include "guard_plugin.h"
#include <string.h>

// Nothing here is freed: the gateway throws the whole instance away after each call. What is returned must still lie on
// the heap, since the generated code frees it.

typedef guard_plugin_string_t text; // Not ended by a NUL.

static text role, env = {(uint8_t *)"prod", 4};

static bool same(text a, text b) { return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0; }
static bool is(text a, const char *b) { return same(a, (text){(uint8_t *)b, strlen(b)}); }

// What changes nothing. Every other action counts as a change, those that these lists have never heard of too.
static const char *const IN_SQL[] = {"begin", "close", "commit", "copy-to", "deallocate", "declare", "execute", "explain",
    "fetch", "move", "prepare", "release", "reset", "rollback", "savepoint", "select", "set", "show", "use", NULL};
static const char *const ELSEWHERE[] = {"GET", "HEAD", "get", "list", "watch", NULL};

static bool reads(text protocol, text action) {
    const char *const *known = is(protocol, "postgres") || is(protocol, "mysql") ? IN_SQL : ELSEWHERE;
    while (*known && !is(action, *known)) known++;
    return *known;
}

// One flat object of plain words is all the JSON that the schema lets through, and all that is understood here.
static bool take(text *json, char c) {
    while (json->len && memchr(" \n\r\t", *json->ptr, 4)) json->ptr++, json->len--;
    return json->len && *json->ptr == c && (json->ptr++, json->len--, true);
}
static bool word(text *json, text *found) {
    if (!take(json, '"')) return false;
    for (*found = (text){json->ptr, 0}; json->len && *json->ptr != '"'; json->ptr++, json->len--, found->len++)
        if (!memchr("abcdefghijklmnopqrstuvwxyz0123456789-", *json->ptr, 37)) return false;
    return found->len && take(json, '"');
}

bool exports_palisade_policy_plugin_configure(text *config, text *error) {
    text key, value;
    for (bool more = take(config, '{'); more && word(config, &key) && take(config, ':') && word(config, &value);) {
        if (!is(key, "role") && !is(key, "env")) break;
        *(is(key, "role") ? &role : &env) = value;
        if (!(more = take(config, ',')) && take(config, '}') && role.len) return true;
    }
    guard_plugin_string_dup(error, "expected {\"role\": \"...\", \"env\": \"...\"}, in letters a-z, digits and -");
    return false;
}

void exports_palisade_policy_plugin_describe(exports_palisade_policy_plugin_manifest_t *manifest) {
    guard_plugin_string_dup(&manifest->name, "prod-roles");
    guard_plugin_string_dup(&manifest->version, "0.1.0");
    guard_plugin_string_dup(&manifest->description, "Lets only one role change data in production.");
    guard_plugin_string_dup(&manifest->config_schema, "{\"type\":\"object\",\"required\":[\"role\"],\"additionalProperties\":false,"
        "\"patternProperties\":{\"^(role|env)$\":{\"type\":\"string\",\"pattern\":\"^[a-z0-9-]+$\"}}}");
    manifest->looks_at = EXPORTS_PALISADE_POLICY_PLUGIN_CONTEXT_PARTS_PRINCIPAL;
    manifest->looks_at |= EXPORTS_PALISADE_POLICY_PLUGIN_CONTEXT_PARTS_TARGET;
}

void exports_palisade_policy_guard_judge(exports_palisade_policy_guard_context_t *context,
    exports_palisade_policy_guard_command_t *command, exports_palisade_policy_guard_verdict_t *verdict) {
    bool guarded = false, may = false, changes = !command->complete;
    guard_plugin_list_tuple2_string_string_t labels = context->target.labels;
    for (size_t i = 0; i < labels.len; i++) guarded |= is(labels.ptr[i].f0, "env") && same(labels.ptr[i].f1, env);
    for (size_t i = 0; i < context->principal.roles.len; i++) may |= same(context->principal.roles.ptr[i], role);
    for (size_t i = 0; i < command->operations.len; i++)
        changes |= !reads(context->target.protocol, command->operations.ptr[i].action);
    verdict->tag = PALISADE_POLICY_TYPES_VERDICT_ALLOW;
    if (!guarded || may || !changes) return;
    verdict->tag = PALISADE_POLICY_TYPES_VERDICT_DENY;
    guard_plugin_string_dup(&verdict->val.deny.reason, command->complete
        ? "only a role that you do not have changes data here" : "it cannot be told whether this changes data");
    guard_plugin_string_dup(&verdict->val.deny.rule, "prod-roles");
    guard_plugin_string_dup(&verdict->val.deny.hint, "Read only, or ask somebody who has the role.");
}
