package export_palisade_policy_guard

import (
	"wit_component/palisade_policy_types"
	"wit_component/plugin"
)

func Judge(context palisade_policy_types.Context, command palisade_policy_types.Command) palisade_policy_types.Verdict {
	return plugin.Judge(context, command)
}
