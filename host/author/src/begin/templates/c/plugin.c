// Nobody drops or empties the tables that are to be kept.

#include "guard_plugin.h" // Made of wit/policy.wit: a type for everything in the contract.
#include <stdlib.h>
#include <string.h>

// Nothing here is freed: the gateway throws the whole instance away after each call. What is returned must lie on the
// heap, since the generated code frees it: guard_plugin_string_dup copies it there.

typedef guard_plugin_string_t text; // Not ended by a NUL.

#define MOST 64
static text keep[MOST];
static size_t kept;

static bool is(text a, const char *b) { return a.len == strlen(b) && memcmp(a.ptr, b, a.len) == 0; }

// {"keep": ["public.orders"]} is all the JSON that the schema lets through, and all that is understood here.
static bool take(text *json, char c) {
    while (json->len && memchr(" \n\r\t", *json->ptr, 4)) json->ptr++, json->len--;
    return json->len && *json->ptr == c && (json->ptr++, json->len--, true);
}
static bool word(text *json, text *found) {
    if (!take(json, '"')) return false;
    for (*found = (text){json->ptr, 0}; json->len && *json->ptr != '"'; json->ptr++, json->len--, found->len++)
        if (*json->ptr == '\\') return false;
    return found->len && take(json, '"');
}

// Called before each call. False refuses the configuration, for the reason in `error`.
bool exports_palisade_policy_plugin_configure(text *config, text *error) {
    text key;
    if (take(config, '{') && word(config, &key) && is(key, "keep") && take(config, ':') && take(config, '[')) {
        while (kept < MOST && word(config, &keep[kept])) {
            kept++;
            if (take(config, ',')) continue;
            if (take(config, ']') && take(config, '}')) return true;
            break;
        }
    }
    guard_plugin_string_dup(error, "expected {\"keep\": [\"schema.table\"]}, with 1 to 64 names");
    return false;
}

// The gateway checks the configuration by the schema before `configure` sees it.
void exports_palisade_policy_plugin_describe(exports_palisade_policy_plugin_manifest_t *manifest) {
    guard_plugin_string_dup(&manifest->name, "{{name}}");
    guard_plugin_string_dup(&manifest->version, "0.1.0");
    guard_plugin_string_dup(&manifest->description, "Denies dropping and emptying the tables that are to be kept.");
    guard_plugin_string_dup(&manifest->config_schema,
        "{\"type\":\"object\",\"required\":[\"keep\"],\"additionalProperties\":false,\"properties\":{\"keep\":"
        "{\"type\":\"array\",\"minItems\":1,\"maxItems\":64,\"items\":{\"type\":\"string\",\"pattern\":\"^[^\\\"\\\\\\\\]+$\"},"
        "\"description\":\"Tables that nobody drops or empties: public.orders\"}}}");
    // All that a rule may look at; what is not named is empty. The fewer, the less often it is asked.
    manifest->looks_at = EXPORTS_PALISADE_POLICY_PLUGIN_CONTEXT_PARTS_SESSION | EXPORTS_PALISADE_POLICY_PLUGIN_CONTEXT_PARTS_PRINCIPAL
        | EXPORTS_PALISADE_POLICY_PLUGIN_CONTEXT_PARTS_TARGET | EXPORTS_PALISADE_POLICY_PLUGIN_CONTEXT_PARTS_CLIENT_ADDRESS;
}

// A table whose schema the gateway cannot know is called "?.orders", and may be any of that name.
static bool may_be(text object, text table) {
    if (object.len == table.len && memcmp(object.ptr, table.ptr, table.len) == 0) return true;
    size_t name = table.len;
    while (name && table.ptr[name - 1] != '.') name--;
    return object.len == 2 + table.len - name && memcmp(object.ptr, "?.", 2) == 0 &&
        memcmp(object.ptr + 2, table.ptr + name, table.len - name) == 0;
}

// The rule's name is what the record is searched by.
static void deny(exports_palisade_policy_guard_verdict_t *verdict, text reason, const char *hint) {
    verdict->tag = PALISADE_POLICY_TYPES_VERDICT_DENY;
    verdict->val.deny.reason = reason;
    guard_plugin_string_dup(&verdict->val.deny.rule, "{{name}}");
    guard_plugin_string_dup(&verdict->val.deny.hint, hint);
}

// Called before each command runs. There are PALISADE_POLICY_TYPES_VERDICT_HOLD and _REWRITE too.
void exports_palisade_policy_guard_judge(exports_palisade_policy_guard_context_t *context,
    exports_palisade_policy_guard_command_t *command, exports_palisade_policy_guard_verdict_t *verdict) {
    (void)context;
    text reason;
    verdict->tag = PALISADE_POLICY_TYPES_VERDICT_ALLOW;
    if (!command->complete) {
        guard_plugin_string_dup(&reason, "what this command does cannot be told in full");
        return deny(verdict, reason, "Send plain statements.");
    }
    // Operations, not the text, say what would be done: a text can be written in a thousand ways.
    for (size_t i = 0; i < command->operations.len; i++) {
        text action = command->operations.ptr[i].action, object = command->operations.ptr[i].object;
        if (!is(action, "drop") && !is(action, "truncate")) continue;
        for (size_t k = 0; k < kept; k++) {
            if (!may_be(object, keep[k])) continue;
            const char rest[] = " stays as it is";
            reason = (text){malloc(object.len + sizeof rest), object.len + sizeof rest - 1};
            memcpy(reason.ptr, object.ptr, object.len);
            memcpy(reason.ptr + object.len, rest, sizeof rest - 1);
            return deny(verdict, reason, "Delete single rows, or ask whoever operates the gateway.");
        }
    }
}
