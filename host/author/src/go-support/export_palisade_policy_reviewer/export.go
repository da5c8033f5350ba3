package export_palisade_policy_reviewer

import (
	"wit_component/palisade_policy_reviewer"
	. "wit_component/palisade_policy_types"
	"wit_component/plugin"
)

func Review(context Context, command Command, hold Hold) palisade_policy_reviewer.Decision {
	return plugin.Review(context, command, hold)
}
