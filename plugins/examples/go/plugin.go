// Package plugin lets each role touch only the tables that the configuration names for it. Everything else is denied.
package plugin

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"wit_component/palisade_policy_plugin"
	. "wit_component/palisade_policy_types"
)

// Globs by role.
var tables struct{ Tables map[string][]string }

func Describe() palisade_policy_plugin.Manifest {
	return palisade_policy_plugin.Manifest{
		Name:        "table-allow-list",
		Version:     "0.1.0",
		Description: "Lets each role touch only the tables named for it.",
		ConfigSchema: `{"type":"object","required":["tables"],"additionalProperties":false,"properties":{"tables":
			{"type":"object","additionalProperties":{"type":"array","items":{"type":"string","minLength":1}}}}}`,
		LooksAt: palisade_policy_plugin.ContextPartsPrincipal,
	}
}

func Configure(config string) error {
	err := json.Unmarshal([]byte(config), &tables)
	for role, globs := range tables.Tables {
		for _, glob := range globs {
			if _, bad := path.Match(glob, ""); bad != nil {
				err = fmt.Errorf("%s: %q is not a glob", role, glob)
			}
		}
	}
	return err
}

func Judge(context Context, command Command) Verdict {
	if !command.Complete {
		return deny("what this command touches cannot be told in full", "Send plain statements.")
	}
	for _, operation := range command.Operations {
		if !allowed(context.Principal.Roles, operation) {
			wish := operation.Action + " " + operation.Object
			return deny("you may not "+strings.TrimSpace(wish), "Use only the tables of your role, with their schema.")
		}
	}
	return MakeVerdictAllow()
}

func allowed(roles []string, operation Operation) bool {
	if operation.Object == "" {
		return slices.Contains([]string{"begin", "commit", "rollback", "select"}, operation.Action)
	}
	return slices.ContainsFunc(roles, func(role string) bool {
		return slices.ContainsFunc(tables.Tables[role], func(glob string) bool {
			fits, err := path.Match(glob, operation.Object)
			return fits && err == nil
		})
	})
}

func deny(reason, hint string) Verdict {
	return MakeVerdictDeny(Denial{Reason: reason, Rule: "table-allow-list", Hint: hint})
}
