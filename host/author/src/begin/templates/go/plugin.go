// Package plugin denies dropping and emptying the tables that are to be kept.
package plugin

import (
	"encoding/json"
	"slices"
	"strings"

	"wit_component/palisade_policy_plugin"
	. "wit_component/palisade_policy_types"
)

// The configuration.
var config struct{ Keep []string }

// Describe says what the plugin is. The gateway checks the configuration by the schema before Configure sees it.
func Describe() palisade_policy_plugin.Manifest {
	return palisade_policy_plugin.Manifest{
		Name:        "{{name}}",
		Version:     "0.1.0",
		Description: "Denies dropping and emptying the tables that are to be kept.",
		ConfigSchema: `{"type":"object","required":["keep"],"additionalProperties":false,"properties":{"keep":
			{"type":"array","items":{"type":"string","minLength":1},
			"description":"Tables that nobody drops or empties: public.orders"}}}`,
		// All that a rule may look at; what is not named is empty. The fewer, the less often it is asked.
		LooksAt: palisade_policy_plugin.ContextPartsSession | palisade_policy_plugin.ContextPartsPrincipal |
			palisade_policy_plugin.ContextPartsTarget | palisade_policy_plugin.ContextPartsClientAddress,
	}
}

// Configure is called before each call. An error says why the configuration is refused.
func Configure(text string) error {
	return json.Unmarshal([]byte(text), &config)
}

// Judge is called before each command runs. There are MakeVerdictHold and MakeVerdictRewrite too.
func Judge(context Context, command Command) Verdict {
	if !command.Complete {
		return deny("what this command does cannot be told in full", "Send plain statements.")
	}
	// Operations, not the text, say what would be done: a text can be written in a thousand ways.
	for _, operation := range command.Operations {
		if slices.Contains([]string{"drop", "truncate"}, operation.Action) && isKept(operation.Object) {
			hint := "Delete single rows, or ask whoever operates the gateway."
			return deny(operation.Object+" stays as it is", hint)
		}
	}
	return MakeVerdictAllow()
}

// A table whose schema the gateway cannot know is called "?.orders", and may be any of that name.
func isKept(object string) bool {
	return slices.ContainsFunc(config.Keep, func(table string) bool {
		return object == table || object == "?."+table[strings.LastIndex(table, ".")+1:]
	})
}

// The rule's name is what the record is searched by.
func deny(reason, hint string) Verdict {
	return MakeVerdictDeny(Denial{Reason: reason, Rule: "{{name}}", Hint: hint})
}
